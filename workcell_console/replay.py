"""What two runs decided, side by side. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

RELATIVE_TOLERANCE = 1e-9
"""Between equal decisions: text and CDR carry doubles exactly, so this only forgives arithmetic on another machine."""


@dataclass(frozen=True)
class Decision:
    """One proposal of the policy, or one verdict of the governor."""

    kind: str
    """proposal or verdict."""
    stamp_ns: int
    """Identity of the proposal it is or is about."""
    node: str
    parameters: tuple[tuple[str, float], ...]
    outcome: str = ""

    def is_same(self, other: Decision) -> bool:
        """Whether both decide the same, wherever in time."""
        names = [name for name, _ in self.parameters] == [name for name, _ in other.parameters]
        heads = (self.kind, self.node, self.outcome) == (other.kind, other.node, other.outcome)
        return heads and names and all(map(_is_close, self.parameters, other.parameters))

    def __str__(self) -> str:
        values = ", ".join(f"{name}={value:.6g}" for name, value in self.parameters)
        return f"{self.kind} {self.stamp_ns} {self.node} {values} {self.outcome}".rstrip()


@dataclass(frozen=True)
class Difference:
    """One place where the runs part: what was recorded, and what was decided now."""

    recorded: Decision | None
    replayed: Decision | None

    def __str__(self) -> str:
        return f"recorded: {self.recorded or 'nothing'}; now: {self.replayed or 'nothing'}"


def differences(recorded: Sequence[Decision], replayed: Sequence[Decision]) -> list[Difference]:
    """Returns every decision that was not made in both runs, in order.

    Decisions are matched by what they are about (their proposal's stamp, kind and outcome's turn), so that one
    that is missing does not make all later ones look different.
    """
    found = []
    now = _by_place(replayed)
    for place, decision in _by_place(recorded).items():
        twin = now.pop(place, None)
        if twin is None or not decision.is_same(twin):
            found.append(Difference(decision, twin))
    found += [Difference(None, decision) for decision in now.values()]
    return sorted(found, key=lambda item: (item.recorded or item.replayed or _NOTHING).stamp_ns)


_NOTHING = Decision("", 0, "", ())


def _by_place(decisions: Sequence[Decision]) -> dict[tuple[int, str, int], Decision]:
    placed: dict[tuple[int, str, int], Decision] = {}
    for decision in decisions:
        turn = 0
        while (place := (decision.stamp_ns, decision.kind, turn)) in placed:
            turn += 1
        placed[place] = decision
    return placed


def _is_close(one: tuple[str, float], other: tuple[str, float]) -> bool:
    return math.isclose(one[1], other[1], rel_tol=RELATIVE_TOLERANCE)
