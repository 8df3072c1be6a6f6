"""Proposals to the governor, each with its explanation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import ParameterEvent
from rclpy.parameter import Parameter

from workcell_ros import convert, qos
from workcell_ros.proposal_stamp import monitor_stamp_ns


class Proposals:
    """Publishes what a node proposes for its own parameters."""

    def __init__(self, node: Any) -> None:
        self._node = node
        self._proposal_pub = node.create_publisher(ParameterEvent, "policy/proposals", qos.reliable())
        self._explanation_pub = node.create_publisher(DiagnosticArray, "policy/explanations", qos.reliable())
        self._last_stamp_ns = 0
        self._proposed_ns: dict[str, int] = {}

    def is_due(self, name: str, period_ns: int, now_ns: int) -> bool:
        """Whether a parameter may be proposed again: governor and perhaps a person need time."""
        return now_ns - self._proposed_ns.get(name, -period_ns) >= period_ns

    def propose(self, name: str, value: float, rule: str, reason: str, values: Mapping[str, object]) -> None:
        """Publishes the explanation and the proposal to set one parameter."""
        now_ns = int(self._node.now_ns())
        self._proposed_ns[name] = now_ns
        self._last_stamp_ns = monitor_stamp_ns(now_ns, self._last_stamp_ns)
        stamp = convert.ns_to_stamp(self._last_stamp_ns)
        explanation = convert.make_status(f"policy: {rule}", convert.OK, reason, {**values, "urgency": "optimise"})
        array = DiagnosticArray(status=[explanation])
        array.header.stamp = stamp
        self._explanation_pub.publish(array)
        proposal = ParameterEvent(stamp=stamp, node=self._node.get_fully_qualified_name())
        proposal.changed_parameters = [Parameter(name, Parameter.Type.DOUBLE, value).to_parameter_msg()]
        self._proposal_pub.publish(proposal)
