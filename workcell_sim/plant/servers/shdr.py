"""A simulated MTConnect adapter: tells everyone who connects what it knows, then what changes, as SHDR lines."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence

from workcell_sensors.sources.mtconnect_values import UNAVAILABLE
from workcell_sensors.tags import SourceRow, TagRow
from workcell_sim.plant.servers.mtconnect_agent import time_text
from workcell_sim.plant.servers.server import LOOPBACK, Update
from workcell_sim.plant.servers.stream_server import StreamFieldServer

HEARTBEAT_S = 1.0
WRITE_BYTES_MAX = 64 << 20
"""What a client may leave unread; then it is dropped, as real adapters do."""


class ShdrFieldServer(StreamFieldServer):
    """One adapter; its keys are the tags' addresses."""

    def __init__(
        self, row: SourceRow, tags: Sequence[TagRow], host: str = LOOPBACK, heartbeat_s: float = HEARTBEAT_S
    ) -> None:
        super().__init__(row, tags, host)
        self._heartbeat_s = heartbeat_s
        self._known = {tag.address: UNAVAILABLE for tag in tags}
        self._stamp_ns = 0

    async def apply(self, updates: list[Update]) -> None:
        """Sends a line for each scan."""
        lines = []
        for update in updates:
            texts = [UNAVAILABLE if math.isnan(value) else repr(value) for value in update.values]
            self._known |= dict(zip(update.addresses, texts, strict=True))
            self._stamp_ns = update.stamp_ns
            lines.append(_line(update.stamp_ns, dict(zip(update.addresses, texts, strict=True))))
        self._send("".join(lines).encode())

    def say(self, data: bytes) -> None:
        """Sends bytes to every client as they are, from any thread."""
        self.do(lambda: self._send(data))

    def _send(self, data: bytes) -> None:
        for client in self._clients:
            if client.transport.get_write_buffer_size() > WRITE_BYTES_MAX:
                client.transport.abort()
            else:
                client.write(data)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Tells what is known, and answers pings."""
        if self._known:
            writer.write(_line(self._stamp_ns, self._known).encode())
        while line := await reader.readline():
            if line.strip() == b"* PING" and self._heartbeat_s:
                writer.write(f"* PONG {round(self._heartbeat_s * 1000)}\r\n".encode())


def _line(stamp_ns: int, pairs: dict[str, str]) -> str:
    # A stamp of zero: nothing has been shown yet; the receiver's time counts.
    stamp = time_text(stamp_ns) if stamp_ns else ""
    return "|".join((stamp, *(text for pair in pairs.items() for text in pair))) + "\r\n"
