"""MQTT: one subscription per topic, values in JSON or as plain numbers."""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict

import aiomqtt

from workcell_sensors.reading import Quality
from workcell_sensors.sources.mqtt_codec import parse_address, parse_payload
from workcell_sensors.sources.session import AsyncSource, LinkLost
from workcell_sensors.sources.source import ClockNs, Emit, SourceSpec
from workcell_sensors.sources.worker import AsyncWorker

KEEPALIVE_S = 10
INCOMING_MAX = 1000


class MqttSource(AsyncSource):
    """Subscribes to the tags' topics at QoS 1."""

    def __init__(self, spec: SourceSpec, emit: Emit, clock_ns: ClockNs, worker: AsyncWorker) -> None:
        super().__init__(spec, emit, clock_ns, worker)
        self._by_topic: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for tag in spec.tags:
            parsed = parse_address(tag.address)
            self._by_topic[parsed.topic].append((tag.address, parsed.key))

    async def session(self) -> None:
        """Connects, subscribes and delivers."""
        client = aiomqtt.Client(
            self.spec.host,
            self.spec.port,
            timeout=self.spec.timeout_s,
            keepalive=KEEPALIVE_S,
            max_queued_incoming_messages=INCOMING_MAX,
        )
        async with client:
            await client.subscribe([(topic, 1) for topic in self._by_topic])
            self.up()
            messages = aiter(client.messages)
            while True:
                self._handle(await self._next(messages))

    async def _next(self, messages: object) -> aiomqtt.Message:
        stall_s = max(self.wall_s(self.spec.stall_s), self.spec.timeout_s)
        try:
            async with asyncio.timeout(stall_s):
                message: aiomqtt.Message = await anext(messages)  # type: ignore[call-overload]
                return message
        except TimeoutError:
            raise LinkLost(f"stalled, no message for {stall_s:g} s") from None

    def _handle(self, message: aiomqtt.Message) -> None:
        payload = message.payload if isinstance(message.payload, bytes) else str(message.payload).encode()
        places = self._by_topic.get(message.topic.value, ())
        stamp_ns = None
        values, qualities = [], []
        for _, key in places:
            try:
                value, stamp_ns = parse_payload(payload, key)
                qualities.append(Quality.BAD if math.isnan(value) else Quality.GOOD)
            except ValueError:
                value = math.nan
                qualities.append(Quality.BAD)
                self.reject()
            values.append(value)
        if places:
            self.deliver([a for a, _ in places], values, qualities, stamp_ns)
