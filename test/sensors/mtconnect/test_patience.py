"""Waiting ends in time, and a standstill of our own is not held against the other side."""

from __future__ import annotations

import asyncio
import time

import pytest

from workcell_sensors.sources.patience import within


def test_what_does_not_come_is_given_up_and_ended() -> None:
    async def main() -> bool:
        never = asyncio.get_running_loop().create_future()
        with pytest.raises(TimeoutError):
            await within(0.01, never)
        return never.cancelled()

    assert asyncio.run(main())


def test_an_error_comes_through() -> None:
    async def broken() -> None:
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError, match="gone"):
        asyncio.run(within(1.0, broken()))


def test_what_came_while_we_stood_still_counts() -> None:
    async def main() -> bytes:
        async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(0.02)
            writer.write(b"heartbeat")

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        waiting = asyncio.ensure_future(within(0.05, reader.read(100)))
        await asyncio.sleep(0.0)
        # This process, server and client alike, does nothing for longer than it was to wait.
        end_s = time.monotonic() + 0.1
        while time.monotonic() < end_s:
            pass
        try:
            return await waiting
        finally:
            writer.close()
            server.close()

    assert asyncio.run(main()) == b"heartbeat"


def test_being_cancelled_ends_what_is_awaited() -> None:
    async def main() -> bool:
        never = asyncio.get_running_loop().create_future()
        waiting = asyncio.ensure_future(within(10.0, never))
        await asyncio.sleep(0.0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        return never.cancelled()

    assert asyncio.run(main())
