"""A TCP relay between a client and a server that can put bytes of its own into what the client hears."""

from __future__ import annotations

import asyncio
import contextlib

from source_harness import LOOPBACK
from waiting import PATIENCE_S

from workcell_sensors.sources.worker import AsyncWorker


class FaultyProxy:
    """Listens on a free port and relays to `target_port`, in a thread of its own."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._worker = AsyncWorker("test-proxy")
        self._clients: set[asyncio.StreamWriter] = set()
        self._server = self._worker.submit(asyncio.start_server(self._serve, LOOPBACK, 0)).result(PATIENCE_S)
        self.port: int = self._server.sockets[0].getsockname()[1]

    def inject(self, data: bytes) -> None:
        """Sends bytes to every client as if the server had."""

        async def send() -> None:
            for client in self._clients:
                client.write(data)

        self._worker.submit(send()).result(PATIENCE_S)

    def close(self) -> None:
        """Drops every connection and stops listening."""

        async def end() -> None:
            self._server.close()
            for client in self._clients:
                client.transport.abort()

        self._worker.submit(end()).result(PATIENCE_S)
        self._worker.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            server_reader, server_writer = await asyncio.open_connection(LOOPBACK, self._target_port)
        except OSError:
            writer.transport.abort()
            return
        self._clients.add(writer)
        relays = [
            asyncio.create_task(_relay(reader, server_writer)),
            asyncio.create_task(_relay(server_reader, writer)),
        ]
        try:
            await asyncio.wait(relays, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._clients.discard(writer)
            for relay in relays:
                relay.cancel()
            for each in (writer, server_writer):
                each.transport.abort()


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
