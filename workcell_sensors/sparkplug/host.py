"""A Sparkplug host application: its own STATE, and every edge node it listens to (specification 3.0, chapter 5)."""

from __future__ import annotations

from dataclasses import dataclass, field

from workcell_sensors.sparkplug.births import REBIRTH
from workcell_sensors.sparkplug.codec import decode, encode
from workcell_sensors.sparkplug.datatypes import DataType
from workcell_sensors.sparkplug.edge_view import NS_PER_MS, EdgeView, Message
from workcell_sensors.sparkplug.events import Event, HostCounts, Outcome, Publish
from workcell_sensors.sparkplug.host_state import HostState, decode_state, encode_state
from workcell_sensors.sparkplug.payload import Payload, make_metric
from workcell_sensors.sparkplug.rebirth import NS_PER_S, RebirthLimits, RebirthQueue
from workcell_sensors.sparkplug.topic import (
    EdgeNodeId,
    MessageType,
    Topic,
    node_subscription,
    parse_state_topic,
    parse_topic,
    state_topic,
)

STATE_QOS = 1
NODES_MAX = 10_000
"""Edge nodes of one host; messages of more are counted as malformed."""
NAMED_MAX = 3
"""Nodes named in a text for a person."""
COMMANDS = (MessageType.NCMD, MessageType.DCMD)


@dataclass(frozen=True)
class HostConfig:
    """What a host application is and what it listens to.

    Attributes:
        host_id: unique in the infrastructure.
        nodes: edge nodes to listen to; empty: all there are.
        reorder_timeout_s: how long a missing message is waited for; 0 where the servers keep the order.
        limits: how often rebirths may be asked for.
        asks_rebirths: whether it may ask at all; a host that only listens along leaves that to the primary one.
        reconnect_grace_s: after the host's own link is back, how long births may come by themselves.
    """

    host_id: str
    nodes: tuple[EdgeNodeId, ...] = ()
    reorder_timeout_s: float = 2.0
    limits: RebirthLimits = field(default_factory=RebirthLimits)
    asks_rebirths: bool = True
    reconnect_grace_s: float = 1.0


@dataclass
class _Session:
    """The host's session with one MQTT server."""

    timestamp_ms: int
    """Of the CONNECT; birth and will carry it."""
    born: bool = False


