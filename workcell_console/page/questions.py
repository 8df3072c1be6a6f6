"""The page's part for what inspection is unsure about: the parts, their images, and a person's answers."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from workcell_console.page.app import answer_response, refusal, reply
from workcell_perception.questions import Answer, Question, QuestionStore

Answerer = Callable[[int, Answer], Future[tuple[bool, str]]]


def question_routes(store: QuestionStore, answerer: Answerer, token: str) -> list[Route]:
    """Returns the routes below `/api/questions`; an answer needs the run's token like every change."""

    async def questions(_request: Request) -> Response:
        pending = await run_in_threadpool(store.pending)
        return JSONResponse([_picture(question) for question in pending], headers={"Cache-Control": "no-store"})

    async def image(request: Request) -> Response:
        file = store.image_of(request.path_params["stamp"])
        if not file.is_file():
            return Response(status_code=404)
        return FileResponse(file, media_type="image/png")

    async def answer(request: Request) -> Response:
        refused = refusal(request, token)
        if refused is not None:
            return refused
        stamp_ns, said = request.path_params["stamp"], request.path_params["answer"]
        if said not in list(Answer):
            return JSONResponse({"success": False, "message": f"valid: {', '.join(Answer)}"}, status_code=404)
        return await reply(lambda: answerer(stamp_ns, Answer(said)), answer_response)

    return [
        Route("/api/questions", questions),
        Route("/api/questions/{stamp:int}.png", image),
        Route("/api/questions/{stamp:int}/{answer}", answer, methods=["POST"]),
    ]


def _picture(question: Question) -> dict[str, object]:
    """A question as the page draws it; the stamp is text, since a script's numbers are too short for it."""
    return {
        "stamp_ns": str(question.stamp_ns),
        "variant": question.variant,
        "reason": question.reason,
        "boxes": [list(defect.box) for defect in question.defects],
    }
