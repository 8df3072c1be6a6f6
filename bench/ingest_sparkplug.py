"""Sparkplug's part of the ingest benchmark: a busy edge node, and paho with a bare protobuf parse as the peer."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from bench.ingest_mqtt import count_messages
from bench.ingest_parts import LOOPBACK, keep_pace, tag_table
from bench.mqtt_broker import serve_with
from workcell_sensors.sparkplug.births import BD_SEQ, REBIRTH
from workcell_sensors.sparkplug.codec import encode
from workcell_sensors.sparkplug.datatypes import DataType
from workcell_sensors.sparkplug.ordering import next_seq
from workcell_sensors.sparkplug.payload import Payload, make_metric
from workcell_sensors.sparkplug.schema import PayloadMessage
from workcell_sensors.sparkplug.topic import EdgeNodeId, MessageType, Topic

NODE = EdgeNodeId("bench", "node")
METRICS_MAX = 100
"""Of one device."""


class BusyNode:
    """An edge node whose metrics all count up; it writes its data messages in place, to be cheap."""

    def __init__(self, tags: int, port: int) -> None:
        self._tags = tags
        self._seq = 0
        self._count = 0
        self._last_ms = 0
        self._lock = threading.Lock()
        self._lost = threading.Event()
        self._payloads = [self._make_payload(start) for start in range(0, tags, METRICS_MAX)]
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        bd_seq = make_metric(BD_SEQ, DataType.INT64, 0, timestamp_ms=_now_ms())
        self._client.will_set(str(Topic(MessageType.NDEATH, NODE)), encode(Payload((bd_seq,))), 1)
        self._client.on_message = lambda *_: self._births()
        self._client.on_connect = lambda *_: self._client.subscribe(str(Topic(MessageType.NCMD, NODE)), 1) and None
        self._client.on_subscribe = lambda *_: self._births()
        self._client.on_disconnect = lambda *_: self._lost.set()
        self._client.connect(LOOPBACK, port)
        self._client.loop_start()

    def step(self, count: int) -> None:
        """Sends one data message per device.

        Raises:
            OSError: the broker is gone.
        """
        if self._lost.is_set():
            raise OSError("the broker is gone")
        with self._lock:
            self._count = count
            now_ms = self._tick()
            for device, payload in enumerate(self._payloads):
                payload.timestamp = now_ms
                for metric in payload.metrics:
                    metric.timestamp = now_ms
                    metric.double_value = count
                payload.seq = self._next()
                self._send(MessageType.DDATA, f"d{device}", payload.SerializeToString())

    def _make_payload(self, start: int) -> Any:
        payload = PayloadMessage()
        for n in range(start, min(start + METRICS_MAX, self._tags)):
            payload.metrics.add(alias=n)
        return payload

    def _births(self) -> None:
        with self._lock:
            now_ms = self._tick()
            self._seq = 0
            own = (
                make_metric(BD_SEQ, DataType.INT64, 0, timestamp_ms=now_ms),
                make_metric(REBIRTH, DataType.BOOLEAN, False, timestamp_ms=now_ms),
            )
            self._send(MessageType.NBIRTH, "", encode(Payload(own, now_ms, self._next())))
            for device, data in enumerate(self._payloads):
                metrics = tuple(
                    make_metric(str(m.alias), DataType.DOUBLE, float(self._count), timestamp_ms=now_ms, alias=m.alias)
                    for m in data.metrics
                )
                self._send(MessageType.DBIRTH, f"d{device}", encode(Payload(metrics, now_ms, self._next())))

    def _tick(self) -> int:
        # What it has to make up for after a standstill has a time of its own each, or it could not be told apart.
        self._last_ms = max(_now_ms(), self._last_ms + 1)
        return self._last_ms

    def _next(self) -> int:
        seq = self._seq
        self._seq = next_seq(seq)
        return seq

    def _send(self, kind: MessageType, device: str, payload: bytes) -> None:
        self._client.publish(str(Topic(kind, NODE, device)), payload)


def serve(port: int, tags: int, period_s: float) -> None:
    """Runs a broker and an edge node that counts up every `period_s`, until the process is ended."""
    serve_with(port, lambda port: keep_pace(period_s, BusyNode(tags, port).step))


def tag_file(tags: int, period_s: float, port: int) -> str:
    """Returns the tag table of the edge node's metrics."""
    addresses = (f"{NODE}/d{n // METRICS_MAX}#{n}" for n in range(tags))
    return tag_table(f"protocol: sparkplug, port: {port}", addresses, period_s)


async def bare(port: int, tags: int, period_s: float, seconds: float) -> int:
    """Returns how many metrics come through paho and protobuf to a callback that only counts them."""

    def updates_in(message: paho.MQTTMessage) -> int:
        return len(PayloadMessage.FromString(message.payload).metrics)

    topic = f"spBv1.0/{NODE.group}/DDATA/{NODE.edge_node}/+"
    return await asyncio.to_thread(count_messages, port, topic, seconds, updates_in)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
