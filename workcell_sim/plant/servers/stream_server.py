"""A field server over asyncio's streams, which ends with every one of its clients."""

from __future__ import annotations

import asyncio
import contextlib
from abc import abstractmethod
from collections.abc import Callable
from typing import TypeVar

from workcell_sim.plant.servers.server import FieldServer

T = TypeVar("T")
STREAM_BYTES_MAX = 1 << 16
"""Of a line or head that a client sends; asyncio's own default."""
ACTION_TIMEOUT_S = 60.0
_GONE = (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError, IndexError, ValueError)
"""What a client that leaves, or speaks something else, makes of a server that reads."""


class StreamFieldServer(FieldServer):
    """Serves each client in a task of its own. A subclass implements `serve` and `apply`."""

    _server: asyncio.Server | None = None
    _clients: frozenset[asyncio.StreamWriter] = frozenset()

    async def open(self) -> None:
        """Listens."""
        self._server = await asyncio.start_server(self._attend, self.host, self.port, limit=STREAM_BYTES_MAX)

    async def close(self, abrupt: bool) -> None:
        """Stops listening and drops every client."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for client in self._clients:
            client.transport.abort()

    @abstractmethod
    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serves one client until it goes, which it may tell by raising."""

    def do(self, action: Callable[[], T]) -> T:
        """Does something in the server's loop, from any other thread, and returns what that gives."""
        worker = self._worker
        assert worker is not None, "the server runs"

        async def act() -> T:
            return action()

        done: T = worker.submit(act()).result(ACTION_TIMEOUT_S)
        return done

    async def _attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients |= {writer}
        try:
            # That the server is closing asyncio's streams would log as an error.
            with contextlib.suppress(*_GONE, asyncio.CancelledError):
                await self.serve(reader, writer)
        finally:
            self._clients -= {writer}
            writer.transport.abort()
