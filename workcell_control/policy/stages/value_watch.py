"""Evidence that one policy's cycles are worth less than another's, from cycles that ran side by side.

Conditions drift, so each cycle of the one that runs now and then, the guest, is compared with the mean of the other's
last few, which ran just before it; never the other way round: cycles of long ago were made under other conditions. What
is compared is a cycle's value less what its time would have earned at the other's rate: for production at a steady pace
that difference has the sign of the difference in value per hour (the differential reward of a renewal process;
Puterman, "Markov Decision Processes", 1994, section 8.4).
"""

from __future__ import annotations

import statistics
from collections import deque
from dataclasses import dataclass

from workcell_control.policy.stages.e_process import MeanProcess

REFERENCE_CYCLES = 6
"""Newest cycles of the one that usually runs, with which one of the other's is compared."""
SPREADS_IN_SPAN = 4.0
"""Differences beyond so many standard deviations of the usual cycles' own count as that many."""
SPAN_MIN_SHARE = 0.02
"""Least span, as a share of what a usual cycle is worth: below, noise of the clock would be bet on."""
SPREAD_SHARE = 0.05
"""Share of a new cycle in the usual cycles' variance."""


@dataclass(frozen=True)
class CycleScore:
    """What the comparison needs of a cycle."""

    value_eur: float
    time_s: float
    is_event: bool
    """A drop, a protective stop: what must not come more often than allowed."""
    is_steady: bool = True
    """Whether one set of parameters was in force throughout: else its value is nobody's."""

    @property
    def is_value_known(self) -> bool:
        """Whether its value tells of whoever ran it: an event's would drown all else."""
        return self.is_steady and not self.is_event


class ValueWatch:
    """Compares the values of the guest's cycles with those of the other, one after the other.

    Args:
        loss_share: of a cycle's value that the candidate's may fall short.
        candidate_is_guest: whether the candidate is the one that runs now and then, and not the champion.
    """

    def __init__(self, loss_share: float, *, candidate_is_guest: bool) -> None:
        self._loss_share = loss_share
        self._candidate_is_guest = candidate_is_guest
        self._reference: deque[CycleScore] = deque(maxlen=REFERENCE_CYCLES)
        self._usual_cycles = 0
        self._variance_eur2 = 0.0
        self._worse, self._not_worse = MeanProcess(), MeanProcess()
        self.gains_eur = Running()
        """What the candidate's cycles were worth over the champion's."""

    @property
    def worse(self) -> float:
        """An e-process under the null hypothesis that the candidate is not worse than tolerated."""
        return self._worse.evidence

    @property
    def not_worse(self) -> float:
        """An e-process under the null hypothesis that it is."""
        return self._not_worse.evidence

    def note(self, score: CycleScore, *, is_candidate: bool) -> None:
        """Takes in a cycle without an event; a guest's counts once the other has run some."""
        if is_candidate is self._candidate_is_guest:
            self._compare(score)
        else:
            self._refer(score)

    def _refer(self, score: CycleScore) -> None:
        self._usual_cycles += 1
        if len(self._reference) >= 2:
            surprise_eur, _ = self._over_reference(score)
            share = max(SPREAD_SHARE, 1.0 / self._usual_cycles)
            self._variance_eur2 += share * (surprise_eur**2 - self._variance_eur2)
        self._reference.append(score)

    def _compare(self, score: CycleScore) -> None:
        if len(self._reference) < 2:
            return
        guest_gain_eur, usual_eur = self._over_reference(score)
        gain_eur = guest_gain_eur if self._candidate_is_guest else -guest_gain_eur
        self.gains_eur.note(gain_eur)
        beyond_eur = gain_eur + self._loss_share * usual_eur
        # From cycles before this one, so that the bet is placed before the dice are cast.
        span_eur = max(SPREADS_IN_SPAN * self._variance_eur2**0.5, SPAN_MIN_SHARE * usual_eur, 1e-12)
        self._worse.learn_one(_within(-beyond_eur / span_eur))
        self._not_worse.learn_one(_within(beyond_eur / span_eur))

    def _over_reference(self, score: CycleScore) -> tuple[float, float]:
        """Returns what a cycle is worth over the last usual ones, and the size of what one of these is worth."""
        value_eur = statistics.fmean(item.value_eur for item in self._reference)
        time_s = statistics.fmean(item.time_s for item in self._reference)
        gain_eur = (score.value_eur - value_eur) - value_eur / time_s * (score.time_s - time_s)
        return gain_eur, abs(value_eur)


class Running:
    """Mean and variance of a series (Welford 1962)."""

    def __init__(self) -> None:
        self._count = 0
        self._mean = 0.0
        self._squares = 0.0

    @property
    def mean(self) -> float:
        """The mean; NaN before the first value."""
        return self._mean if self._count else float("nan")

    def note(self, value: float) -> None:
        """Takes in a value."""
        self._count += 1
        step = value - self._mean
        self._mean += step / self._count
        self._squares += step * (value - self._mean)

    def interval(self) -> tuple[float, float]:
        """Returns the ends of the 90 % interval of the mean by the normal approximation; NaN below two values."""
        if self._count < 2:
            return float("nan"), float("nan")
        half = 1.645 * (self._squares / (self._count - 1) / self._count) ** 0.5
        return self._mean - half, self._mean + half


def _within(value: float) -> float:
    return min(max(value, -1.0), 1.0)
