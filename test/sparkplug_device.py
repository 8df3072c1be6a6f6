"""An edge node on a real broker, for tests: the product's own edge core over a plain paho client in its thread."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from waiting import PATIENCE_S

from workcell_sensors.sparkplug.edge import Directive, EdgeNode
from workcell_sensors.sparkplug.payload import Metric
from workcell_sim.plant.servers.server import LOOPBACK


class EdgeDevice:
    """Connects an edge node; all of it may be called from any thread."""

    def __init__(self, edge: EdgeNode, now_ms: Callable[[], int]) -> None:
        self.edge = edge
        self._now_ms = now_ms
        self._lock = threading.RLock()
        self._client: paho.Client | None = None
        self._ready = threading.Event()

    def connect(self, port: int) -> None:
        """Connects to a broker; returns once the births are out, or the primary host is waited for."""
        self.drop()
        wanted = self.edge.connect(self._now_ms())
        client = self._client = paho.Client(CallbackAPIVersion.VERSION2, clean_session=True, reconnect_on_failure=False)
        client.will_set(*wanted.will)
        client.on_message = self._on_message
        client.on_subscribe = lambda *_: self._on_subscribed()
        client.on_connect = lambda *_: client.subscribe(list(wanted.subscriptions))
        self._ready.clear()
        client.connect(LOOPBACK, port, keepalive=60)
        client.loop_start()
        assert self._ready.wait(PATIENCE_S), "the edge node did not get its subscriptions"

    def drop(self) -> None:
        """Breaks the connection without a word."""
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(OSError, AttributeError):
                client.socket().close()  # type: ignore[union-attr]
            client.loop_stop()
            self.edge.connection_lost(self._now_ms())

    def do(self, action: Callable[[EdgeNode, int], Directive]) -> None:
        """Has the edge node do something and sends what comes of it."""
        with self._lock:
            self._act(action(self.edge, self._now_ms()))

    def send(self, device: str, *metrics: Metric) -> None:
        """Sends a data message with any metrics at all, in sequence."""
        self.do(lambda edge, now_ms: Directive([edge._data(device, metrics, now_ms)]))

    def skip(self) -> None:
        """Leaves a sequence number out."""
        self.edge._take_seq()

    def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        """Sends anything."""
        assert self._client is not None
        self._client.publish(topic, payload, retain=retain)

    def _act(self, directive: Directive) -> None:
        for publish in directive.publishes:
            if self._client is not None:
                self._client.publish(*publish)

    def _on_subscribed(self) -> None:
        self.do(lambda edge, now_ms: edge.connected(now_ms))
        self._ready.set()

    def _on_message(self, _client: object, _userdata: object, message: paho.MQTTMessage) -> None:
        self.do(lambda edge, now_ms: edge.message(message.topic, bytes(message.payload), now_ms, message.retain))
