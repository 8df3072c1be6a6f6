"""A policy made of two: a champion that is trusted, and a candidate that has yet to earn it, or is watched."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

from workcell_control.governance.rules import Governance
from workcell_control.policy.fixed import FixedPolicy
from workcell_control.policy.policy import STOP_TAG, Cycle, ExpectedGain, LearnedState, Observation, Proposal
from workcell_control.policy.stages.arms import Arm, Switch, copied, difference, near
from workcell_control.policy.stages.audits import AuditBook, AuditedCycle, PartAudit
from workcell_control.policy.stages.comparison import Comparison, Standing
from workcell_control.policy.stages.events import OwnRates
from workcell_control.policy.stages.plausible import GripPlausibility
from workcell_control.policy.stages.reward_watch import RewardWatch
from workcell_control.policy.stages.sanity import Sanity
from workcell_control.policy.stages.shadow import ShadowScore
from workcell_control.policy.stages.stage import Stage, StageRequest, StageSettings
from workcell_control.policy.stages.value_watch import CycleScore

ASKED_MAX = 64
TRUSTED_FOR = frozenset({"gripper/vacuum", "cell/power"})
"""Tags that a cycle's own figures rest on: with one of them distrusted no model learns from the cycle."""
JUDGED = ("accept", "reject")
SUSPECT = 1.5
"""Evidence of a loss from which on a live candidate is compared as often as a canary."""

Score = Callable[[Cycle], CycleScore]


