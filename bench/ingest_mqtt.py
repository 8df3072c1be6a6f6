"""MQTT's part of the ingest benchmark: one JSON message per update, and paho's own loop as the peer."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from bench.ingest_parts import LOOPBACK, keep_pace, tag_table
from bench.mqtt_broker import connected_socket, publish_packet, serve_with

TOPIC = "bench/{}"
DEVICES = 20
"""Connections that publish; mosquitto reads one message of each in turn."""


def serve(port: int, tags: int, period_s: float) -> None:
    """Runs a broker and a device that publishes `tags` counters every `period_s`, until the process is ended."""

    def publish(port: int) -> None:
        devices = [connected_socket(port, f"bench{n}") for n in range(DEVICES)]
        topics = [TOPIC.format(n).encode() for n in range(tags)]

        def step(count: int) -> None:
            payload = b'{"v":%d,"t":%.6f}' % (count, time.time())
            for number, device in enumerate(devices):
                own = topics[number::DEVICES]
                device.sendall(b"".join(publish_packet(topic, payload) for topic in own))

        keep_pace(period_s, step)

    serve_with(port, publish)


def tag_file(tags: int, period_s: float, port: int) -> str:
    """Returns the tag table of the published topics."""
    return tag_table(f"protocol: mqtt, port: {port}", (TOPIC.format(n) for n in range(tags)), period_s)


async def bare(port: int, tags: int, period_s: float, seconds: float) -> int:
    """Returns how many messages paho hands to a callback that only counts them."""
    return await asyncio.to_thread(count_messages, port, "bench/#", seconds, lambda message: 1)


def count_messages(port: int, topic: str, seconds: float, updates_in: Any) -> int:
    """Returns the updates that paho's own thread receives; `updates_in(message)` says how many one message has."""
    total = 0

    def on_message(_client: Any, _userdata: Any, message: paho.MQTTMessage) -> None:
        nonlocal total
        total += updates_in(message)

    subscribed = threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_message = on_message
    client.on_connect = lambda *_: client.subscribe(topic, 1) and None
    client.on_subscribe = lambda *_: subscribed.set()
    client.connect(LOOPBACK, port)
    client.loop_start()
    subscribed.wait(10.0)
    before = total
    time.sleep(seconds)
    received = total - before
    client.disconnect()
    client.loop_stop()
    return received
