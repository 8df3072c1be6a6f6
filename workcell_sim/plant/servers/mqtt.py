"""An MQTT broker, and the devices' own client that publishes to it."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import aiomqtt
from amqtt.broker import Broker

from workcell_sensors.sources.mqtt_codec import VALUE_PATH, make_payload, parse_address
from workcell_sim.plant.servers.server import FieldServer, Update

CONNECT_TIMEOUT_S = 20.0
GOODBYE_S = 3.0
_PLUGINS = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}


class MqttFieldServer(FieldServer):
    """Broker and publishing devices in one loop; every value is a message `{"v": ..., "t": ...}` of its own."""

    _broker: Any = None
    _client: aiomqtt.Client | None = None

    async def open(self) -> None:
        """Starts the broker and connects the devices."""
        bind = f"{self.host}:{self.port}"
        self._broker = Broker(config={"listeners": {"default": {"type": "tcp", "bind": bind}}, "plugins": _PLUGINS})
        await self._broker.start()
        client = aiomqtt.Client(self.host, self.port, timeout=CONNECT_TIMEOUT_S, identifier="plant-devices")
        self._client = await client.__aenter__()

    async def apply(self, updates: list[Update]) -> None:
        """Publishes every value."""
        if self._client is None:
            return
        # The broker may go away under the devices; what they say then is lost, as in the field.
        with contextlib.suppress(aiomqtt.MqttError):
            for update in updates:
                for address, value in zip(update.addresses, update.values, strict=True):
                    place = parse_address(address)
                    key = str(place.path[0]) if place.path else VALUE_PATH
                    await self._client.publish(place.topic, make_payload(value, update.stamp_ns, key))

    async def close(self, abrupt: bool) -> None:
        """Takes the devices off and shuts the broker down."""
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(aiomqtt.MqttError, TimeoutError):
                async with asyncio.timeout(GOODBYE_S):
                    await client.__aexit__(None, None, None)
        broker, self._broker = self._broker, None
        if broker is not None and broker.transitions.is_started():
            # First, so that the port is free whatever becomes of the rest.
            for listener in broker._servers.values():
                listener.instance.close()
            # A client that no longer reads can keep the broker waiting for its goodbye.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GOODBYE_S):
                    await broker.shutdown()
            await asyncio.sleep(0)
