"""The recorder's black box: hears what is a fault, and has the last seconds written when there is one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from std_msgs.msg import String
from std_srvs.srv import Trigger

from workcell_console.bag import BagError, QosRecord, Topic
from workcell_console.black_box.faults import FaultWatch
from workcell_console.black_box.recorder import BlackBox, BlackBoxLimits
from workcell_console.black_box.ring import Entry
from workcell_console.black_box.store import IncidentStore
from workcell_ros import convert, qos

ON_REQUEST = "request"
LATCHED_DEPTH_MAX = 50


class BlackBoxKeeper:
    """Keeps a node's black box.

    Args:
        node: whose clock, log and services are used.
        limits: how much is kept.
        store: where incidents go.
        topics: what is recorded, by name; grows as topics come up.
    """

    def __init__(self, node: Any, limits: BlackBoxLimits, store: IncidentStore, topics: Mapping[str, Topic]) -> None:
        self._node = node
        self._box = BlackBox(limits)
        self._store = store
        self._topics = topics
        self._watch = FaultWatch()
        self._last = ""
        self._problem = ""
        self._service = node.create_service(Trigger, "~/snapshot", self._on_request)
        subscribe: Callable[..., Any] = node.create_subscription
        self._inputs = [
            subscribe(String, "world/robot_state", self._on_robot_state, qos.STATE),
            subscribe(String, "cell/state", self._on_cell_state, qos.STATE),
            subscribe(DiagnosticArray, "diagnostics", self._on_diagnostics, qos.DIAGNOSTICS),
        ]

    def destroy(self) -> None:
        """Writes an open incident with what there is, and withdraws inputs and service."""
        self.look(at_once=True)
        for subscription in self._inputs:
            self._node.destroy_subscription(subscription)
        self._node.destroy_service(self._service)

    def note_topic(self, topic: Topic) -> None:
        """Has what is latched on a topic kept beyond the ring."""
        depths = [profile.depth for profile in topic.qos if _is_latched(profile)]
        if depths:
            self._box.latched.add_topic(topic.name, min(max(depths), LATCHED_DEPTH_MAX))

    def note(self, topic: str, stamp_ns: int, data: bytes) -> None:
        """Takes a message in."""
        self._box.note(Entry(topic, stamp_ns, data))

    def look(self, at_once: bool = False) -> None:
        """Writes the open incident if its time has passed."""
        incident = self._box.take(self._node.now_ns(), at_once)
        if incident is None:
            return
        try:
            written = self._store.write(incident, self._topics.values())
        except BagError as error:
            self._problem = str(error)
            self._node.get_logger().error(f"black box: {error}")
            return
        self._problem, self._last = "", str(written.path)
        dropped = incident.dropped_before + incident.dropped_after
        lost = f"; {dropped} messages did not fit into its memory" if dropped else ""
        gone = f"; removed {', '.join(path.name for path in written.removed)}" if written.removed else ""
        self._node.get_logger().warning(
            f"black box: {incident.triggers[0].reason}: {written.message_count} messages, "
            f"from {incident.pre_s:.1f} s before, in {written.path}{lost}{gone}"
        )

    def status(self) -> Any:
        """Returns what the heartbeat tells of it."""
        ring = self._box.ring
        cut = ring.cut_count()
        said = self._problem or ("an incident is open" if self._box.is_capturing else "armed")
        level = convert.ERROR if self._problem else convert.WARN if cut else convert.OK
        if cut:
            said += f"; {cut} of the last messages did not fit into its memory"
        held_mib = round(ring.size_bytes / (1 << 20), 3)
        values = {"held_s": round(ring.span_s, 1), "held_mib": held_mib, "messages": len(ring), "last": self._last}
        return self._node.status("black box", level, said, **values)

    def _trigger(self, reason: str) -> None:
        if reason:
            self._box.trigger(self._node.now_ns(), reason)

    def _on_robot_state(self, message: Any) -> None:
        self._trigger(self._watch.note_robot_state(message.data))

    def _on_cell_state(self, message: Any) -> None:
        self._trigger(self._watch.note_cell_state(message.data))

    def _on_diagnostics(self, message: Any) -> None:
        for status in message.status:
            self._trigger(self._watch.note_status(status.name, convert.level_of(status), status.message))

    def _on_request(self, _request: Any, response: Any) -> Any:
        self._trigger(ON_REQUEST)
        response.success = True
        response.message = (
            "the incident is written once the time after it has passed; the log and the heartbeat name it"
        )
        return response


def _is_latched(profile: QosRecord) -> bool:
    return profile.durability == "transient_local"
