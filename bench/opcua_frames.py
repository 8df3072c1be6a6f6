"""OPC UA notifications to numpy frames, per second of CPU time, beside asyncua's own subscription in the same run.

`python -m bench.opcua_frames [--tags N] [--period S] [--seconds S]`

CPU time of the client's process alone: the server (asyncua, in a process of its own) is the slower side.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.ingest import free_port, serving
from bench.ingest_opcua import bare, tag_file
from bench.output import keep, show
from workcell_sensors.reading import Frame
from workcell_sensors.sources.opcua import OpcUaSource
from workcell_sensors.sources.source import SourceSpec
from workcell_sensors.sources.worker import AsyncWorker
from workcell_sensors.tags import load_tags

TIMEOUT_S = 10.0
START_LIMIT_S = 60.0


@dataclass
class Tally:
    """Counts what a source hands on."""

    values: int = 0

    def take(self, frame: Frame) -> None:
        """Counts a frame's values."""
        self.values += len(frame.values)


def measure_bare(port: int, tags: int, period_s: float, seconds: float) -> dict[str, float]:
    """Returns rate and CPU time of asyncua's subscription with a handler that counts."""
    began_s = time.process_time()
    updates = asyncio.run(bare(port, tags, period_s, seconds))
    return figures(updates, seconds, time.process_time() - began_s)


def measure_frames(port: int, tags: int, period_s: float, seconds: float) -> dict[str, float]:
    """Returns rate and CPU time of our source, with a queue's end that counts."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tags.yaml"
        file.write_text(tag_file(tags, period_s, port), encoding="utf-8")
        table = load_tags(file)
    worker, tally = AsyncWorker("bench-client"), Tally()
    spec = SourceSpec(table.sources["bench"], table.rows, "127.0.0.1", port, timeout_s=TIMEOUT_S)
    source = OpcUaSource(spec, tally.take, time.time_ns, worker)
    began_s = time.process_time()
    source.start()
    limit = time.monotonic() + START_LIMIT_S
    while tally.values < 2 * tags and time.monotonic() < limit:
        time.sleep(0.05)
    tally.values = 0
    time.sleep(seconds)
    found = figures(tally.values, seconds, time.process_time() - began_s)
    status = source.status()
    source.stop()
    worker.stop()
    return {**found, "lost": float(status.lost), "rejected": float(status.rejected)}


def figures(updates: int, seconds: float, cpu_s: float) -> dict[str, float]:
    """Returns the rates; CPU time includes connecting and subscribing on both sides."""
    return {"updates_hz": updates / seconds, "cpu_s": cpu_s, "updates_per_cpu_s": updates / cpu_s if cpu_s else 0.0}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tags", type=int, default=2000)
    parser.add_argument("--period", type=float, default=0.1, help="seconds between two values of a tag")
    parser.add_argument("--seconds", type=float, default=10.0)
    given: Any = parser.parse_args()
    port = free_port()
    with serving("opcua", port, given.tags, given.period):
        peer = measure_bare(port, given.tags, given.period, given.seconds)
        ours = measure_frames(port, given.tags, given.period, given.seconds)
    ratio = ours["updates_per_cpu_s"] / peer["updates_per_cpu_s"] if peer["updates_per_cpu_s"] else 0.0
    rows: list[list[object]] = [
        [name, found["updates_hz"], found["cpu_s"], found["updates_per_cpu_s"]]
        for name, found in (("asyncua, handler that counts", peer), ("workcell, numpy frames", ours))
    ]
    show(f"{given.tags} tags every {given.period:g} s", ["client", "updates/s", "CPU s", "updates/CPU s"], rows)
    print(f"{ratio:.1f} times the peer's updates per CPU second; lost {ours['lost']:.0f}")
    keep("opcua_frames", {"tags": given.tags, "period_s": given.period, "peer": peer, "workcell": ours, "ratio": ratio})


if __name__ == "__main__":
    main()
