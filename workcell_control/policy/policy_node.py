"""The policy node: observations in, proposals and their explanations out."""

from __future__ import annotations

import math
from typing import Any

from control_msgs.msg import DynamicInterfaceGroupValues
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import ParameterEvent
from rclpy.parameter import Parameter
from statistics_msgs.msg import MetricsMessage
from std_msgs.msg import String
from vision_msgs.msg import Detection2DArray

from workcell_control.governance.rules import load_governance
from workcell_control.policy.assembly import learned_file, make_policy, run_of, start_stage
from workcell_control.policy.cycles import CycleAssembler, CycleConditions
from workcell_control.policy.heard import HeardLog
from workcell_control.policy.messages_node import explanation_message, proposal_message
from workcell_control.policy.policy import FOLLOWED, ImageHealth, Observation, Proposal
from workcell_control.policy.policy_parameters import PolicyParameters
from workcell_control.policy.stages.audits import audit_of
from workcell_control.policy.stages.stage import Stage
from workcell_control.policy.trust_node import Learned, TrustLink
from workcell_ros import convert, qos
from workcell_ros.lifecycle import WorkcellNode, run_node
from workcell_ros.proposal_stamp import policy_stamp_ns
from workcell_ros.remote_values import RemoteValues

OPEN_PROPOSALS_MAX = 64
HEARD_PERIOD_S = 1.0
NEAR_NS = 500_000_000
"""What is told counts as of its own stamp, if that is so near the node's clock; else the two clocks differ too much."""
ANSWERED_NS = 100_000_000
"""A governor that answers sooner counts as having taken so long: how fast processes are is to decide nothing."""


