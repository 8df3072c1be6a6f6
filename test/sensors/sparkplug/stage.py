"""An edge node and a host application for the tests, and what they say, read back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workcell_sensors.sparkplug.births import REBIRTH
from workcell_sensors.sparkplug.codec import decode
from workcell_sensors.sparkplug.datatypes import DataType
from workcell_sensors.sparkplug.edge import Directive, EdgeConfig, EdgeNode
from workcell_sensors.sparkplug.edge_model import NODE, MetricSpec
from workcell_sensors.sparkplug.events import Event, Gone, Outcome, Publish, Values
from workcell_sensors.sparkplug.host import HostApplication, HostConfig
from workcell_sensors.sparkplug.host_state import HostState, encode_state
from workcell_sensors.sparkplug.payload import Metric, Payload
from workcell_sensors.sparkplug.topic import EdgeNodeId, MessageType, Topic, parse_topic, state_topic

NODE_ID = EdgeNodeId("plant", "cell1")
HOST_ID = "scada"
T0_MS = 1_700_000_000_000
S = 1_000_000_000
T0 = T0_MS * 1_000_000
ARM = "arm"
GRIPPER = "gripper"


@dataclass(frozen=True)
class Said:
    """One message, decoded."""

    topic: Topic
    payload: Payload
    qos: int
    retain: bool

    @property
    def kind(self) -> MessageType:
        return self.topic.kind

    def metric(self, name: str) -> Metric:
        (found,) = [metric for metric in self.payload.metrics if metric.name == name]
        return found


def make_host() -> HostApplication:
    return HostApplication(HostConfig(HOST_ID))


def is_rebirth(publish: Publish) -> bool:
    return publish.topic == "spBv1.0/plant/NCMD/cell1" and decode(publish.payload).metrics[0].name == REBIRTH


def read(publishes: Sequence[Publish]) -> list[Said]:
    return [Said(parse_topic(p.topic), decode(p.payload), p.qos, p.retain) for p in publishes]


def kinds(said: Sequence[Said]) -> list[str]:
    return [each.kind.value for each in said]


def make_edge(primary_host: str = "", servers: int = 1, **more: int) -> EdgeNode:
    edge = EdgeNode(EdgeConfig(NODE_ID, servers, primary_host, **more))
    edge.declare(
        NODE, (MetricSpec("uptime", DataType.INT64, "s"), MetricSpec("light", DataType.BOOLEAN, writable=True))
    )
    edge.declare(ARM, (MetricSpec("current", DataType.DOUBLE, "A"), MetricSpec("stop", DataType.BOOLEAN)))
    edge.declare(
        GRIPPER, (MetricSpec("vacuum", DataType.FLOAT, "Pa"), MetricSpec("grip", DataType.INT8, writable=True))
    )
    return edge


def born(edge: EdgeNode, now_ms: int = T0_MS) -> list[Said]:
    edge.connect(now_ms)
    return read(edge.connected(now_ms).publishes)


def state(online: bool, timestamp_ms: int, host_id: str = HOST_ID) -> tuple[str, bytes]:
    return state_topic(host_id), encode_state(HostState(online, timestamp_ms))


def flush(edge: EdgeNode, now_ms: int) -> list[Said]:
    return read(edge.flush(now_ms).publishes)


def said(directive: Directive) -> list[Said]:
    return read(directive.publishes)


class Stage:
    """One edge node and one host, with a wire between them that the test may cut, delay and disturb."""

    def __init__(self, **config: object) -> None:
        self.host = HostApplication(HostConfig(HOST_ID, **config))  # type: ignore[arg-type]
        self.host.connect(0, T0)
        self.host.connected(0, T0)
        self.edge = make_edge()
        self.now_ns = T0
        self.will: Publish | None = None

    @property
    def now_ms(self) -> int:
        return self.now_ns // 1_000_000

    def step(self, seconds: float) -> Outcome:
        self.now_ns += round(seconds * S)
        return self.host.tick(self.now_ns)

    def hear(self, publishes: Sequence[Publish], retained: bool = False) -> Outcome:
        """Lets the host hear messages, one after the other."""
        total = Outcome()
        for publish in publishes:
            outcome = self.host.message(0, publish.topic, publish.payload, self.now_ns, retained)
            total.events += outcome.events
            total.publishes += outcome.publishes
        return total

    def birth(self) -> Outcome:
        self.will = self.edge.connect(self.now_ms).will
        return self.hear(self.edge.connected(self.now_ms).publishes)

    def obey(self, outcome: Outcome) -> list[Publish]:
        """Lets the edge node hear what the host sends; returns what it says to that."""
        answers: list[Publish] = []
        for _, publish in outcome.publishes:
            answers += self.edge.message(publish.topic, publish.payload, self.now_ms).publishes
        return answers

    def data(self, current: float) -> list[Publish]:
        """Lets the arm's current change; returns the message, not yet heard."""
        self.now_ns += S // 100
        self.edge.model.update(ARM, "current", current, self.now_ms)
        return self.edge.flush(self.now_ms).publishes


def values(events: Sequence[Event]) -> list[tuple[str, object]]:
    """Returns (address, value) of all values, in order."""
    return [
        (update.declared.address, update.metric.value(update.declared.datatype))
        for event in events
        if isinstance(event, Values)
        for update in event.updates
    ]


def gone(events: Sequence[Event]) -> dict[str, Gone]:
    return {event.device: event for event in events if isinstance(event, Gone)}
