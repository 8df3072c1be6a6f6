"""The policy's stage on the graph: requests, services, status, and what was learned on disk."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

from std_srvs.srv import Trigger

from workcell_control.policy.learned_file import LearnedFile, LearnedFileError, Provenance
from workcell_control.policy.policy import Proposal
from workcell_control.policy.stages.stage import Stage, StageRequest
from workcell_control.policy.stages.staged import StagedPolicy
from workcell_ros import convert

NODE = "policy"
CHECK_PERIOD_S = 1.0
DEMOTION_RETRY_S = 5.0
PROMOTION_RETRY_S = 300.0
"""A person who was asked and did not answer is left in peace for a while."""
SAVE_EVERY_CYCLES = 10
NS_PER_S = 1_000_000_000


class TrustLink:
    """Tells the governor which stage the policy wants, and everybody how it stands.

    Args:
        node: the policy node.
        staged: whose stage it is.
        propose: publishes a proposal made at a time of the node's clock.
    """

    def __init__(self, node: Any, staged: StagedPolicy, propose: Callable[[Proposal, int], None]) -> None:
        self._node, self._staged, self._propose = node, staged, propose
        self._asked_stage: Stage | None = None
        self._ask_again_ns = 0
        self._told_off = ""
        self._timer = node.create_timer(CHECK_PERIOD_S, self.check)
        self._services = [
            node.create_service(Trigger, f"policy/{verb}", handler)
            for verb, handler in (("promote", self._on_promote), ("demote", self._on_demote))
        ]

    def destroy(self) -> None:
        """Takes services and timer away."""
        self._node.destroy_timer(self._timer)
        for service in self._services:
            self._node.destroy_service(service)

    @property
    def stage_in_force(self) -> Stage:
        """The governed stage: what the staged policy was told last, however it has taken itself back since."""
        return Stage(round(self._node.values.stage))

    def on_stage(self, stage: Stage) -> None:
        """Takes in that the governor has set the stage."""
        if stage is not self._staged.stage:
            self._node.get_logger().info(f"policy is in stage {stage.name.lower()}")
            self._staged.set_stage(stage)

    def check(self) -> None:
        """Asks the governor for the stage that was earned or lost, once, and again after a while."""
        request = self._staged.request()
        if request is None or request.stage is self.stage_in_force:
            self._asked_stage = None
            self._tell_taken_off(request)
            return
        now_ns = self._node.now_ns()
        if request.stage is self._asked_stage and now_ns < self._ask_again_ns:
            return
        is_demotion = request.stage < self.stage_in_force
        retry_s = DEMOTION_RETRY_S if is_demotion else PROMOTION_RETRY_S
        self._asked_stage, self._ask_again_ns = request.stage, now_ns + round(retry_s * NS_PER_S)
        if is_demotion:
            self._told_off = request.reason
            self._node.get_logger().warning(f"policy taken back to {request.stage.name.lower()}: {request.reason}")
        self._ask(request, is_demotion)

    def _tell_taken_off(self, request: StageRequest | None) -> None:
        """Has the governor write down, once, that a candidate was taken off in the shadow: no change of stage tells."""
        reason = "" if request is None else request.reason
        if request is not None and reason != self._told_off:
            self._node.get_logger().warning(f"policy taken off in the {request.stage.name.lower()}: {reason}")
            self._ask(request, is_demotion=True)
        self._told_off = reason

    def status(self) -> Any:
        """Returns the status `policy: trust`."""
        staged, standing, gain = self._staged, self._staged.standing, self._staged.shadow_gain
        values: dict[str, object] = {
            "stage": staged.stage.name.lower(),
            "runs": staged.runs,
            "barred": staged.barred,
            "candidate_cycles": standing.candidate_cycles,
            "champion_cycles": standing.champion_cycles,
            "gain_eur_per_cycle": _known(standing.gain_eur_per_cycle),
            "gain_low_eur_per_cycle": _known(standing.gain_low_eur_per_cycle),
            "gain_high_eur_per_cycle": _known(standing.gain_high_eur_per_cycle),
            "evidence_worse": standing.evidence_worse,
            "evidence_worse_sound": standing.evidence_worse_sound,
            "evidence_events": standing.evidence_events,
            "evidence_escapes": standing.evidence_escapes,
            "evidence_false_rejects": standing.evidence_false_rejects,
            "evidence_not_worse": standing.evidence_not_worse,
        }
        if gain is not None:
            values["shadow_gain"] = json.dumps(
                {"mean": gain.mean, "low": gain.low, "high": gain.high, "unit": gain.unit}
            )
        level = convert.WARN if staged.barred else convert.OK
        return self._node.status("trust", level, staged.barred or staged.stage.name.lower(), **values)

    def _ask(self, request: StageRequest, is_demotion: bool) -> None:
        self._propose(_stage_proposal(request, is_demotion), self._node.now_ns())

    def _on_promote(self, _request: Any, response: Any) -> Any:
        stage = self.stage_in_force
        if stage is Stage.LIVE:
            response.success, response.message = False, "the policy is live already"
            return response
        self._ask(StageRequest(Stage(stage + 1), "asked for by a person"), False)
        response.success, response.message = True, f"asked the governor for stage {Stage(stage + 1).name.lower()}"
        return response

    def _on_demote(self, _request: Any, response: Any) -> Any:
        stage = self.stage_in_force
        if stage is Stage.SHADOW:
            response.success, response.message = False, "the policy is in the shadow already"
            return response
        self._ask(StageRequest(Stage(stage - 1), "asked for by a person"), True)
        response.success, response.message = True, f"taken back to stage {Stage(stage - 1).name.lower()}"
        return response


class Learned:
    """Keeps what a policy learned on disk, saved every few cycles and at the end.

    Args:
        node: the policy node, for its log and clock.
        staged: holds the policy; where that learns nothing, nothing is kept.
        file: where to; None keeps nothing.
        run_id: which run this is, and `seed` of the policy's random choices, for the record.
    """

    def __init__(self, node: Any, staged: StagedPolicy, file: LearnedFile | None, run_id: str, seed: int) -> None:
        self._node, self._staged, self._file, self._run_id, self._seed = node, staged, file, run_id, seed
        self._cycles_before = self._cycles = 0
        self.fault = ""
        """Why what was saved could not be used; empty where it was, or nothing was saved."""

    def restore(self) -> None:
        """Gives the policy back what it learned; where that cannot be used it starts anew, and says so."""
        learner = self._staged.learner
        if self._file is None or learner is None:
            return
        try:
            provenance = self._file.restore(learner)
        except LearnedFileError as error:
            self.fault = str(error)
            self._node.get_logger().error(f"{error}; the policy starts anew, in the shadow")
            return
        if provenance is not None:
            self._cycles_before = provenance.cycles
            told = f"goes on with what {provenance.cycles} cycles taught it, last in {provenance.run_id}"
            self._node.get_logger().info(told)

    def note_cycle(self) -> None:
        """Counts a finished cycle, and saves now and then."""
        self._cycles += 1
        if self._cycles % SAVE_EVERY_CYCLES == 0:
            self.save()

    def save(self) -> None:
        """Saves what was learned, unless what is on disk could not be read: a person must look at that first."""
        learner = self._staged.learner
        if self._file is None or learner is None or self.fault or not self._cycles:
            return
        provenance = Provenance(self._run_id, self._node.now_ns(), self._cycles_before + self._cycles, self._seed)
        try:
            self._file.save(learner, provenance)
        except LearnedFileError as error:
            self._node.get_logger().error(str(error))


def _stage_proposal(request: StageRequest, is_demotion: bool) -> Proposal:
    return Proposal(NODE, {"stage": float(request.stage)}, "stages", request.reason, "reflex" if is_demotion else "ask")


def _known(value: float) -> object:
    return value if math.isfinite(value) else ""