class StagedPolicy:
    """Lets the governor hear whom the stage of trust allows, and takes a candidate off that does harm or nonsense.

    One of the two is the base, whose parameters are in force as a rule, the other its guest: the candidate is the guest
    in the shadow (it never runs) and as a canary (every n-th cycle runs with its set), and the base once it is live.

    Args:
        candidate: whose trust is at stake.
        champion: who is trusted.
        governance: envelopes and steps.
        score: what a cycle is worth.
        settings: how trust is earned and lost.
        stage: to begin with.
        clock_ns: tells how long the candidate takes for an answer.
    """

    def __init__(
        self,
        candidate: Arm,
        champion: Arm,
        governance: Governance,
        score: Score,
        settings: StageSettings,
        stage: Stage,
        clock_ns: Callable[[], int],
    ) -> None:
        self._clock_ns = clock_ns
        self._candidate, self._champion = candidate, champion
        self._governance, self._score, self._settings = governance, score, settings
        self._shadow_score = ShadowScore(governance, settings.nodes)
        self._asked: dict[tuple[str, tuple[tuple[str, float], ...]], Arm] = {}
        self._shadow_said: list[Proposal] = []
        self._in_force: dict[str, dict[str, float]] = {}
        self._barred = ""
        self._is_between_cycles = False
        self._own_rates = OwnRates()
        self.set_stage(stage)

    @property
    def stage(self) -> Stage:
        """How far the candidate is trusted now."""
        return self._stage

    @property
    def barred(self) -> str:
        """Why the candidate was taken off; empty where it was not, or a person has promoted it again."""
        return self._barred

    @property
    def standing(self) -> Standing:
        """How the candidate's cycles compare with the champion's in this stage."""
        return self._comparison.standing

    @property
    def learner(self) -> LearnedState | None:
        """The candidate where it has learned state."""
        return self._candidate.policy if isinstance(self._candidate.policy, LearnedState) else None

    @property
    def runs(self) -> str:
        """Whose parameters the cycle under way runs with."""
        return self._running.name

    @property
    def shadow_gain(self) -> ExpectedGain | None:
        """What a cycle with the candidate's set is foreseen to bring over one with the set in force."""
        if not self._shadow_score.count or not self._candidate.values:
            return None
        return self._shadow_score.gain(self._in_force, self._candidate.values)

    def set_stage(self, stage: Stage) -> None:
        """Puts the candidate into a stage; whatever was under way of the one before ends."""
        if stage > getattr(self, "_stage", stage):
            self._barred = ""
        self._stage = stage
        is_live = stage is Stage.LIVE
        self._base, self._guest = (self._candidate, self._champion) if is_live else (self._champion, self._candidate)
        self._running = self._base
        self._cycles = 0
        self._switch = Switch(self._governance)
        self._sanity = Sanity(self._governance, self._settings.nodes)
        self._rewards = RewardWatch()
        self._grip = GripPlausibility()
        tolerance = self._settings.tolerance
        if self._is_alone:
            tolerance = replace(tolerance, event_rate=self._settings.live_event_rate)
        self._comparison = Comparison(tolerance, self._own_rates, candidate_is_guest=not is_live)
        self._audits = AuditBook()

    def propose(self, observation: Observation) -> list[Proposal]:
        """Returns what the governor is to hear now."""
        nodes = self._settings.nodes
        self._in_force = copied(observation.parameters, nodes)
        if self._running is self._base and not self._switch.is_under_way:
            self._base.values = copied(observation.parameters, nodes)
        if not self._guest.values:
            self._guest.values = copied(observation.parameters, nodes)
        implausible = self._grip.check(observation)
        if implausible and self._stage is not Stage.SHADOW:
            self._bar(implausible)
        proposals = self._ask(self._champion, observation)
        proposals += self._ask(self._candidate, observation)
        self._is_between_cycles = False
        return proposals + self._switch.propose(self._in_force, observation.now_ns)

    def learn(self, cycle: Cycle) -> None:
        """Takes in a finished cycle: both policies learn, the arms are compared, and the next cycle's is chosen."""
        is_trusted = not cycle.distrusted & TRUSTED_FOR
        for arm in (self._champion, self._candidate):
            if is_trusted or not isinstance(arm.policy, LearnedState):
                self._teach(arm, cycle)
        if is_trusted:
            self._compare(cycle)
        fault = self._rewards.note(cycle)
        if fault and self._stage is not Stage.SHADOW:
            self._bar(fault)
        self._cycles += 1
        self._is_between_cycles = not cycle.is_dropped
        self._choose_next()

    def audit(self, audit: PartAudit) -> None:
        """Takes in what the end of the line found of a part, before or after its cycle has ended."""
        self._compare_audited(self._audits.note_audit(audit))

    def hear(self, node: str, parameters: Mapping[str, float], outcome: str, now_ns: int) -> None:
        """Tells the policy that asked what the governor made of it."""
        arm = self._asked.get((node, tuple(parameters.items())))
        if arm is not None:
            arm.policy.hear(node, parameters, outcome, now_ns)

    def take_shadow(self) -> list[Proposal]:
        """Returns what the candidate would have proposed since the last call, had it been trusted."""
        said, self._shadow_said = self._shadow_said, []
        return said

    def request(self) -> StageRequest | None:
        """Returns the stage that the candidate has earned, or was taken back to, where it is not in it."""
        if self._barred:
            return StageRequest(Stage.SHADOW, self._barred)
        standing, settings = self.standing, self._settings
        if self._stage is Stage.SHADOW:
            gain = self.shadow_gain
            if self._shadow_score.count < settings.shadow_cycles_min or gain is None or gain.high < 0.0:
                return None
            return StageRequest(Stage.CANARY, f"{self._shadow_score.count} cycles in the shadow without a fault")
        if self._stage is Stage.CANARY and standing.is_not_worse:
            if standing.candidate_cycles < settings.canary_cycles_min:
                return None
            gain_eur = standing.gain_eur_per_cycle
            reason = f"not worse in {standing.candidate_cycles} cycles of its own, {gain_eur:+.4f} EUR a cycle"
            return StageRequest(Stage.LIVE, reason)
        return None

    @property
    def _guest_every(self) -> int:
        if self._stage is Stage.CANARY:
            return self._settings.canary_every
        # A champion that never proposes has no set of today to run with.
        if self._stage is Stage.LIVE and not isinstance(self._champion.policy, FixedPolicy):
            return self._settings.holdback_every
        return 0

    @property
    def _is_alone(self) -> bool:
        """Whether the candidate is live and nobody runs beside it to compare it with."""
        return self._stage is Stage.LIVE and not self._guest_every

    @property
    def _is_answered_for(self) -> bool:
        """Whether the champion's steps from cycle to cycle are those of rules that the live candidate runs itself."""
        is_trusted = self._stage is Stage.LIVE and self._running is self._candidate and not self._barred
        return is_trusted and self._candidate.is_guarded and self._is_between_cycles

    def _ask(self, arm: Arm, observation: Observation) -> list[Proposal]:
        runs = arm is self._running
        seen = observation if runs else replace(observation, parameters={**observation.parameters, **arm.values})
        said = self._sane(arm, seen)
        heard: list[Proposal] = []
        for proposal in said:
            is_reflex = proposal.urgency == "reflex"
            may_speak = runs or (arm is self._champion and not self._is_answered_for)
            if may_speak and (is_reflex or (runs and arm is self._base)):
                heard.append(proposal)
                self._note_asked(arm, proposal)
                if is_reflex:
                    self._base.soften(proposal, self._governance)
                    self._guest.soften(proposal, self._governance)
                continue
            arm.take(proposal, self._governance)
            arm.policy.hear(proposal.node, proposal.parameters, "superseded", observation.now_ns)
            if arm is self._candidate:
                self._shadow_said.append(proposal)
        return heard

    def _sane(self, arm: Arm, observation: Observation) -> list[Proposal]:
        if arm is self._champion:
            return arm.policy.propose(observation)
        if self._barred:
            return []
        begin_ns = self._clock_ns()
        try:
            said = arm.policy.propose(observation)
        # A candidate may be anybody's code: whatever it raises is its fault, not the node's end.
        except Exception as error:
            self._bar(f"failed to propose: {type(error).__name__}: {error}")
            return []
        end_ns = self._clock_ns()
        checked = self._sanity.check(said, observation.parameters, observation.now_ns)
        fault = checked.fault or self._sanity.check_time(end_ns - begin_ns, end_ns)
        if fault:
            self._bar(fault)
        return [] if fault else checked.proposals

    def _teach(self, arm: Arm, cycle: Cycle) -> None:
        if arm is self._champion:
            arm.policy.learn(cycle)
            return
        try:
            arm.policy.learn(cycle)
        except Exception as error:
            self._bar(f"failed to learn: {type(error).__name__}: {error}")

    def _compare(self, cycle: Cycle) -> None:
        score = self._score(cycle)
        is_event = score.is_event or cycle.readings.get(STOP_TAG, 0.0) > 0.0
        if self._is_alone:
            # Nothing to compare with: parts that nobody could judge count too, as the lost ones a sensor hides do.
            is_event = is_event or cycle.verdict not in JUDGED
        is_own_set = self._running is self._base or not difference(
            self._switch.target, cycle.parameters, self._governance
        )
        if cycle.is_steady:
            self._shadow_score.learn_one(cycle.parameters, score.value_eur, score.time_s)
        score = replace(score, is_event=is_event, is_steady=cycle.is_steady and is_own_set)
        is_candidate = self._running is self._candidate
        self._comparison.note(score, is_candidate=is_candidate)
        if cycle.serial:
            self._compare_audited(self._audits.note_cycle(cycle.serial, is_candidate, score))
        self._judge()

    def _compare_audited(self, audited: AuditedCycle | None) -> None:
        # With nobody to compare with, what escapes tells of the inspection and the light, not of who is live.
        if audited is not None and not self._is_alone:
            self._comparison.note_audit(audited)
            self._judge()

    def _judge(self) -> None:
        standing = self.standing
        if self._stage is not Stage.SHADOW and standing.is_regressed:
            self._bar(_regression(standing))

    def _choose_next(self) -> None:
        every, standing = self._guest_every, self.standing
        if max(standing.evidence_worse, standing.evidence_worse_sound) >= SUSPECT:
            # When the guest runs next may hang on what was seen: a bet is valid whenever it is placed.
            every = min(every, self._settings.canary_every)
        guest_is_next = every > 0 and self._cycles % every == every - 1
        self._guest.values = near(self._guest.values, self._base.values, self._governance)
        if guest_is_next:
            self._running = self._guest
            self._switch.start(
                self._guest.values, f"cycle {self._cycles + 1} runs with what {self._guest.name} proposes"
            )
        elif self._running is self._guest:
            self._running = self._base
            self._switch.start(self._base.values, f"back to what {self._base.name} proposes")

    def _bar(self, reason: str) -> None:
        """Takes the candidate off: from now on nothing of it is heard. One that never proposes stays."""
        # Not `isinstance`: what somebody made of it may well propose.
        if not self._barred and type(self._candidate.policy) is not FixedPolicy:
            self.set_stage(Stage.SHADOW)
            self._barred = f"{self._candidate.name}: {reason}"

    def _note_asked(self, arm: Arm, proposal: Proposal) -> None:
        self._asked[proposal.node, tuple(proposal.parameters.items())] = arm
        while len(self._asked) > ASKED_MAX:
            del self._asked[next(iter(self._asked))]


def _regression(standing: Standing) -> str:
    gain_eur = standing.gain_eur_per_cycle
    gain = "" if math.isnan(gain_eur) else f" {gain_eur:+.4f} EUR a cycle,"
    evidence = {
        "value": standing.evidence_worse,
        "value of sound parts": standing.evidence_worse_sound,
        "lost parts and stops": standing.evidence_events,
        "escapes": standing.evidence_escapes,
        "false rejects": standing.evidence_false_rejects,
    }
    told = ", ".join(f"{value:.3g} by {name}" for name, value in evidence.items())
    return f"worse than tolerated in {standing.candidate_cycles} cycles:{gain} evidence {told}"
