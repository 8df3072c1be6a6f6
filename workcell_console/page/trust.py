"""The page's way to move the policy between its stages of trust."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from workcell_console.page.app import answer_response, refusal, reply

SERVICES = {"promote": "policy/promote", "demote": "policy/demote", "rollback": "governor/rollback"}
"""Service that carries out each verb."""


def trust_routes(move: Callable[[str], Future[tuple[bool, str]]], token: str) -> list[Route]:
    """Returns the routes; `move` passes a verb of `SERVICES` on to the cell."""

    async def post(request: Request) -> Response:
        refused = refusal(request, token)
        if refused is not None:
            return refused
        verb = request.path_params["verb"]
        if verb not in SERVICES:
            return JSONResponse({"success": False, "message": f"valid: {', '.join(SERVICES)}"}, status_code=404)
        return await reply(lambda: move(verb), answer_response)

    return [Route("/api/policy/{verb}", post, methods=["POST"])]
