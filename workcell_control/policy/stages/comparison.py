"""Is the candidate worse than the champion, seen from cycles that each of them ran? Asked after every cycle.

Conditions drift, so each cycle of the one that runs now and then is compared with the mean of the other's last few,
which ran just before it; never the other way round: cycles of long ago were made under other conditions. What is
compared is a cycle's value less what its time would have earned at the other's rate: for production at a steady pace
that difference has the sign of the difference in value per hour (the differential reward of a renewal process;
Puterman, "Markov Decision Processes", 1994, section 8.4). Cycles with an event, a lost part or a stop, are worth so
much less that a slow loss would drown in them: they are judged by how often they come, all others by their value. A
cycle's value believes the verdict; what escaped or was rejected wrongly shows at the end of the line, later, and is
judged by how often it comes as well.

Each of the four is an e-process, and so is their mean: it ever reaches 1/alpha, over any number of cycles and looks,
with a probability of at most `Tolerance.alpha` where none of the four is beyond what is tolerated.
"""

from __future__ import annotations

import statistics
from collections import deque
from dataclasses import dataclass

from workcell_control.policy.stages.audits import AuditedCycle
from workcell_control.policy.stages.e_process import MeanProcess, has_reached, mean_of
from workcell_control.policy.stages.events import OwnRates, RateWatch

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


@dataclass(frozen=True)
class Tolerance:
    """How much worse a candidate may be, and how surely it must not be called worse wrongly."""

    loss_share: float = 0.02
    """Of a cycle's value that a candidate's may fall short."""
    event_rate: float = 0.02
    """Events per cycle that are allowed in any case."""
    escape_rate: float = 0.01
    """Defective parts accepted per audited part that are allowed in any case."""
    false_reject_rate: float = 0.05
    """Good parts not accepted per audited part that are allowed in any case."""
    ratio: float = 2.0
    """Times the champion's own rate, of each of these, that is allowed where that is more."""
    alpha: float = 0.02
    """Probability, over any number of cycles, of a rollback without regression."""
    alpha_promote: float = 0.05
    """Probability of promoting what is worse by more than is tolerated."""


@dataclass(frozen=True)
class Standing:
    """Where a comparison stands."""

    is_regressed: bool
    is_not_worse: bool
    """Whether it is ruled out that the candidate is worse by more than is tolerated."""
    candidate_cycles: int
    champion_cycles: int
    evidence_worse: float
    evidence_events: float
    evidence_escapes: float
    evidence_false_rejects: float
    evidence_not_worse: float
    gain_eur_per_cycle: float
    """Mean difference between cycles without events; NaN before the first."""
    gain_low_eur_per_cycle: float
    gain_high_eur_per_cycle: float
    """Ends of a plain 90 % interval of the mean, for people to read; decisions rest on the evidence."""


class Comparison:
    """Compares a candidate's cycles with a champion's, one after the other.

    Args:
        tolerance: how much worse the candidate may be.
        own: what is known of the champion's rates from before.
        candidate_is_guest: whether the candidate is the one that runs now and then, and not the champion.
    """

    def __init__(self, tolerance: Tolerance, own: OwnRates | None = None, *, candidate_is_guest: bool = True) -> None:
        self._tolerance = tolerance
        self._candidate_is_guest = candidate_is_guest
        self._reference: deque[CycleScore] = deque(maxlen=REFERENCE_CYCLES)
        self._cycles = {True: 0, False: 0}
        self._variance_eur2 = 0.0
        own = own or OwnRates()
        self._worse, self._not_worse = MeanProcess(), MeanProcess()
        self._events = RateWatch(own.events, tolerance.event_rate, tolerance.ratio)
        self._escapes = RateWatch(own.escapes, tolerance.escape_rate, tolerance.ratio)
        self._false_rejects = RateWatch(own.false_rejects, tolerance.false_reject_rate, tolerance.ratio)
        self._gains_eur = _Running()

    def note(self, score: CycleScore, *, is_candidate: bool) -> None:
        """Takes in a cycle that one of the two ran; a guest's value counts once the other has run some."""
        self._cycles[is_candidate] += 1
        self._events.note(is_candidate, score.is_event)
        if score.is_event or not score.is_steady:
            return
        if is_candidate is self._candidate_is_guest:
            self._compare(score)
        else:
            self._refer(score, self._cycles[is_candidate])

    def _refer(self, score: CycleScore, cycles: int) -> None:
        if len(self._reference) >= 2:
            surprise_eur = score.value_eur - statistics.fmean(item.value_eur for item in self._reference)
            self._variance_eur2 += max(SPREAD_SHARE, 1.0 / cycles) * (surprise_eur**2 - self._variance_eur2)
        self._reference.append(score)

    def _compare(self, score: CycleScore) -> None:
        if len(self._reference) < 2:
            return
        value_eur = statistics.fmean(item.value_eur for item in self._reference)
        time_s = statistics.fmean(item.time_s for item in self._reference)
        rate_eur_s = value_eur / time_s
        guest_gain_eur = (score.value_eur - value_eur) - rate_eur_s * (score.time_s - time_s)
        gain_eur = guest_gain_eur if self._candidate_is_guest else -guest_gain_eur
        self._gains_eur.note(gain_eur)
        tolerated_eur = self._tolerance.loss_share * abs(value_eur)
        # Both from cycles before this one, so that the bet is placed before the dice are cast.
        span_eur = max(SPREADS_IN_SPAN * self._variance_eur2**0.5, SPAN_MIN_SHARE * abs(value_eur), 1e-12)
        self._worse.learn_one(_within(-(gain_eur + tolerated_eur) / span_eur))
        self._not_worse.learn_one(_within((gain_eur + tolerated_eur) / span_eur))

    def note_audit(self, audited: AuditedCycle) -> None:
        """Takes in what the end of the line found of a part that one of the two made."""
        self._escapes.note(audited.is_candidate, audited.audit.is_escape)
        self._false_rejects.note(audited.is_candidate, audited.audit.is_false_reject)

    @property
    def standing(self) -> Standing:
        """What the cycles so far say."""
        worse, events = self._worse.evidence, self._events.evidence
        escapes, false_rejects = self._escapes.evidence, self._false_rejects.evidence
        low_eur, high_eur = self._gains_eur.interval()
        return Standing(
            is_regressed=has_reached(mean_of((worse, events, escapes, false_rejects)), self._tolerance.alpha),
            is_not_worse=has_reached(self._not_worse.evidence, self._tolerance.alpha_promote),
            candidate_cycles=self._cycles[True],
            champion_cycles=self._cycles[False],
            evidence_worse=worse,
            evidence_events=events,
            evidence_escapes=escapes,
            evidence_false_rejects=false_rejects,
            evidence_not_worse=self._not_worse.evidence,
            gain_eur_per_cycle=self._gains_eur.mean,
            gain_low_eur_per_cycle=low_eur,
            gain_high_eur_per_cycle=high_eur,
        )


class _Running:
    """Mean and variance of a series (Welford 1962)."""

    def __init__(self) -> None:
        self._count = 0
        self._mean = 0.0
        self._squares = 0.0

    @property
    def mean(self) -> float:
        return self._mean if self._count else float("nan")

    def note(self, value: float) -> None:
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
