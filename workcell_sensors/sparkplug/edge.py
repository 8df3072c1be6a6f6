"""A Sparkplug edge node: when it speaks, to which server, and what it says (specification 3.0, chapter 5)."""

from __future__ import annotations

from dataclasses import dataclass, field

from workcell_sensors.sparkplug.births import BD_SEQ, REBIRTH
from workcell_sensors.sparkplug.codec import decode, encode
from workcell_sensors.sparkplug.datatypes import DataType
from workcell_sensors.sparkplug.edge_model import NODE, EdgeModel, MetricSpec
from workcell_sensors.sparkplug.events import Publish
from workcell_sensors.sparkplug.host_state import HostState, decode_state
from workcell_sensors.sparkplug.ordering import SEQ_COUNT, next_seq
from workcell_sensors.sparkplug.payload import Metric, Payload, Value, make_metric
from workcell_sensors.sparkplug.topic import EdgeNodeId, MessageType, Topic, parse_state_topic, parse_topic, state_topic

COMMAND_QOS = 1
WILL_QOS = 1


@dataclass(frozen=True)
class EdgeConfig:
    """What an edge node is.

    Attributes:
        node: its descriptor, unique in the infrastructure.
        servers: how many MQTT servers there are to choose from; it uses one at a time.
        primary_host: id of the host application without which it does not speak; empty: it always speaks.
        changes_max: changes kept per device while nobody listens, and in all as history.
        message_metrics_max: metrics of one data message.
        backlog_metrics_max: metrics of the past that one `flush` sends, so that they do not crowd out the present.
        resend_s: how long the loss of server or host may go unnoticed. What was sent in the last so many seconds of a
            session that broke is told again as history, for data goes out unacknowledged (QoS 0).
    """

    node: EdgeNodeId
    servers: int = 1
    primary_host: str = ""
    changes_max: int = 100_000
    message_metrics_max: int = 500
    backlog_metrics_max: int = 500
    resend_s: float = 30.0
    births_spacing_s: float = 1.0
    """Between births that new metrics make; until then changes wait, so that a start is not a birth per metric."""


@dataclass(frozen=True)
class Write:
    """A command to write one metric."""

    device: str
    name: str
    value: Value


@dataclass(frozen=True)
class Connect:
    """What a CONNECT is to carry."""

    server: int
    will: Publish
    subscriptions: tuple[tuple[str, int], ...]
    """To be made at once, before anything is published: filter and QoS."""


@dataclass
class Directive:
    """What is to be done: publish in order, then disconnect if told to."""

    publishes: list[Publish] = field(default_factory=list)
    writes: list[Write] = field(default_factory=list)
    disconnect: bool = False
    """Leave this server and connect again, to the server that `EdgeNode.connect` then names."""


@dataclass
class EdgeCounts:
    """What an edge node has done."""

    births: int = 0
    data: int = 0
    historical: int = 0
    """Metrics sent as history."""
    commands: int = 0
    refused: int = 0
    """Commands and STATE messages that could not be read or name nothing that may be written."""