class PolicyNode(WorkcellNode[PolicyParameters]):
    """Keeps the observation current and publishes what the policy proposes."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("policy", PolicyParameters, **kwargs)
        self._proposal_pub = self.create_publisher(ParameterEvent, "policy/proposals", qos.reliable())
        self._heard_pub = self.create_publisher(String, "policy/heard", qos.reliable())
        self._explanation_pub = self.create_publisher(DiagnosticArray, "policy/explanations", qos.reliable())
        self._held: list[Any] = []
        self.add_status_source(self._statuses)
        self.parameters.on_change(self._on_parameters)

    def configure(self) -> None:
        """Makes the policy, and gives it back what it learned."""
        values = self.values
        governance = load_governance(values.governance_file)
        self._policy = make_policy(values, governance, self.now_ns)
        file = learned_file(values, governance)
        self._learned = Learned(self, self._policy, file, run_of(values), values.seed)
        self._learned.restore()
        stage = start_stage(values, has_lost_memory=bool(self._learned.fault))
        self._policy.set_stage(stage)
        self.set_parameters([Parameter("stage", value=float(stage))])
        self._readings: dict[str, float] = {}
        self._taken_ns: dict[str, int] = {}
        self._alarms: dict[str, int] = {}
        self._image: ImageHealth | None = None
        self._activity = "idle"
        self._open: dict[int, Proposal] = {}
        self._last_stamp_ns = 0
        self._conditions = CycleConditions()
        self._cycles = CycleAssembler(self._conditions)
        self._heard = HeardLog()

    def activate(self) -> None:
        """Opens the inputs."""
        self._remote = RemoteValues(self, FOLLOWED, self._on_value)
        subscribe = self.create_subscription
        self._held = [
            subscribe(DynamicInterfaceGroupValues, "readings", self._on_readings, qos.READINGS),
            subscribe(DiagnosticArray, "diagnostics", self._on_diagnostics, qos.DIAGNOSTICS),
            subscribe(MetricsMessage, "cell/kpi", self._on_kpi, qos.reliable(200)),
            subscribe(String, "cell/state", self._on_state, qos.STATE),
            subscribe(DiagnosticArray, "governor/verdicts", self._on_verdict, qos.reliable()),
            subscribe(Detection2DArray, "world/audit", self._on_audit, qos.AUDIT),
        ]
        self._heard_timer = self.create_timer(HEARD_PERIOD_S, self._tell_heard)
        self._trust = TrustLink(self, self._policy, self._publish)

    def deactivate(self) -> None:
        """Closes the inputs."""
        self.destroy_timer(self._heard_timer)
        self._tell_heard()
        self._trust.destroy()
        self._learned.save()
        self._remote.destroy()
        for subscription in self._held:
            self.destroy_subscription(subscription)

    def _statuses(self) -> list[Any]:
        return [self._trust.status()] if self.is_active else []

    def _on_parameters(self, _old: PolicyParameters, new: PolicyParameters) -> None:
        if self.is_active:
            self._trust.on_stage(Stage(round(new.stage)))

    def _on_value(self, node: str, name: str, value: float) -> None:
        self._conditions.note_parameter(node, name, value, self.now_ns())

    def _on_readings(self, message: Any) -> None:
        now_ns = self.now_ns()
        self.activity.note(now_ns)
        self._heard.note(now_ns, "readings", message)
        stamp_ns = convert.stamp_to_ns(message.header.stamp)
        for tag, interfaces in zip(message.interface_groups, message.interface_values, strict=True):
            value, quality = interfaces.values[:2]  # a third is its age
            if quality <= convert.QUALITY_USABLE_MAX and math.isfinite(value):
                self._readings[tag], self._taken_ns[tag] = value, stamp_ns
                self._conditions.note_reading(tag, value)
            else:
                self._conditions.note_unusable(tag)
                self._readings.pop(tag, None)
                self._taken_ns.pop(tag, None)
        self._propose(stamp_ns)

    def _on_diagnostics(self, message: Any) -> None:
        self._heard.note(self.now_ns(), "diagnostics", message)
        for status in message.status:
            node, _, thing = status.name.partition(": ")
            if node == "monitor" and thing != "node":
                self._alarms[thing] = convert.level_of(status)
            elif node == "inspection" and thing == "image":
                self._image = _image_health(convert.status_values(status))

    def _on_kpi(self, message: Any) -> None:
        self._heard.note(self.now_ns(), "cell/kpi", message)
        if message.measurement_source_name != "cycle":
            return
        stop_ns = convert.stamp_to_ns(message.window_stop)
        cycle = self._cycles.add(stop_ns, message.metrics_source, message.statistics[0].data)
        if cycle is not None:
            self._policy.learn(cycle)
            self._learned.note_cycle()
            self._propose(stop_ns)

    def _on_audit(self, message: Any) -> None:
        self._heard.note(self.now_ns(), "world/audit", message)
        part = message.detections[0].id
        self._policy.audit(audit_of(part, message.header.frame_id, convert.is_defective(message)))

    def _on_state(self, message: Any) -> None:
        self._heard.note(self.now_ns(), "cell/state", message)
        self._activity = message.data.partition(";")[0]

    def _on_verdict(self, message: Any) -> None:
        values = convert.status_values(message.status[0])
        stamp_ns = convert.stamp_to_ns(message.header.stamp)
        proposal = self._open.get(stamp_ns)
        if proposal is not None:
            answered_ns = max(self.now_ns(), stamp_ns + ANSWERED_NS)
            self._policy.hear(proposal.node, proposal.parameters, values["outcome"], answered_ns)

    def _tell_heard(self) -> None:
        text = self._heard.take()
        if text:
            self._heard_pub.publish(String(data=text))

    def _propose(self, told_ns: int) -> None:
        """Asks the policy, as of the time that what was just heard is of: when it came here is to decide nothing."""
        now_ns = self.now_ns()
        now_ns = told_ns if abs(now_ns - told_ns) <= NEAR_NS else now_ns
        observation = Observation(
            now_ns=now_ns,
            activity=self._activity,
            readings=self._readings,
            taken_ns=self._taken_ns,
            alarms=self._alarms,
            parameters=self._remote.values,
            image=self._image,
        )
        for proposal in self._policy.propose(observation):
            self._publish(proposal, now_ns)
        for proposal in self._policy.take_shadow():
            self._explanation_pub.publish(explanation_message(self._next_stamp_ns(now_ns), proposal, is_shadow=True))

    def _next_stamp_ns(self, now_ns: int) -> int:
        self._last_stamp_ns = policy_stamp_ns(now_ns, self._last_stamp_ns)
        return self._last_stamp_ns

    def _publish(self, proposal: Proposal, now_ns: int) -> None:
        stamp_ns = self._next_stamp_ns(now_ns)
        self._open[stamp_ns] = proposal
        while len(self._open) > OPEN_PROPOSALS_MAX:
            self._open.pop(next(iter(self._open)))
        # The reason goes first, so that whoever acts on the proposal can already show it.
        self._explanation_pub.publish(explanation_message(stamp_ns, proposal))
        self._proposal_pub.publish(proposal_message(stamp_ns, proposal, self.get_namespace()))


def _image_health(values: dict[str, str]) -> ImageHealth | None:
    """Returns what the inspection measured; None where it saw no board to measure on."""
    numbers = [float(values[key]) for key in ("light_level", "blur_px", "exposure_s")]
    return ImageHealth(*numbers) if all(map(math.isfinite, numbers)) else None


def main(args: list[str] | None = None) -> None:
    """Runs the policy."""
    run_node(PolicyNode, args)
