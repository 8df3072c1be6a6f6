"""A simulated MTConnect adapter: tells everyone who connects what it knows, then what changes, as SHDR lines."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import Any

from workcell_sensors.sources.mtconnect_values import UNAVAILABLE
from workcell_sensors.tags import SourceRow, TagRow
from workcell_sim.plant.servers.mtconnect_agent import time_text
from workcell_sim.plant.servers.server import LOOPBACK, FieldServer, Update

HEARTBEAT_S = 1.0
WRITE_BYTES_MAX = 64 << 20
"""What a client may leave unread; then it is dropped, as real adapters do."""


class ShdrFieldServer(FieldServer):
    """One adapter; its keys are the tags' addresses."""

    def __init__(
        self, row: SourceRow, tags: Sequence[TagRow], host: str = LOOPBACK, heartbeat_s: float = HEARTBEAT_S
    ) -> None:
        super().__init__(row, tags, host)
        self._heartbeat_s = heartbeat_s
        self._known = {tag.address: UNAVAILABLE for tag in tags}
        self._stamp_ns = 0
        self._server: Any = None
        self._clients: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        """Listens."""
        self._server = await asyncio.start_server(self._serve, self.host, self.port)

    async def apply(self, updates: list[Update]) -> None:
        """Sends a line for each scan."""
        lines = []
        for update in updates:
            texts = [UNAVAILABLE if math.isnan(value) else repr(value) for value in update.values]
            self._known |= dict(zip(update.addresses, texts, strict=True))
            self._stamp_ns = update.stamp_ns
            lines.append(_line(update.stamp_ns, dict(zip(update.addresses, texts, strict=True))))
        self._send("".join(lines).encode())

    async def close(self, abrupt: bool) -> None:
        """Stops listening and drops every client."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for client in list(self._clients):
            client.transport.abort()

    def say(self, data: bytes) -> None:
        """Sends bytes to every client as they are, from any thread."""
        worker = self._worker
        assert worker is not None, "the server runs"

        async def send() -> None:
            self._send(data)

        worker.submit(send()).result(60.0)

    def _send(self, data: bytes) -> None:
        for client in list(self._clients):
            if client.transport.get_write_buffer_size() > WRITE_BYTES_MAX:
                client.transport.abort()
            else:
                client.write(data)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._known:
            writer.write(_line(self._stamp_ns, self._known).encode())
        self._clients.add(writer)
        try:
            while line := await reader.readline():
                if line.strip() == b"* PING" and self._heartbeat_s:
                    writer.write(f"* PONG {round(self._heartbeat_s * 1000)}\r\n".encode())
        except (OSError, ValueError):
            # The client has gone, or sends what is no line.
            pass
        except asyncio.CancelledError:
            # The server is closing; asyncio's streams would log this as an error.
            pass
        finally:
            self._clients.discard(writer)
            writer.transport.abort()


def _line(stamp_ns: int, pairs: dict[str, str]) -> str:
    # A stamp of zero: nothing has been shown yet; the receiver's time counts.
    stamp = time_text(stamp_ns) if stamp_ns else ""
    return "|".join((stamp, *(text for pair in pairs.items() for text in pair))) + "\r\n"
