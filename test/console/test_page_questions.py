"""The page's questions: anybody may look, only who has the token answers."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient
from test_page_app import HEADERS, TOKEN, FakeBackend

from workcell_console.page.app import LOOPBACK_HOSTS, make_app
from workcell_console.page.questions import question_routes
from workcell_perception.defects import DefectClass, FoundDefect
from workcell_perception.questions import Question, QuestionStore

STAMP_NS = 1_700_000_000_123_456_789
DOUBT = FoundDefect(DefectClass.SPUR, (1, 2, 9, 12), 20, 0.1)


class Answers:
    def __init__(self) -> None:
        self.given: list[tuple[int, str]] = []

    def __call__(self, stamp_ns: int, answer: str) -> Future[tuple[bool, str]]:
        self.given.append((stamp_ns, str(answer)))
        future: Future[tuple[bool, str]] = Future()
        future.set_result((True, f"kept as {answer}"))
        return future


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def client(tmp_path: Path, answers: Answers) -> TestClient:
    store = QuestionStore(tmp_path)
    store.ask(Question(STAMP_NS, 3, "possible spur at (1, 2)", (DOUBT,)), np.zeros((32, 32), dtype=np.uint8))
    routes = question_routes(store, answers, TOKEN)
    return TestClient(make_app(FakeBackend(), TOKEN, LOOPBACK_HOSTS, routes), base_url="http://127.0.0.1:8642")


def test_questions_and_their_images_are_shown(client: TestClient) -> None:
    (question,) = client.get("/api/questions").json()
    assert question["stamp_ns"] == str(STAMP_NS)
    assert (question["variant"], question["reason"]) == (3, "possible spur at (1, 2)")
    assert question["boxes"] == [[1, 2, 9, 12]]
    image = client.get(f"/api/questions/{STAMP_NS}.png")
    assert image.headers["content-type"] == "image/png"
    assert client.get("/api/questions/5.png").status_code == 404
    assert client.get("/static/questions.js").status_code == 200


def test_answer_needs_the_token(client: TestClient, answers: Answers) -> None:
    assert client.post(f"/api/questions/{STAMP_NS}/good").status_code == 403
    assert client.post(f"/api/questions/{STAMP_NS}/good", headers={"X-Workcell-Token": "no"}).status_code == 403
    assert answers.given == []
    assert client.post(f"/api/questions/{STAMP_NS}/bad", headers=HEADERS).json()["message"] == "kept as bad"
    assert answers.given == [(STAMP_NS, "bad")]


def test_other_answers_are_refused(client: TestClient, answers: Answers) -> None:
    said = client.post(f"/api/questions/{STAMP_NS}/maybe", headers=HEADERS)
    assert (said.status_code, said.json()["message"]) == (404, "valid: good, bad")
    assert client.get(f"/api/questions/{STAMP_NS}/good").status_code == 405
    assert answers.given == []
