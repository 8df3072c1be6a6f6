"""A simulated MTConnect agent over HTTP: /probe, /current and /sample, streaming with a heartbeat."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterable, Sequence
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import quoteattr

from workcell_sensors.sources.mtconnect_model import parse_model
from workcell_sensors.sources.mtconnect_values import UNAVAILABLE, Observation, parse_address
from workcell_sensors.tags import SourceRow, TagRow
from workcell_sim.plant.servers.mtconnect_agent import NAMESPACE, AgentBuffer, OutOfRangeError
from workcell_sim.plant.servers.server import LOOPBACK, Update
from workcell_sim.plant.servers.stream_server import StreamFieldServer

BUFFER_SIZE = 131_072
BOUNDARY = "6f3c5a7e9d2b"
_VERSION = "2.0"


class MtconnectFieldServer(StreamFieldServer):
    """One agent with one device; its data items are the tags' or those of a device description.

    Args:
        row, tags, host: as of every field server.
        devices: an MTConnectDevices document; None: one sample per tag.
        buffer_size: observations that it keeps.
    """

    def __init__(
        self,
        row: SourceRow,
        tags: Sequence[TagRow],
        host: str = LOOPBACK,
        devices: bytes | None = None,
        buffer_size: int = BUFFER_SIZE,
    ) -> None:
        super().__init__(row, tags, host)
        self._devices = describe(parse_address(tag.address)[0] for tag in tags) if devices is None else devices
        self._buffer_size = buffer_size
        self.buffer: AgentBuffer | None = None

    async def open(self) -> None:
        """Begins a new instance and listens."""
        now_ns = time.time_ns()
        self.buffer = AgentBuffer(parse_model(self._devices), now_ns // 1000, now_ns, self._buffer_size, _VERSION)
        await super().open()

    async def apply(self, updates: list[Update]) -> None:
        """Adds an observation for each number."""
        assert self.buffer is not None
        for update in updates:
            for address, value in zip(update.addresses, update.values, strict=True):
                text = UNAVAILABLE if math.isnan(value) else repr(value)
                self.buffer.add(Observation(parse_address(address)[0], update.stamp_ns, text))

    def observe(self, seen: Iterable[Observation]) -> int:
        """Adds observations as they are, from any thread; returns how many the device does not have."""
        observations = list(seen)
        buffer = self.buffer
        assert buffer is not None
        return self.do(lambda: sum(not buffer.add(each) for each in observations))

    def overrun(self, count: int) -> None:
        """Lets `count` observations fall out of the buffer before anyone has seen them."""
        buffer = self.buffer
        assert buffer is not None
        self.do(lambda: buffer.give_up(count))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers one request after the other."""
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            target = urlsplit(head.split(" ", 2)[1])
            query = {key: values[-1] for key, values in parse_qs(target.query).items()}
            await self._answer(writer, target.path.rpartition("/")[2], query)

    async def _answer(self, writer: asyncio.StreamWriter, name: str, query: dict[str, str]) -> None:
        buffer = self.buffer
        assert buffer is not None
        now_ns = time.time_ns()
        if name == "probe":
            _respond(writer, self._devices)
        elif name == "current":
            _respond(writer, buffer.current(now_ns).encode())
        elif name == "sample":
            await self._sample(writer, buffer, query)
        else:
            _respond(writer, buffer.error("UNSUPPORTED", f"{name} is not supported", now_ns).encode(), "404 Not Found")
        await writer.drain()

    async def _sample(self, writer: asyncio.StreamWriter, buffer: AgentBuffer, query: dict[str, str]) -> None:
        sequence = int(query.get("from", buffer.first_sequence))
        count = int(query.get("count", 100))
        try:
            text, sequence_after = buffer.sample(sequence, count, time.time_ns())
        except OutOfRangeError as error:
            _respond(writer, buffer.error("OUT_OF_RANGE", str(error), time.time_ns()).encode(), "404 Not Found")
            return
        if "interval" not in query:
            _respond(writer, text.encode())
            return
        writer.write(
            b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
            b"Content-Type: multipart/x-mixed-replace;boundary=" + BOUNDARY.encode() + b"\r\n\r\n"
        )
        await self._stream(writer, buffer, (text, sequence_after), query)

    async def _stream(
        self, writer: asyncio.StreamWriter, buffer: AgentBuffer, first: tuple[str, int], query: dict[str, str]
    ) -> None:
        interval_s, heartbeat_s = int(query["interval"]) / 1000.0, int(query.get("heartbeat", 10_000)) / 1000.0
        count = int(query.get("count", 100))
        text, sequence = first
        loop = asyncio.get_running_loop()
        while True:
            _part(writer, text.encode())
            await writer.drain()
            said_s = loop.time()
            # A full document is followed by the next at once: there is more.
            if sequence == buffer.next_sequence:
                await asyncio.sleep(interval_s)
            while sequence == buffer.next_sequence and loop.time() - said_s < heartbeat_s:
                await asyncio.sleep(min(interval_s, heartbeat_s))
            try:
                text, sequence = buffer.sample(sequence, count, time.time_ns())
            except OutOfRangeError as error:
                _part(writer, buffer.error("OUT_OF_RANGE", str(error), time.time_ns()).encode())
                return


def describe(ids: Iterable[str]) -> bytes:
    """Returns a device description with one sample per id."""
    items = "".join(f'<DataItem category="SAMPLE" type="LOAD" id={quoteattr(text)} />' for text in ids)
    space = NAMESPACE.format(kind="Devices", version=_VERSION)
    header = '<Header creationTime="2026-01-01T00:00:00Z" sender="sim" instanceId="1" version="2.0.0" bufferSize="1" />'
    device = f'<Device id="d" name="sim" uuid="sim"><DataItems>{items}</DataItems></Device>'
    root = f'<MTConnectDevices xmlns="{space}">{header}<Devices>{device}</Devices></MTConnectDevices>'
    return f'<?xml version="1.0" encoding="UTF-8"?>{root}'.encode()


def _respond(writer: asyncio.StreamWriter, body: bytes, status: str = "200 OK") -> None:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)


def _part(writer: asyncio.StreamWriter, body: bytes) -> None:
    head = f"\r\n--{BOUNDARY}\r\nContent-type: text/xml\r\nContent-length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
