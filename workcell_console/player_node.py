"""Plays a recorded shift to policy and governor, and collects what they decide."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.msg import ParameterEvent
from rclpy.node import Node
from std_srvs.srv import Trigger

from workcell_console.replay import Decision
from workcell_ros import convert, qos
from workcell_ros.proposal_stamp import is_of_policy

DECIDERS = ("policy", "governor")
PLAYED = (
    "readings",
    "diagnostics",
    "cell/kpi",
    "cell/state",
    "world/audit",
    "twin/forecasts",
    "policy/proposals",
)
"""What policy and governor hear from others; what they say themselves is compared, not played."""
LATCHED = ("cell/kpi", "cell/state", "world/audit")
PERSON = "person"


class StandIn(Node):
    """Has a recorded node's name and parameters, and lets the governor set them."""

    def __init__(self, name: str, namespace: str, values: dict[str, Any]) -> None:
        super().__init__(name, namespace=namespace)
        self._names = tuple(values)
        self._told: dict[str, Any] = {}
        for parameter, value in values.items():
            self.declare_parameter(parameter, value)

    def take_changes(self) -> list[tuple[str, Any]]:
        """Returns the parameters whose value is another than at the last call, with their values."""
        values = {name: self.get_parameter(name).value for name in self._names}
        changed = [(name, value) for name, value in values.items() if self._told.get(name) != value]
        self._told = values
        return changed

    def start_again(self, values: dict[str, Any]) -> None:
        """Declares parameters anew, as a node does that was started again."""
        for parameter, value in values.items():
            if self.has_parameter(parameter):
                self.undeclare_parameter(parameter)
            self.declare_parameter(parameter, value)


class Player(Node):
    """Publishes recorded messages, re-enacts people's answers and collects decisions.

    Args:
        namespace: of the cell.
        topics: what will be played, by relative name, so that who looks for a publisher finds it from the start.
        discovery_s: wall time that a service is given to be found; 0 where all that are there are known at once.
    """

    def __init__(self, namespace: str, topics: Mapping[str, type] | None = None, discovery_s: float = 0.0) -> None:
        super().__init__("player", namespace=namespace)
        self._discovery_s = discovery_s
        self._transitions: dict[str, Any] = {}
        self.decisions: list[Decision] = []
        self.activated: set[str] = set()
        """Nodes that came up when they were told to."""
        self._publishers_by_topic: dict[str, Any] = {}
        subscribe = self.create_subscription
        subscribe(ParameterEvent, "policy/proposals", self._on_proposal, qos.reliable())
        subscribe(DiagnosticArray, "governor/verdicts", self._on_verdict, qos.VERDICTS)
        for topic, message_class in (topics or {}).items():
            if topic in PLAYED:
                self._publisher(topic, message_class)

    def play(self, topic: str, message: Any) -> None:
        """Publishes a message on a topic, by its relative name."""
        self._publisher(topic, type(message)).publish(message)

    def answer(self, stamp_ns: int, is_approved: bool) -> None:
        """Gives a person's recorded answer; one to what does not wait now shows as a difference by itself."""
        verb = "approve" if is_approved else "reject"
        client = self.create_client(Trigger, f"governor/pending/p{stamp_ns}/{verb}")
        if self._is_found(client):
            client.call_async(Trigger.Request())

    def change_state(self, node: str, transition: int) -> None:
        """Brings a node to another state, as its lifecycle manager did."""
        # One client for all: of two, the later step might be heard first.
        client = self._transitions.get(node) or self.create_client(ChangeState, f"{node}/change_state")
        self._transitions[node] = client
        self._is_found(client)
        asked = client.call_async(ChangeState.Request(transition=Transition(id=transition)))
        if transition == Transition.TRANSITION_ACTIVATE:
            asked.add_done_callback(lambda done: self._note_activated(node, done.result().success))

    def _is_found(self, client: Any) -> bool:
        return client.service_is_ready() or (self._discovery_s > 0.0 and client.wait_for_service(self._discovery_s))

    def _note_activated(self, node: str, success: bool) -> None:
        if success:
            self.activated.add(node)

    def _publisher(self, topic: str, message_class: type) -> Any:
        publisher = self._publishers_by_topic.get(topic)
        if publisher is None:
            profile = qos.latched(200) if topic in LATCHED else qos.reliable(1000)
            publisher = self.create_publisher(message_class, topic, profile)
            self._publishers_by_topic[topic] = publisher
        return publisher

    def _on_proposal(self, message: Any) -> None:
        if is_from_policy(message):
            self.decisions.append(proposal_decision(message))

    def _on_verdict(self, message: Any) -> None:
        self.decisions.append(verdict_decision(message))


def is_from_policy(message: Any) -> bool:
    """Returns whether a proposal is the policy's."""
    return is_of_policy(convert.stamp_to_ns(message.stamp))


def without_deciders(message: Any) -> Any:
    """Returns a DiagnosticArray without what policy and governor said of themselves: they say it anew."""
    said = tuple(f"{name}: " for name in DECIDERS)
    message.status = [status for status in message.status if not status.name.startswith(said)]
    return message


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
