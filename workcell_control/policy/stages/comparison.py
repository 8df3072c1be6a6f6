"""Is the candidate worse than the champion, seen from cycles that each of them ran? Asked after every cycle.

Cycles with an event, a lost part or a stop, are worth so much less that a slow loss would drown in them: they are
judged by how often they come, all others by their value (`ValueWatch`). In that a slow loss still drowns where every
sixth part is rejected, as it should be. So the value is looked at twice: at once for all cycles, and, as soon as the
end of the line has told which parts were sound, for those alone. Which parts come is nobody's doing, so that to leave
the defective ones out is fair to both; to compare by verdict would not be. A cycle's value believes the verdict; what
escaped or was rejected wrongly shows at the end of the line, later, and is judged by how often it comes as well.

Each of the five is an e-process, and so is their mean: it ever reaches 1/alpha, over any number of cycles and looks,
with a probability of at most `Tolerance.alpha` where none of the five is beyond what is tolerated.
"""

from __future__ import annotations

from dataclasses import dataclass

from workcell_control.policy.stages.audits import AuditedCycle
from workcell_control.policy.stages.e_process import has_reached, mean_of
from workcell_control.policy.stages.events import OwnRates, RateWatch
from workcell_control.policy.stages.value_watch import CycleScore, ValueWatch


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
    evidence_worse_sound: float
    """The same, from sound parts alone."""
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
        self._cycles = {True: 0, False: 0}
        own = own or OwnRates()
        self._value = ValueWatch(tolerance.loss_share, candidate_is_guest=candidate_is_guest)
        self._sound_value = ValueWatch(tolerance.loss_share, candidate_is_guest=candidate_is_guest)
        self._events = RateWatch(own.events, tolerance.event_rate, tolerance.ratio)
        self._escapes = RateWatch(own.escapes, tolerance.escape_rate, tolerance.ratio)
        self._false_rejects = RateWatch(own.false_rejects, tolerance.false_reject_rate, tolerance.ratio)

    def note(self, score: CycleScore, *, is_candidate: bool) -> None:
        """Takes in a cycle that one of the two ran."""
        self._cycles[is_candidate] += 1
        self._events.note(is_candidate, score.is_event)
        if score.is_value_known:
            self._value.note(score, is_candidate=is_candidate)

    def note_audit(self, audited: AuditedCycle) -> None:
        """Takes in what the end of the line found of a part that one of the two made."""
        self._escapes.note(audited.is_candidate, audited.audit.is_escape)
        self._false_rejects.note(audited.is_candidate, audited.audit.is_false_reject)
        if audited.audit.is_sound and audited.score is not None and audited.score.is_value_known:
            self._sound_value.note(audited.score, is_candidate=audited.is_candidate)

    @property
    def standing(self) -> Standing:
        """What the cycles so far say."""
        worse, worse_sound = self._value.worse, self._sound_value.worse
        events, escapes, false_rejects = (
            watch.evidence for watch in (self._events, self._escapes, self._false_rejects)
        )
        not_worse = mean_of((self._value.not_worse, self._sound_value.not_worse))
        low_eur, high_eur = self._value.gains_eur.interval()
        against = mean_of((worse, worse_sound, events, escapes, false_rejects))
        return Standing(
            is_regressed=has_reached(against, self._tolerance.alpha),
            is_not_worse=has_reached(not_worse, self._tolerance.alpha_promote),
            candidate_cycles=self._cycles[True],
            champion_cycles=self._cycles[False],
            evidence_worse=worse,
            evidence_worse_sound=worse_sound,
            evidence_events=events,
            evidence_escapes=escapes,
            evidence_false_rejects=false_rejects,
            evidence_not_worse=not_worse,
            gain_eur_per_cycle=self._value.gains_eur.mean,
            gain_low_eur_per_cycle=low_eur,
            gain_high_eur_per_cycle=high_eur,
        )
