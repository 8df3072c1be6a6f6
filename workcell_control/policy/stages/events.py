"""How often what must not come oftener than allowed comes: lost parts and stops, escapes, false rejects."""

from __future__ import annotations

from dataclasses import dataclass, field

from workcell_control.policy.stages.e_process import RateProcess

MEMORY_CYCLES = 50.0
"""Of the champion's own rates."""
ALLOWED_MAX = 0.5


class OwnRate:
    """How often something happens to the champion, with forgetting; it outlives the stages."""

    def __init__(self) -> None:
        self._cycles = 0
        self.rate = 0.0

    def note(self, is_event: bool) -> None:
        """Takes in a cycle of the champion's."""
        self._cycles += 1
        self.rate += (float(is_event) - self.rate) / min(self._cycles + 1.0, MEMORY_CYCLES)


@dataclass(frozen=True)
class OwnRates:
    """The champion's rates of all that is watched."""

    events: OwnRate = field(default_factory=OwnRate)
    escapes: OwnRate = field(default_factory=OwnRate)
    false_rejects: OwnRate = field(default_factory=OwnRate)


class RateWatch:
    """Evidence that something comes oftener with the candidate than is allowed beside the champion.

    Args:
        own: how often it happens to the champion.
        rate_allowed: per cycle, allowed in any case.
        ratio_allowed: times the champion's own rate, allowed where that is more.
    """

    def __init__(self, own: OwnRate, rate_allowed: float, ratio_allowed: float) -> None:
        self._own, self._rate, self._ratio = own, rate_allowed, ratio_allowed
        self._process = RateProcess()

    @property
    def evidence(self) -> float:
        """An e-process under the null hypothesis that it does not."""
        return self._process.evidence

    def note(self, is_candidate: bool, is_event: bool) -> None:
        """Takes in a cycle."""
        if is_candidate:
            allowed = min(max(self._rate, self._ratio * self._own.rate), ALLOWED_MAX)
            self._process.learn_one(is_event, allowed)
        else:
            self._own.note(is_event)
