"""A look inside the running graph for `workcell nodes | topics | echo`."""

from __future__ import annotations

from concurrent.futures import Future
from functools import partial
from typing import Any

from rclpy.qos import QoSDurabilityPolicy, QoSProfile, QoSReliabilityPolicy
from rosidl_runtime_py import message_to_ordereddict
from rosidl_runtime_py.utilities import get_message

VALID = ("nodes", "topics", "echo")


class Look:
    """Answers looks on behalf of a node; each answer goes into a future."""

    def __init__(self, node: Any) -> None:
        self._node = node
        self._open: list[tuple[Future[Any], list[Any]]] = []

    def look(self, what: str, name: str, answer: Future[Any]) -> None:
        """Sets `answer` to the nodes, the topics, or the next message on topic `name`."""
        self._sweep()
        try:
            if what == "nodes":
                _tell(answer, self._nodes())
            elif what == "topics":
                _tell(answer, self._topics())
            elif what == "echo":
                self._echo(name, answer)
            else:
                raise LookupError(f"{what}: nothing to look at; valid: {', '.join(VALID)}")
        except (LookupError, ValueError) as error:
            if answer.set_running_or_notify_cancel():
                answer.set_exception(error)

    def _nodes(self) -> list[str]:
        return sorted(f"{space.rstrip('/')}/{name}" for name, space in self._node.get_node_names_and_namespaces())

    def _topics(self) -> list[dict[str, Any]]:
        return [
            {
                "name": name,
                "types": types,
                "publishers": self._node.count_publishers(name),
                "subscribers": self._node.count_subscribers(name),
            }
            for name, types in sorted(self._node.get_topic_names_and_types())
        ]

    def _echo(self, name: str, answer: Future[Any]) -> None:
        known = dict(self._node.get_topic_names_and_types())
        full = self._node.resolve_topic_name(name)
        if full not in known:
            raise LookupError(f"{name}: no such topic; see `workcell topics`")
        message_class = get_message(known[full][0])
        holder: list[Any] = []
        profile = self._profile(full)
        callback = partial(self._on_message, holder, answer)
        holder.append(self._node.create_subscription(message_class, full, callback, profile))
        self._open.append((answer, holder))

    def _sweep(self) -> None:
        """Ends the subscriptions of looks that were given up before a message came."""
        for answer, holder in self._open:
            if answer.done() and holder:
                self._node.destroy_subscription(holder.pop())
        self._open = [(answer, holder) for answer, holder in self._open if holder]

    def _profile(self, topic: str) -> QoSProfile:
        """Asks for what every publisher offers, so that the look sees what any of them says."""
        offers = [info.qos_profile for info in self._node.get_publishers_info_by_topic(topic)]
        is_reliable = all(offer.reliability == QoSReliabilityPolicy.RELIABLE for offer in offers)
        is_latched = all(offer.durability == QoSDurabilityPolicy.TRANSIENT_LOCAL for offer in offers)
        return QoSProfile(
            depth=1,
            reliability=QoSReliabilityPolicy.RELIABLE if is_reliable else QoSReliabilityPolicy.BEST_EFFORT,
            durability=QoSDurabilityPolicy.TRANSIENT_LOCAL if is_latched else QoSDurabilityPolicy.VOLATILE,
        )

    def _on_message(self, holder: list[Any], answer: Future[Any], message: Any) -> None:
        if not holder:
            return
        # Destroyed outside its own callback, which still holds it.
        self._node.executor.create_task(self._node.destroy_subscription, holder.pop())
        _tell(answer, message_to_ordereddict(message, truncate_length=64))


def _tell(answer: Future[Any], what: Any) -> None:
    """Answers, unless whoever asked has given up."""
    if answer.set_running_or_notify_cancel():
        answer.set_result(what)
