"""Plays a recorded shift to policy and governor, and collects what they decide."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import ParameterEvent
from rclpy.node import Node
from rclpy.parameter import parameter_value_to_python
from rclpy.serialization import deserialize_message
from rosidl_runtime_py.utilities import get_message
from std_srvs.srv import Trigger

from workcell_console.bag.reader import BagMessage
from workcell_console.replay import Decision
from workcell_ros import convert, qos

DECIDERS = ("policy", "governor")
PLAYED = (
    "readings",
    "diagnostics",
    "cell/kpi",
    "cell/state",
    "twin/forecasts",
)
"""What policy and governor hear from others; what they say themselves is compared, not played."""
LATCHED = ("cell/kpi", "cell/state")
ANSWERS = {"approved": "approve", "rejected": "reject"}
PERSON = "person"


class StandIn(Node):
    """Has a recorded node's name and parameters, and lets the governor set them."""

    def __init__(self, name: str, namespace: str, values: dict[str, Any]) -> None:
        super().__init__(name, namespace=namespace)
        for parameter, value in values.items():
            self.declare_parameter(parameter, value)


class Player(Node):
    """Publishes recorded messages, re-enacts people's answers and collects decisions."""

    def __init__(self, namespace: str) -> None:
        super().__init__("player", namespace=namespace)
        self.decisions: list[Decision] = []
        self._publishers_by_topic: dict[str, Any] = {}
        subscribe = self.create_subscription
        subscribe(ParameterEvent, "policy/proposals", self._on_proposal, qos.reliable())
        subscribe(DiagnosticArray, "governor/verdicts", self._on_verdict, qos.VERDICTS)

    def play(self, message: BagMessage) -> None:
        """Publishes one recorded message, byte for byte."""
        publisher = self._publishers_by_topic.get(message.topic)
        if publisher is None:
            is_latched = message.topic.endswith(LATCHED)
            profile = qos.latched(200) if is_latched else qos.reliable(1000)
            publisher = self.create_publisher(get_message(message.type), message.topic, profile)
            self._publishers_by_topic[message.topic] = publisher
        publisher.publish(message.data)

    def answer(self, stamp_ns: int, verb: str) -> None:
        """Gives a person's recorded answer; one to what does not wait now shows as a difference by itself."""
        client = self.create_client(Trigger, f"governor/pending/p{stamp_ns}/{verb}")
        if client.service_is_ready():
            client.call_async(Trigger.Request())

    def _on_proposal(self, message: Any) -> None:
        self.decisions.append(proposal_decision(message))

    def _on_verdict(self, message: Any) -> None:
        self.decisions.append(verdict_decision(message))


def proposal_decision(message: Any) -> Decision:
    """Returns what a message on `policy/proposals` decides."""
    parameters = convert.parameters_to_dict(message.changed_parameters)
    stamp_ns = convert.stamp_to_ns(message.stamp)
    return Decision("proposal", stamp_ns, message.node.rpartition("/")[2], tuple(sorted(parameters.items())))


def verdict_decision(message: Any) -> Decision:
    """Returns what a message on `governor/verdicts` decides."""
    values = convert.status_values(message.status[0])
    parameters = tuple(sorted(json.loads(values["parameters"]).items()))
    stamp_ns = convert.stamp_to_ns(message.header.stamp)
    return Decision("verdict", stamp_ns, values["node"], parameters, values["outcome"])


def person_of(message: Any) -> str:
    """Returns who decided a verdict."""
    return convert.status_values(message.status[0])["actor"]


def first_parameters(events: Iterable[BagMessage], nodes: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Returns the parameters each node declared when it came up, by the node's full name."""
    wanted = set(nodes)
    found: dict[str, dict[str, Any]] = {}
    for item in events:
        event = deserialize_message(item.data, ParameterEvent)
        name = event.node.rpartition("/")[2]
        if name in wanted:
            values = found.setdefault(event.node, {})
            for parameter in event.new_parameters:
                values.setdefault(parameter.name, parameter_value_to_python(parameter.value))
    return found
