"""A TCP connection to an SHDR adapter, with the heartbeat that MTConnect agents keep with it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

from workcell_sensors.sources.patience import within
from workcell_sensors.sources.session import LinkLost
from workcell_sensors.sources.shdr_codec import LineReader

READ_BYTES = 1 << 16
PING = b"* PING\r\n"
HEARTBEAT_S_MIN, HEARTBEAT_S_MAX = 0.01, 1800.0
"""An adapter that names another one is not believed: it would be pinged without end, or waited for for days."""
HEARTBEATS_MISSED = 2.0
"""As MTConnect agents have it: silent for twice the heartbeat, the adapter is gone."""


class AdapterLink:
    """An open connection; `async with` opens and closes it."""

    def __init__(self, host: str, port: int, timeout_s: float, legacy_timeout_s: float) -> None:
        self._place = (host, port)
        self._timeout_s = timeout_s
        self._legacy_timeout_s = legacy_timeout_s
        self.lines = LineReader()
        self.heartbeat_s = 0.0
        """As the adapter has told it; zero: it keeps none."""

    async def __aenter__(self) -> Self:
        async with asyncio.timeout(self._timeout_s):
            self._reader, self._writer = await asyncio.open_connection(*self._place)
        connection = self._writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._writer.write(PING)
        self._pinger = asyncio.create_task(self._ping())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pinger.cancel()
        await asyncio.gather(self._pinger, return_exceptions=True)
        self._writer.transport.abort()

    def keep_heartbeat(self, heartbeat_s: float) -> None:
        """Asks as often from now on as the adapter has said that it answers."""
        if HEARTBEAT_S_MIN <= heartbeat_s <= HEARTBEAT_S_MAX and heartbeat_s != self.heartbeat_s:
            self.heartbeat_s = heartbeat_s
            self._pinger.cancel()
            self._pinger = asyncio.create_task(self._ping())

    async def wake_ups(self) -> AsyncIterator[list[str]]:
        """Yields the lines of each wake-up until the adapter closes.

        Raises:
            LinkLost: it has been silent for too long, or has closed.
        """
        while True:
            silence_s = HEARTBEATS_MISSED * self.heartbeat_s or self._legacy_timeout_s
            try:
                data = await within(silence_s, self._reader.read(READ_BYTES))
            except TimeoutError:
                raise LinkLost(f"silent for {silence_s:g} s") from None
            if not data:
                raise LinkLost("the adapter closed the connection")
            yield list(self.lines.feed(data))

    async def _ping(self) -> None:
        while self.heartbeat_s > 0.0:
            await asyncio.sleep(self.heartbeat_s)
            with contextlib.suppress(OSError):
                self._writer.write(PING)
