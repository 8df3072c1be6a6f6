"""Commissioning: no motion of a kind that a person has not let pass before.

A kind is where to, whether straight, and whether with a part: the first of each is looked at, the next ones run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from workcell_control.cell.steps import Move


@dataclass(frozen=True)
class Question:
    """A motion that waits for a person."""

    kind: str
    """Also a name for services."""
    text: str


def question_of(move: Move) -> Question:
    """What is asked before a motion like this one."""
    way = "straight_to" if move.is_straight else "to"
    load = "with_part" if move.is_held else "empty"
    text = f"move {way.replace('_', ' ')} {move.waypoint}, {load.replace('_', ' ')}"
    return Question(f"{way}_{move.waypoint}_{load}", text)


class Commissioning:
    """Remembers what a person has let pass; one question is open at a time."""

    def __init__(self) -> None:
        self._approved: set[str] = set()
        self._open: Question | None = None

    @property
    def open(self) -> Question | None:
        """What waits for an answer."""
        return self._open

    @property
    def approved(self) -> tuple[str, ...]:
        """Kinds that may run, by name."""
        return tuple(sorted(self._approved))

    def stepwise(self, move: Move) -> Move:
        """The motion on its own: what comes after it is asked for by itself."""
        return replace(move, onward=())

    def allows(self, move: Move) -> bool:
        """Whether a motion may begin; where not, its question is open from now on."""
        question = question_of(move)
        if question.kind in self._approved:
            return True
        self._open = question
        return False

    def answer(self, kind: str, is_approved: bool) -> bool:
        """A person's answer; False where nothing of that kind was asked."""
        if self._open is None or self._open.kind != kind:
            return False
        self._open = None
        if is_approved:
            self._approved.add(kind)
        return True
