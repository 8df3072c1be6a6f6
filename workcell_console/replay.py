"""What two runs decided, side by side. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

RELATIVE_TOLERANCE = 1e-9
"""Between equal decisions: text and CDR carry doubles exactly, so this only forgives arithmetic on another machine."""
STAMP_TOLERANCE_NS = 1_000_000_000
"""A bag of a live run holds when messages came to the recorder; policy and governor heard them a little apart."""


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

    @property
    def subject(self) -> tuple[str, tuple[str, ...]]:
        """What it is about: a node and the names of its parameters."""
        return self.node, tuple(name for name, _ in self.parameters)

    def is_same(self, other: Decision) -> bool:
        """Whether both decide the same, wherever in time."""
        heads = (self.kind, self.outcome, self.subject) == (other.kind, other.outcome, other.subject)
        return heads and all(map(_is_close, self.parameters, other.parameters))

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


@dataclass(frozen=True)
class Change:
    """A governed parameter that had another value from some time on."""

    stamp_ns: int
    node: str
    name: str
    value: float
    after: int = -1
    """Index of the input that it came into force upon; -1 where it was so from the beginning."""


@dataclass(frozen=True)
class ReplayResult:
    """What a replay found."""

    recorded: list[Decision]
    replayed: list[Decision]
    differences: list[Difference]
    changes: list[Change] = field(default_factory=list)
    """Governed values as they came into force in the replay, those at its start among them."""


def differences(recorded: Sequence[Decision], replayed: Sequence[Decision]) -> list[Difference]:
    """Returns every decision that was not made in both runs, in order of time.

    Decisions are matched by what they are about (their proposal, kind and turn), so that one that is missing
    does not make all later ones look different.
    """
    counterparts = {now: then for then, now in match_stamps(recorded, replayed).items()}
    renamed = [replace(item, stamp_ns=counterparts.get(item.stamp_ns, item.stamp_ns)) for item in replayed]
    found = []
    now = _by_place(renamed)
    for place, decision in _by_place(recorded).items():
        twin = now.pop(place, None)
        if twin is None or not decision.is_same(twin):
            found.append(Difference(decision, twin))
    found += [Difference(None, decision) for decision in now.values()]
    return sorted(found, key=lambda item: (item.recorded or item.replayed or _NOTHING).stamp_ns)


def match_stamps(recorded: Sequence[Decision], replayed: Sequence[Decision]) -> dict[int, int]:
    """Returns the replayed stamp of each recorded one that has a counterpart.

    That is the same stamp where there is one, else the nearest that is about the same and has none itself.
    """
    theirs, ours = _subjects(recorded), _subjects(replayed)
    matched = {stamp: stamp for stamp in theirs if stamp in ours}
    free = {stamp: subject for stamp, subject in ours.items() if stamp not in matched}
    for stamp in sorted(stamp for stamp in theirs if stamp not in matched):
        near = [other for other, subject in free.items() if subject == theirs[stamp]]
        best = min(near, key=lambda other: abs(other - stamp), default=None)
        if best is not None and abs(best - stamp) <= STAMP_TOLERANCE_NS:
            matched[stamp] = best
            del free[best]
    return matched


_NOTHING = Decision("", 0, "", ())


def _subjects(decisions: Sequence[Decision]) -> dict[int, tuple[str, tuple[str, ...]]]:
    subjects: dict[int, tuple[str, tuple[str, ...]]] = {}
    for decision in decisions:
        subjects.setdefault(decision.stamp_ns, decision.subject)
    return subjects


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
