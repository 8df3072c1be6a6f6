"""Stands in for the node `policy`: proposes what an environment's action says, and tells of each finished cycle."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from control_msgs.msg import DynamicInterfaceGroupValues
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import ParameterEvent
from statistics_msgs.msg import MetricsMessage
from vision_msgs.msg import Detection2DArray

from workcell_control.policy.cycles import CycleAssembler, CycleConditions
from workcell_control.policy.messages_node import explanation_message, proposal_message
from workcell_control.policy.policy import FOLLOWED, Cycle, Proposal
from workcell_control.policy.stages.audits import serial_of
from workcell_ros import convert, qos
from workcell_ros.lifecycle import WorkcellNode
from workcell_ros.proposal_stamp import policy_stamp_ns
from workcell_ros.remote_values import RemoteValues

AUDITS_MAX = 64
"""Parts that left without a cycle of their own are forgotten after so many others."""


@dataclass(frozen=True)
class AgentParameters:
    """The environment says everything; there are no parameters."""


@dataclass(frozen=True)
class ToldCycle:
    """A finished cycle, and what the end of the line found of its part."""

    cycle: Cycle
    """Its readings are those that stood when it ended, as a policy of the cell sees them then."""
    stop_ns: int
    is_defective: bool


class AgentNode(WorkcellNode[AgentParameters]):
    """The policy's place in the graph, taken by whoever steps the environment."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("policy", AgentParameters, **kwargs)
        self._proposal_pub = self.create_publisher(ParameterEvent, "policy/proposals", qos.reliable())
        self._explanation_pub = self.create_publisher(DiagnosticArray, "policy/explanations", qos.reliable())
        self._readings: dict[str, float] = {}
        self._conditions = CycleConditions()
        self._assembler = CycleAssembler(self._conditions)
        self._finished: deque[tuple[Cycle, int]] = deque()
        self._is_defective: dict[int, bool] = {}
        self._last_stamp_ns = 0

    def activate(self) -> None:
        """Opens the inputs."""
        self._remote = RemoteValues(self, FOLLOWED, self._on_value)
        subscribe = self.create_subscription
        self._held = [
            subscribe(DynamicInterfaceGroupValues, "readings", self._on_readings, qos.READINGS),
            subscribe(MetricsMessage, "cell/kpi", self._on_kpi, qos.reliable(200)),
            subscribe(Detection2DArray, "world/audit", self._on_audit, qos.AUDIT),
        ]

    def deactivate(self) -> None:
        """Closes the inputs."""
        self._remote.destroy()
        for subscription in self._held:
            self.destroy_subscription(subscription)

    def propose(self, wanted: Mapping[str, Mapping[str, float]], why: str) -> None:
        """Asks the governor for what of `wanted` is not in force."""
        for node, values in wanted.items():
            in_force = self._remote.values.get(node, {})
            changes = {name: value for name, value in values.items() if value != in_force.get(name)}
            if changes:
                self._publish(Proposal(node, changes, "environment", why))

    def take(self) -> ToldCycle | None:
        """Returns the oldest finished cycle whose part has come to the end of the line; None where there is none."""
        if not self._finished or self._finished[0][0].serial not in self._is_defective:
            return None
        cycle, stop_ns = self._finished.popleft()
        return ToldCycle(cycle, stop_ns, self._is_defective.pop(cycle.serial))

    def _publish(self, proposal: Proposal) -> None:
        self._last_stamp_ns = policy_stamp_ns(self.now_ns(), self._last_stamp_ns)
        self._explanation_pub.publish(explanation_message(self._last_stamp_ns, proposal))
        self._proposal_pub.publish(proposal_message(self._last_stamp_ns, proposal, self.get_namespace()))

    def _on_value(self, node: str, name: str, value: float) -> None:
        self._conditions.note_parameter(node, name, value, self.now_ns())

    def _on_readings(self, message: Any) -> None:
        self.activity.note(self.now_ns())
        for tag, interfaces in zip(message.interface_groups, message.interface_values, strict=True):
            value, quality = interfaces.values[:2]
            if quality <= convert.QUALITY_USABLE_MAX and math.isfinite(value):
                self._readings[tag] = value
                self._conditions.note_reading(tag, value)
            else:
                self._readings.pop(tag, None)
                self._conditions.note_unusable(tag)

    def _on_kpi(self, message: Any) -> None:
        if message.measurement_source_name != "cycle":
            return
        value = message.statistics[0].data
        stop_ns = convert.stamp_to_ns(message.window_stop)
        cycle = self._assembler.add(stop_ns, message.metrics_source, value)
        if cycle is not None:
            self._finished.append((replace(cycle, readings=dict(self._readings)), stop_ns))

    def _on_audit(self, message: Any) -> None:
        self._is_defective[serial_of(message.detections[0].id)] = convert.is_defective(message)
        while len(self._is_defective) > AUDITS_MAX:
            del self._is_defective[next(iter(self._is_defective))]
