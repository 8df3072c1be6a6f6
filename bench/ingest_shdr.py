"""SHDR's part of the ingest benchmark: a simulated adapter, its tag table, and a plain asyncio reader as the peer."""

from __future__ import annotations

import asyncio
import time

from bench.ingest_parts import LOOPBACK, keep_pace, tag_table
from workcell_sensors.sources.shdr_link import PING
from workcell_sensors.tags import SourceRow, TagRow
from workcell_sim.plant.servers.server import Update
from workcell_sim.plant.servers.shdr import ShdrFieldServer

PAIRS_PER_LINE = 50
LINE_BYTES_MAX = 1 << 20


def serve(port: int, tags: int, period_s: float) -> None:
    """Runs an adapter of `tags` keys that count up every `period_s`, until the process is ended."""
    keys = [f"k{n}" for n in range(tags)]
    server = ShdrFieldServer(SourceRow("bench", "shdr"), [TagRow(key, "bench", key, "1", "1") for key in keys])
    server.start(port)

    def step(count: int) -> None:
        stamp_ns = time.time_ns()
        for start in range(0, tags, PAIRS_PER_LINE):
            part = tuple(keys[start : start + PAIRS_PER_LINE])
            server.write(Update(part, (float(count),) * len(part), stamp_ns))

    keep_pace(period_s, step)


def tag_file(tags: int, period_s: float, port: int) -> str:
    """Returns the tag table of the adapter's keys."""
    return tag_table(f"protocol: shdr, port: {port}", (f"k{n}" for n in range(tags)), period_s)


async def bare(port: int, tags: int, period_s: float, seconds: float) -> int:
    """Returns how many values a loop of readline and split reads and converts."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port, limit=LINE_BYTES_MAX)
    writer.write(PING)
    loop = asyncio.get_running_loop()
    # The first line is everything the adapter knows.
    await reader.readline()
    end_s = loop.time() + seconds
    read: dict[str, tuple[str, float]] = {}
    updates = 0
    while loop.time() < end_s:
        line = (await reader.readline()).decode().rstrip()
        if line.startswith("*"):
            continue
        stamp, *fields = line.split("|")
        for key, text in zip(fields[::2], fields[1::2], strict=True):
            read[key] = (stamp, float(text))
        updates += len(fields) // 2
    writer.close()
    return updates
