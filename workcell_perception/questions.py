"""Parts that inspection was unsure about, kept until a person answers; the answers are material to teach from.

A question is `q<stamp>.png`, the part's rectified image without loss, beside `q<stamp>.json`. Answered ones move to
`answered/`. Both are bounded: what is too much is dropped, the oldest first, and counted.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from workcell_perception.defects import DefectClass, FoundDefect
from workcell_perception.images import read_image

ImageU8 = npt.NDArray[np.uint8]

PENDING_MAX = 20
ANSWERED_MAX = 2000
ANSWERED = "answered"
_PNG_FAST = (cv2.IMWRITE_PNG_COMPRESSION, 1)


class Answer(StrEnum):
    """What a person says of a part."""

    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True)
class Question:
    """A part to be looked at: when it was seen, its variant, why inspection was unsure, and the places in doubt."""

    stamp_ns: int
    variant: int
    reason: str
    defects: tuple[FoundDefect, ...] = ()


@dataclass(frozen=True)
class AnsweredPart:
    """A rectified part (side, side) and what a person said of it."""

    name: str
    image: ImageU8
    answer: Answer


def answered_parts(folder: str | Path, variant: int) -> tuple[AnsweredPart, ...]:
    """Reads the answered questions about a variant; `folder` is that of the questions or its `answered`.

    Raises:
        ImageError: an answer's image is missing or damaged.
    """
    root = Path(folder) / ANSWERED if (Path(folder) / ANSWERED).is_dir() else Path(folder)
    parts = []
    for file in sorted(root.glob("q*.json")):
        question = _read(file)
        if question is not None and question.variant == variant:
            answer = Answer(json.loads(file.read_text(encoding="utf-8"))["answer"])
            parts.append(AnsweredPart(file.stem, read_image(file.with_suffix(".png")), answer))
    return tuple(parts)


class QuestionStore:
    """A folder of questions. One process asks and answers; others may read."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.dropped = 0

    def pending(self) -> tuple[Question, ...]:
        """Questions without an answer, the oldest first. A file that cannot be read is no question."""
        files = sorted(self.folder.glob("q*.json"), key=lambda file: (len(file.name), file.name))
        read = (_read(file) for file in files)
        return tuple(question for question in read if question is not None)

    def ask(self, question: Question, rectified: ImageU8) -> tuple[int, ...]:
        """Keeps a question and the part's image; returns the stamps of those dropped for it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(self.image_of(question.stamp_ns)), rectified, _PNG_FAST)
        _write(self._file_of(question.stamp_ns), asdict(question))
        old = self.pending()[:-PENDING_MAX]
        for item in old:
            for file in (self._file_of(item.stamp_ns), self.image_of(item.stamp_ns)):
                file.unlink(missing_ok=True)
        self.dropped += len(old)
        return tuple(item.stamp_ns for item in old)

    def answer(self, stamp_ns: int, answer: Answer) -> bool:
        """Files a person's answer with the question; returns False where that question does not wait."""
        file = self._file_of(stamp_ns)
        question = _read(file)
        if question is None:
            return False
        target = self.folder / ANSWERED
        target.mkdir(exist_ok=True)
        image = self.image_of(stamp_ns)
        if image.is_file():
            image.replace(target / image.name)
        _write(target / file.name, {**asdict(question), "answer": answer.value})
        file.unlink()
        for old in sorted(target.glob("q*.json"), key=lambda path: (len(path.name), path.name))[:-ANSWERED_MAX]:
            old.with_suffix(".png").unlink(missing_ok=True)
            old.unlink()
        return True

    def image_of(self, stamp_ns: int) -> Path:
        """The image of a question that waits."""
        return self.folder / f"q{stamp_ns}.png"

    def _file_of(self, stamp_ns: int) -> Path:
        return self.folder / f"q{stamp_ns}.json"


def _write(file: Path, facts: Mapping[str, Any]) -> None:
    part = file.with_suffix(".part")
    part.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    os.replace(part, file)


def _read(file: Path) -> Question | None:
    try:
        facts = json.loads(file.read_text(encoding="utf-8"))
        defects = tuple(
            FoundDefect(DefectClass(item["kind"]), tuple(item["box"]), int(item["area_px"]), float(item["score"]))
            for item in facts["defects"]
        )
        return Question(int(facts["stamp_ns"]), int(facts["variant"]), str(facts["reason"]), defects)
    except (OSError, ValueError, KeyError, TypeError):
        return None
