"""Guards watch what the cell depends on; the most restrictive of their verdicts wins.

Every source has a timeout after which silence counts as a fault. Going quiet acts at once; coming back acts
only after `resume_after_s` without a fault, so that a flickering source does not make the arm stutter.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass

NS_PER_S = 1_000_000_000


class GuardAction(enum.IntEnum):
    """What a source in fault demands; larger is more restrictive."""

    RUN = 0
    SAFE_PARAMETERS = 1
    """Go on with the safe parameter set."""
    HOLD = 2
    """Brake, keep the part, wait."""


@dataclass(frozen=True)
class GuardedSource:
    """Something that must be heard from, and what follows where it is not."""

    name: str
    timeout_s: float
    action: GuardAction


@dataclass(frozen=True)
class GuardVerdict:
    """The most restrictive demand, and why: one reason per source in fault."""

    action: GuardAction
    reasons: tuple[str, ...]

    @property
    def reason(self) -> str:
        """All reasons in one line."""
        return ", ".join(self.reasons)


@dataclass
class _Watched:
    source: GuardedSource
    heard_ns: int | None = None
    fault: str = ""


class Guards:
    """Hears from sources and says what may go on.

    Args:
        sources: What is watched.
        resume_after_s: Time without any fault of a demand before that demand is dropped.
    """

    def __init__(self, sources: Iterable[GuardedSource], resume_after_s: float) -> None:
        self._watched = {source.name: _Watched(source) for source in sources}
        self._resume_after_ns = int(resume_after_s * NS_PER_S)
        self._demanded_until_ns: dict[GuardAction, int] = {}
        self._last_reasons: dict[GuardAction, tuple[str, ...]] = {}

    def hear(self, name: str, now_ns: int, fault: str = "") -> None:
        """A source was heard; `fault` says what is wrong with what it said, empty where nothing is.

        Names that are not watched are ignored, so that a node may pass on all it hears.
        """
        watched = self._watched.get(name)
        if watched is not None:
            watched.heard_ns = now_ns
            watched.fault = fault

    def verdict(self, now_ns: int) -> GuardVerdict:
        """What may go on now."""
        faults: dict[GuardAction, list[str]] = {}
        for watched in self._watched.values():
            fault = _fault(watched, now_ns)
            if fault:
                faults.setdefault(watched.source.action, []).append(f"{watched.source.name} {fault}")
        for action, found in faults.items():
            self._demanded_until_ns[action] = now_ns + self._resume_after_ns
            self._last_reasons[action] = tuple(found)
        in_force = [a for a, until in self._demanded_until_ns.items() if a in faults or now_ns < until]
        if not in_force:
            return GuardVerdict(GuardAction.RUN, ())
        action = max(in_force)
        if action in faults:
            return GuardVerdict(action, self._last_reasons[action])
        return GuardVerdict(action, tuple(f"{reason} (is back)" for reason in self._last_reasons[action]))


def _fault(watched: _Watched, now_ns: int) -> str:
    if watched.heard_ns is None:
        return "not heard yet"
    age_s = (now_ns - watched.heard_ns) / NS_PER_S
    if age_s > watched.source.timeout_s:
        return f"quiet for more than {watched.source.timeout_s:g} s"
    return watched.fault