class HostApplication:
    """Decides what a host application says, and what the messages of edge nodes mean. Several servers may be used.

    The caller connects with the will of `connect`, subscribes to `subscriptions`, then sends what `connected` returns.
    """

    def __init__(self, config: HostConfig) -> None:
        self.config = config
        self.topic = state_topic(config.host_id)
        self.counts = HostCounts()
        self.rebirth_reasons: dict[EdgeNodeId, str] = {}
        self._nodes: dict[EdgeNodeId, EdgeView] = {}
        self._server_of: dict[EdgeNodeId, int] = {}
        self._sessions: dict[int, _Session] = {}
        self._rebirths = RebirthQueue(config.limits)
        self._now_ns = 0
        self._topics: dict[str, Topic] = {}
        self._wanted = frozenset(config.nodes)

    @property
    def subscriptions(self) -> tuple[tuple[str, int], ...]:
        """Topic filters with their QoS: its own STATE, and what the edge nodes say."""
        filters: list[str] = []
        for node in self.config.nodes:
            filters += node_subscription(node.group, node.edge_node)
        return ((self.topic, STATE_QOS), *((each, 0) for each in filters or node_subscription()))

    @property
    def nodes(self) -> dict[EdgeNodeId, EdgeView]:
        """The edge nodes heard of; for reading."""
        return self._nodes

    def trouble(self) -> str:
        """Returns which nodes do not answer to rebirth requests, and why they are asked; empty while all is well."""
        silent = self._rebirths.unanswered()
        more = f" and {len(silent) - NAMED_MAX} more" if len(silent) > NAMED_MAX else ""
        named = ", ".join(f"{node} ({self.rebirth_reasons.get(node, '')})" for node in silent[:NAMED_MAX])
        return f"no birth of {named}{more}" if silent else ""

    # -- its own session --------------------------------------------------------------------------------------------

    def connect(self, server: int, now_ns: int) -> Publish:
        """Returns the will for a CONNECT that is about to be sent: the death certificate."""
        session = self._sessions[server] = _Session(now_ns // NS_PER_MS)
        return self._state(False, session.timestamp_ms)

    def connected(self, server: int, now_ns: int) -> Outcome:
        """Returns the birth certificate, to be sent once the server has granted the subscriptions."""
        session = self._sessions[server]
        session.born = True
        for node, view in self._nodes.items():
            if self._server_of[node] == server and not view.online:
                self._want(node, "the host was away", now_ns, self.config.reconnect_grace_s)
        return Outcome(publishes=[(server, self._state(True, session.timestamp_ms))])

    def disconnecting(self, server: int, now_ns: int) -> Publish:
        """Returns the death certificate to be sent before the host ends its session on purpose."""
        self._sessions[server].born = False
        return self._state(False, now_ns // NS_PER_MS)

    def link_lost(self, server: int, now_ns: int) -> Outcome:
        """Takes note that the link to a server is down, and with it every node heard over it."""
        self._sessions.pop(server, None)
        events: list[Event] = []
        for node, view in self._nodes.items():
            if self._server_of[node] == server:
                events += view.link_lost(now_ns)
                self._rebirths.cured(node)
        return Outcome(events)

    def _state(self, online: bool, timestamp_ms: int) -> Publish:
        return Publish(self.topic, encode_state(HostState(online, timestamp_ms)), STATE_QOS, retain=True)

    # -- messages ---------------------------------------------------------------------------------------------------

    def message(self, server: int, topic: str, data: bytes, now_ns: int, retained: bool = False) -> Outcome:
        """Returns what comes of one message; nothing in it can make this raise."""
        host_id = parse_state_topic(topic)
        if host_id is not None:
            return self._own_state(server, data) if host_id == self.config.host_id else Outcome()
        if retained:
            # Edge nodes must not retain; what a server kept may be of any session.
            self.counts.retained += 1
            return Outcome()
        self.counts.messages += 1
        try:
            parsed = self._parsed(topic)
            if parsed.kind in COMMANDS or (self._wanted and parsed.node not in self._wanted):
                return Outcome()
            view = self._view(parsed, server)
            message = Message(parsed, decode(data), hash(data))
        except ValueError:
            self.counts.malformed += 1
            return Outcome()
        self._now_ns = now_ns
        if parsed.kind is not MessageType.NDEATH:
            # A death may be told late by a server that the node has left.
            self._server_of[parsed.node] = server
        events = view.take(message, now_ns)
        if parsed.kind is MessageType.NBIRTH and view.online:
            self._rebirths.cured(parsed.node)
        return Outcome(events, self._due(now_ns))

    def tick(self, now_ns: int) -> Outcome:
        """Returns what comes of time passing."""
        self._now_ns = now_ns
        events: list[Event] = []
        for view in self._nodes.values():
            events += view.tick(now_ns)
        return Outcome(events, self._due(now_ns))

    def next_due_ns(self) -> int | None:
        """Returns when `tick` has something to do; None: not before the next message."""
        times = [view.next_due_ns() for view in self._nodes.values()]
        return min((each for each in (*times, self._rebirths.next_due_ns()) if each is not None), default=None)

    # -- rebirths ---------------------------------------------------------------------------------------------------

    def _want(self, node: EdgeNodeId, reason: str, now_ns: int, delay_s: float = 0.0) -> None:
        if self.config.asks_rebirths:
            self.rebirth_reasons[node] = reason
            self._rebirths.want(node, now_ns, delay_s)

    def _due(self, now_ns: int) -> list[tuple[int, Publish]]:
        asked = []
        for node in self._rebirths.due(now_ns):
            server = self._server_of[node]
            if server in self._sessions and self._sessions[server].born:
                self.counts.rebirths += 1
                asked.append((server, rebirth_request(node, now_ns)))
        return asked

    def _own_state(self, server: int, data: bytes) -> Outcome:
        try:
            state = decode_state(data)
        except ValueError:
            self.counts.malformed += 1
            return Outcome()
        session = self._sessions.get(server)
        if state.online or session is None or not session.born:
            return Outcome()
        return Outcome(publishes=[(server, self._state(True, session.timestamp_ms))])

    def _parsed(self, topic: str) -> Topic:
        parsed = self._topics.get(topic)
        if parsed is None:
            parsed = parse_topic(topic)
            if len(self._topics) >= NODES_MAX:
                self._topics.clear()
            self._topics[topic] = parsed
        return parsed

    def _view(self, topic: Topic, server: int) -> EdgeView:
        node = topic.node
        view = self._nodes.get(node)
        if view is None:
            if len(self._nodes) >= NODES_MAX:
                raise ValueError(f"more than {NODES_MAX} edge nodes")
            timeout_ns = round(self.config.reorder_timeout_s * NS_PER_S)
            view = EdgeView(topic, self.counts, timeout_ns, lambda reason: self._want(node, reason, self._now_ns))
            self._nodes[node] = view
            self._server_of[node] = server
        return view


def rebirth_request(node: EdgeNodeId, now_ns: int) -> Publish:
    """Returns the command that asks an edge node for its births."""
    metric = make_metric(REBIRTH, DataType.BOOLEAN, True, timestamp_ms=now_ns // NS_PER_MS)
    return Publish(str(Topic(MessageType.NCMD, node)), encode(Payload((metric,), now_ns // NS_PER_MS)))
