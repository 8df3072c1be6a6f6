"""A person answers what inspection is unsure about: through a headless Chromium, without a cell behind the page."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest

from workcell_console.page.app import LOOPBACK_HOSTS, make_app
from workcell_console.page.questions import question_routes
from workcell_console.page.server import PageServer
from workcell_perception.defects import DefectClass, FoundDefect
from workcell_perception.questions import Answer, Question, QuestionStore

pytestmark = pytest.mark.browser

TOKEN = "questions-token"
HAS_RED = """
const canvas = document.querySelector("#questions canvas");
const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
return data.some((level, index) => index % 4 === 0 && level > 150 && data[index + 1] < 80);
"""
STAMP_NS = 1_700_000_000_123_456_789


class Nobody:
    """A console without a cell."""

    def picture(self) -> bytes:
        return b"{}"

    def camera_jpeg(self) -> bytes:
        return b""

    def answer(self, stamp_ns: int, approve: bool) -> Future[tuple[bool, str]]:
        raise LookupError("no proposals here")

    def look(self, what: str, name: str) -> Future[object]:
        raise LookupError("nothing to look at")


@pytest.fixture
def store(tmp_path: Path) -> QuestionStore:
    made = QuestionStore(tmp_path)
    doubt = FoundDefect(DefectClass.SPUR, (100, 120, 140, 160), 20, 0.1)
    made.ask(Question(STAMP_NS, 3, "possible spur at (100, 120)", (doubt,)), np.full((640, 640), 90, dtype=np.uint8))
    return made


@pytest.fixture
def address(store: QuestionStore) -> Iterator[str]:
    def answer(stamp_ns: int, said: Answer) -> Future[tuple[bool, str]]:
        future: Future[tuple[bool, str]] = Future()
        future.set_result((store.answer(stamp_ns, said), f"kept as {said}"))
        return future

    app = make_app(Nobody(), TOKEN, LOOPBACK_HOSTS, question_routes(store, answer, TOKEN))
    server = PageServer(app, "127.0.0.1", 0)
    server.start()
    yield f"http://127.0.0.1:{server.port}/"
    server.stop()


@pytest.fixture
def article(browser, until):
    """Finds the question on the page."""
    return lambda: until(lambda: browser.find_elements("css selector", "#questions article"))[0]


def press(article, label: str) -> None:
    buttons = article().find_elements("tag name", "button")
    next(button for button in buttons if button.text == label).click()


def test_unsure_part_is_shown_and_answered(browser, until, article, address: str, store: QuestionStore) -> None:
    browser.get(f"{address}#token={TOKEN}")
    assert "Is this part of product 3 good?" in article().text
    assert "possible spur at (100, 120)" in article().text
    # The part's image is drawn with the place in doubt framed.
    until(lambda: browser.execute_script(HAS_RED))
    press(article, "Bad part")
    until(lambda: store.pending() == ())
    assert (store.folder / "answered" / f"q{STAMP_NS}.json").is_file()
    until(lambda: browser.execute_script("return document.getElementById('questions').hidden"))


def test_without_the_token_nothing_is_answered(browser, until, article, address: str, store: QuestionStore) -> None:
    browser.get("about:blank")
    browser.get(f"{address}#token=wrong")
    press(article, "Good part")
    until(lambda: "wrong or missing token" in article().text)
    assert len(store.pending()) == 1
