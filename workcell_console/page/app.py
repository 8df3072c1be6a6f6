"""The page's ASGI application. Reading is open on loopback; every change needs the run's token."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

STATIC = Path(__file__).parents[1] / "static"
ANSWER_TIMEOUT_S = 10.0
ANSWERS = ("approve", "reject")
GUARDS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data: blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
LOOPBACK_HOSTS = ["127.0.0.1", "localhost", "[::1]"]


class Backend(Protocol):
    """What the page asks of the console node; every method may be called from the server's thread."""

    def picture(self) -> bytes:
        """Returns the newest state as JSON."""
        ...

    def camera_jpeg(self) -> bytes:
        """Returns the newest camera image as JPEG; empty before the first."""
        ...

    def answer(self, stamp_ns: int, approve: bool) -> Future[tuple[bool, str]]:
        """Passes a person's answer on; the future tells whether it took effect and what was said."""
        ...

    def look(self, what: str, name: str) -> Future[Any]:
        """Looks inside the graph: nodes, topics, or the newest message of topic `name`."""
        ...


def make_app(backend: Backend, token: str, hosts: list[str], more: Sequence[Route] = ()) -> Starlette:
    """Returns the application.

    Args:
        backend: the console node.
        token: secret that every change must carry in the header `X-Workcell-Token`.
        hosts: host names the page may be asked for under; others are refused, so that a page elsewhere
            cannot reach it through a name of its own.
        more: further routes.
    """

    async def index(_request: Request) -> Response:
        return FileResponse(STATIC / "index.html")

    async def state(_request: Request) -> Response:
        return Response(backend.picture(), media_type="application/json", headers={"Cache-Control": "no-store"})

    async def camera(_request: Request) -> Response:
        jpeg = backend.camera_jpeg()
        if not jpeg:
            return Response(status_code=204)
        return Response(jpeg, media_type="image/jpeg", headers={"Cache-Control": "no-store"})

    async def check_token(request: Request) -> Response:
        return JSONResponse({"valid": _has_token(request, token)})

    async def answer(request: Request) -> Response:
        refused = refusal(request, token)
        if refused is not None:
            return refused
        verb, stamp = request.path_params["verb"], request.path_params["stamp"]
        if verb not in ANSWERS:
            return JSONResponse({"success": False, "message": f"valid: {', '.join(ANSWERS)}"}, status_code=404)
        return await reply(lambda: backend.answer(stamp, verb == "approve"), answer_response)

    async def look(request: Request) -> Response:
        what, name = request.path_params["what"], request.query_params.get("name", "")
        return await reply(lambda: backend.look(what, name), JSONResponse)

    routes = [
        Route("/", index),
        Route("/api/state", state),
        Route("/api/camera.jpg", camera),
        Route("/api/token", check_token),
        Route("/api/proposals/{stamp:int}/{verb}", answer, methods=["POST"]),
        Route("/api/graph/{what}", look),
        *more,
        Mount("/static", StaticFiles(directory=STATIC)),
    ]
    middleware = [Middleware(TrustedHostMiddleware, allowed_hosts=hosts), Middleware(_Guarded)]
    return Starlette(routes=routes, middleware=middleware)


class _Guarded:
    """Adds the headers that keep the page to itself: no foreign content in it, nor it inside a foreign page."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(GUARDS)
            await send(message)

        await self._app(scope, receive, send_guarded)


def _has_token(request: Request, token: str) -> bool:
    given = request.headers.get("X-Workcell-Token", "")
    return hmac.compare_digest(given.encode(), token.encode())


def refusal(request: Request, token: str) -> Response | None:
    """What to say to a change without the token; None where it has it."""
    if _has_token(request, token):
        return None
    text = "wrong or missing token: open the address the run printed"
    return JSONResponse({"success": False, "message": text}, status_code=403)


async def reply(ask: Callable[[], Future[Any]], respond: Callable[[Any], Response]) -> Response:
    """Asks the cell and responds with what it says, or with why there is no answer."""
    try:
        async with asyncio.timeout(ANSWER_TIMEOUT_S):
            return respond(await asyncio.wrap_future(ask()))
    except TimeoutError:
        return JSONResponse({"success": False, "message": "the cell gave no answer in time"}, status_code=504)
    except (LookupError, ValueError) as error:
        return JSONResponse({"success": False, "message": str(error)}, status_code=404)


def answer_response(result: tuple[bool, str]) -> Response:
    """The response to an answer that took effect, or did not, with what was said."""
    success, message = result
    return JSONResponse({"success": success, "message": message}, status_code=200 if success else 409)
