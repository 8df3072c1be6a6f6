"""MTConnect's part of the ingest benchmark: the simulated agent, its tag table, and httpx with ElementTree as peer."""

from __future__ import annotations

import asyncio
import time
from xml.etree import ElementTree

import httpx

from bench.ingest_parts import LOOPBACK, keep_pace, tag_table
from workcell_sensors.sources.mtconnect_multipart import PartReader, boundary_of
from workcell_sensors.sources.mtconnect_values import Observation
from workcell_sensors.tags import SourceRow
from workcell_sim.plant.servers.mtconnect import MtconnectFieldServer, describe

COUNT = 10_000
"""Observations per document at most."""


def serve(port: int, tags: int, period_s: float) -> None:
    """Runs an agent of `tags` samples that count up every `period_s`, until the process is ended."""
    ids = [f"i{n}" for n in range(tags)]
    server = MtconnectFieldServer(SourceRow("bench", "mtconnect"), (), devices=describe(ids))
    server.start(port)

    def step(count: int) -> None:
        stamp_ns, text = time.time_ns(), str(count)
        server.observe(Observation(each, stamp_ns, text) for each in ids)

    keep_pace(period_s, step)


def tag_file(tags: int, period_s: float, port: int) -> str:
    """Returns the tag table of the agent's data items."""
    source = f"protocol: mtconnect, port: {port}, observations_max: {COUNT}"
    return tag_table(source, (f"i{n}" for n in range(tags)), period_s)


async def bare(port: int, tags: int, period_s: float, seconds: float) -> int:
    """Returns how many observations a loop of httpx and ElementTree reads and converts."""
    interval = str(max(1, round(1000 * period_s)))
    query = {"from": "1", "count": str(COUNT), "interval": interval, "heartbeat": "1000"}
    loop = asyncio.get_running_loop()
    updates = 0
    async with httpx.AsyncClient(base_url=f"http://{LOOPBACK}:{port}", timeout=10.0) as client:
        current = ElementTree.fromstring((await client.get("current")).content)
        query["from"] = current[0].attrib["nextSequence"]
        end_s = loop.time() + seconds
        async with client.stream("GET", "sample", params=query) as response:
            reader = PartReader(boundary_of(response.headers["content-type"]) or "")
            async for data in response.aiter_bytes():
                for part in reader.feed(data):
                    updates += _count(ElementTree.fromstring(part))
                if loop.time() >= end_s:
                    break
    return updates


def _count(root: ElementTree.Element) -> int:
    """Converts what a reader of the document cannot do without, and counts it."""
    read: dict[str, tuple[str, float]] = {}
    count = 0
    for element in root.iter():
        item = element.get("dataItemId")
        if item is not None and element.text and element.text != "UNAVAILABLE":
            read[item] = (element.attrib["timestamp"], float(element.text))
            count += 1
    return count