class EdgeNode:
    """Decides what an edge node says. Values go into `model`; `flush` sends what has changed."""

    def __init__(self, config: EdgeConfig) -> None:
        self.config = config
        self.model = EdgeModel(config.changes_max)
        self.counts = EdgeCounts()
        self.is_born = False
        """Whether it is in a Sparkplug session: its births are out, and no death."""
        self._server = 0
        self._connected = False
        self._host_online: bool | None = None
        """Of the primary host on this server; None until its STATE comes."""
        self._bd_seq = -1
        self._seq = 0
        self._state_ms: dict[int, int] = {}
        self._online_ms: dict[int, int] = {}
        self._rebirth_due = False
        self._born_ms = 0

    # -- session ----------------------------------------------------------------------------------------------------

    def connect(self, now_ms: int) -> Connect:
        """Returns what the next CONNECT carries; call it anew for every attempt."""
        self._bd_seq = (self._bd_seq + 1) % SEQ_COUNT
        self._end_session(now_ms)
        self._host_online = None
        filters = [(str(Topic(MessageType.NCMD, self.config.node)), COMMAND_QOS)]
        writable = (name for name in self.model.devices if self.model.is_writable(name))
        filters += [(str(Topic(MessageType.DCMD, self.config.node, name)), COMMAND_QOS) for name in writable]
        if self.config.primary_host:
            filters.append((state_topic(self.config.primary_host), COMMAND_QOS))
        return Connect(self._server, self._death(now_ms)._replace(qos=WILL_QOS), tuple(filters))

    def connected(self, now_ms: int) -> Directive:
        """Returns what to say once the server has granted the subscriptions."""
        self._connected = True
        # A server may deliver the retained STATE before it grants the subscription.
        return self._on_host(now_ms) if self.config.primary_host else self._births(now_ms)

    def connect_failed(self) -> None:
        """Takes note that a server cannot be reached; the next attempt goes to the next one."""
        self._connected = False
        self._walk()

    def connection_lost(self, now_ms: int) -> None:
        """Takes note that the connection is gone; the server tells the death."""
        self._end_session(now_ms)

    def _end_session(self, now_ms: int) -> None:
        if self.is_born:
            self.model.recall(now_ms - round(1000 * self.config.resend_s))
        self._connected = self.is_born = False

    def close(self, now_ms: int) -> Directive:
        """Returns what to say before leaving on purpose: the death, then a DISCONNECT."""
        publishes = [self._death(now_ms)] if self._connected else []
        self._end_session(now_ms)
        return Directive(publishes, disconnect=True)

    def _walk(self) -> None:
        self._server = (self._server + 1) % self.config.servers

    # -- messages ---------------------------------------------------------------------------------------------------

    def message(self, topic: str, data: bytes, now_ms: int, retained: bool = False) -> Directive:
        """Returns what comes of one message; nothing in it can make this raise."""
        try:
            host_id = parse_state_topic(topic)
            if host_id is not None:
                return self._state(decode_state(data), now_ms) if host_id == self.config.primary_host else Directive()
            parsed = parse_topic(topic)
            # A command that a server kept would be obeyed anew at every connection.
            if retained or parsed.node != self.config.node or not self.is_born:
                return Directive()
            return self._command(parsed, decode(data), now_ms)
        except ValueError:
            self.counts.refused += 1
            return Directive()

    def _state(self, state: HostState, now_ms: int) -> Directive:
        before_ms = self._state_ms.get(self._server) if state.online else self._online_ms.get(self._server)
        if before_ms is not None and state.timestamp_ms < before_ms:
            # Of a session of the host's that is over already.
            return Directive()
        self._state_ms[self._server] = state.timestamp_ms
        if state.online:
            self._online_ms[self._server] = state.timestamp_ms
        self._host_online = state.online
        return self._on_host(now_ms) if self._connected else Directive()

    def _on_host(self, now_ms: int) -> Directive:
        """Does what the primary host's state asks for."""
        if self._host_online is None:
            return Directive()
        if self._host_online:
            return Directive() if self.is_born else self._births(now_ms)
        if not self.is_born and self.config.servers == 1:
            # Nothing was said yet and there is nowhere else to go: wait here.
            return Directive()
        directive = self.close(now_ms)
        self._walk()
        return directive

    def _command(self, topic: Topic, payload: Payload, now_ms: int) -> Directive:
        if topic.kind not in (MessageType.NCMD, MessageType.DCMD) or not self.model.is_online(topic.device):
            return Directive()
        directive = Directive()
        for metric in payload.metrics:
            if topic.kind is MessageType.NCMD and metric.name == REBIRTH:
                if metric.value(DataType.BOOLEAN) is True:
                    self.counts.commands += 1
                    directive.publishes += self._births(now_ms).publishes
                continue
            try:
                directive.writes.append(self._write(topic.device, metric))
                self.counts.commands += 1
            except ValueError:
                self.counts.refused += 1
        return directive

    def _write(self, device: str, metric: Metric) -> Write:
        for tag in self.model.tags(device).values():
            named = tag.alias == metric.alias if metric.alias is not None else tag.spec.name == metric.name
            if named and tag.spec.writable:
                return Write(device, tag.spec.name, metric.value(tag.spec.datatype))
        raise ValueError(f"metric {metric.name or metric.alias} of {device or 'the node'} is not to be written")

    # -- what it says -----------------------------------------------------------------------------------------------

    def declare(self, device: str, specs: tuple[MetricSpec, ...]) -> None:
        """Adds metrics; a node that is born already births again at the next `flush`.

        Raises:
            ValueError: a name is empty, reserved by Sparkplug, or differs from another by case alone.
        """
        self._rebirth_due |= self.model.declare(device, specs)

    def device_offline(self, device: str, now_ms: int) -> Directive:
        """Takes note that a device is gone, and tells it."""
        flushed = self.flush(now_ms)
        if not self.model.set_online(device, False) or not self.is_born:
            return flushed
        payload = Payload((), now_ms, self._take_seq())
        topic = str(Topic(MessageType.DDEATH, self.config.node, device))
        return Directive([*flushed.publishes, Publish(topic, encode(payload))])

    def device_online(self, device: str, now_ms: int) -> Directive:
        """Takes note that a device is back, and births it."""
        if not self.model.set_online(device, True) or not self.is_born:
            return Directive()
        return Directive([self._device_birth(device, now_ms)])

    def flush(self, now_ms: int) -> Directive:
        """Returns what has changed since the last call, by device; where nobody listens it is kept as history."""
        if not self.is_born:
            self.model.store()
            return Directive()
        if self._rebirth_due:
            is_time = now_ms - self._born_ms >= 1000 * self.config.births_spacing_s
            return self._births(now_ms) if is_time else Directive()
        publishes = []
        for device in (NODE, *self.model.devices):
            while self.model.is_online(device):
                changes = self.model.take_changes(device, self.config.message_metrics_max, now_ms)
                if not changes:
                    break
                publishes.append(self._data(device, tuple(change.data() for change in changes), now_ms))
        for device, changes in self.model.take_backlog(self.config.backlog_metrics_max):
            self.counts.historical += len(changes)
            past = tuple(change.data(is_historical=True) for change in changes)
            publishes.append(self._data(device, past, now_ms))
        return Directive(publishes)

    def _births(self, now_ms: int) -> Directive:
        self.model.store()
        self.is_born, self._rebirth_due, self._born_ms = True, False, now_ms
        self.counts.births += 1
        self._seq = 0
        own = (
            self._bd_seq_metric(now_ms),
            make_metric(REBIRTH, DataType.BOOLEAN, False, timestamp_ms=now_ms),
            *(tag.birth(now_ms) for tag in self.model.tags(NODE).values()),
        )
        topic = str(Topic(MessageType.NBIRTH, self.config.node))
        births = [Publish(topic, encode(Payload(own, now_ms, self._take_seq())))]
        births += [self._device_birth(device, now_ms) for device in self.model.devices if self.model.is_online(device)]
        self.model.drop_current()
        return Directive(births)

    def _device_birth(self, device: str, now_ms: int) -> Publish:
        metrics = tuple(tag.birth(now_ms) for tag in self.model.tags(device).values())
        topic = str(Topic(MessageType.DBIRTH, self.config.node, device))
        return Publish(topic, encode(Payload(metrics, now_ms, self._take_seq())))

    def _data(self, device: str, metrics: tuple[Metric, ...], now_ms: int) -> Publish:
        kind = MessageType.DDATA if device else MessageType.NDATA
        self.counts.data += 1
        return Publish(str(Topic(kind, self.config.node, device)), encode(Payload(metrics, now_ms, self._take_seq())))

    def _death(self, now_ms: int) -> Publish:
        topic = str(Topic(MessageType.NDEATH, self.config.node))
        return Publish(topic, encode(Payload((self._bd_seq_metric(now_ms),), now_ms)))

    def _bd_seq_metric(self, now_ms: int) -> Metric:
        return make_metric(BD_SEQ, DataType.INT64, self._bd_seq, timestamp_ms=now_ms)

    def _take_seq(self) -> int:
        seq = self._seq
        self._seq = next_seq(seq)
        return seq
