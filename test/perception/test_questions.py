"""Questions to a person: kept, bounded, answered once, and then material to teach from."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from workcell_perception import questions
from workcell_perception.defects import DefectClass, FoundDefect
from workcell_perception.questions import Answer, Question, QuestionStore

IMAGE = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64).astype(np.uint8)
DOUBT = FoundDefect(DefectClass.SPUR, (1, 2, 9, 12), 20, 0.1)


def question(stamp_ns: int) -> Question:
    return Question(stamp_ns, 3, "possible spur at (1, 2)", (DOUBT,))


def test_question_waits_with_its_image_without_loss(tmp_path: Path) -> None:
    store = QuestionStore(tmp_path / "questions")
    assert store.pending() == ()
    assert store.ask(question(7), IMAGE) == ()
    assert QuestionStore(tmp_path / "questions").pending() == (question(7),)
    assert (cv2.imread(str(store.image_of(7)), cv2.IMREAD_GRAYSCALE) == IMAGE).all()


@pytest.mark.parametrize("answer", list(Answer))
def test_answer_is_kept_with_the_part(tmp_path: Path, answer: Answer) -> None:
    store = QuestionStore(tmp_path)
    store.ask(question(7), IMAGE)
    assert store.answer(7, answer)
    assert store.pending() == ()
    facts = json.loads((tmp_path / "answered" / "q7.json").read_text())
    assert (facts["answer"], facts["variant"], facts["defects"][0]["kind"]) == (answer.value, 3, "spur")
    assert (tmp_path / "answered" / "q7.png").is_file()
    assert not store.answer(7, answer)


def test_questions_are_bounded_and_the_oldest_goes(tmp_path: Path) -> None:
    store = QuestionStore(tmp_path)
    dropped = [stamp for stamp_ns in range(5, 30) for stamp in store.ask(question(stamp_ns), IMAGE)]
    assert dropped == list(range(5, 30 - questions.PENDING_MAX))
    assert store.dropped == len(dropped)
    assert len(store.pending()) == questions.PENDING_MAX
    assert not store.image_of(5).exists()


def test_answers_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "ANSWERED_MAX", 2)
    store = QuestionStore(tmp_path)
    for stamp_ns in (8, 9, 10):
        store.ask(question(stamp_ns), IMAGE)
        store.answer(stamp_ns, Answer.GOOD)
    kept = sorted(file.name for file in (tmp_path / "answered").iterdir())
    assert kept == ["q10.json", "q10.png", "q9.json", "q9.png"]


def test_damaged_question_is_none(tmp_path: Path) -> None:
    (tmp_path / "q1.json").write_text("{")
    (tmp_path / "q2.json").write_text('{"stamp_ns": 2}')
    assert QuestionStore(tmp_path).pending() == ()
    assert not QuestionStore(tmp_path).answer(1, Answer.BAD)
