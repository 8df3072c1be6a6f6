"""The latest value of every tag as a table for the terminal, and where the values come from."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from rich.table import Table

from workcell_sensors.delivery import Delivery
from workcell_sensors.frame_queue import FrameQueue
from workcell_sensors.gateway_status import source_values
from workcell_sensors.link_watch import LinkWatch
from workcell_sensors.pipeline import Pipeline
from workcell_sensors.reading import NS_PER_S, Frame, Quality, Reading, Scan
from workcell_sensors.sources.assembly import SourceDefaults, make_spec, stop_all
from workcell_sensors.sources.registry import make_source
from workcell_sensors.sources.source import Link
from workcell_sensors.sources.worker import AsyncWorker
from workcell_sensors.tags import TagTable

FRAMES_MAX = 10_000
STALE_CHECK_NS = NS_PER_S // 4
_COLOURS = {Quality.GOOD: "green", Quality.UNCERTAIN: "yellow", Quality.BAD: "red", Quality.STALE: "dim"}


@dataclass
class Board:
    """The latest reading of every tag."""

    table: TagTable
    readings: dict[str, Reading] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def take(self, readings: Sequence[Reading]) -> None:
        """Takes readings in."""
        for reading in readings:
            self.readings[reading.tag] = reading
            self.counts[reading.tag] = self.counts.get(reading.tag, 0) + 1

    def render(self, tags: Sequence[str], now_ns: int, title: str) -> Table:
        """Returns the table of these tags as of `now_ns`."""
        shown = Table(title=title, title_justify="left", expand=False)
        for name in ("tag", "value", "unit", "quality", "age s", "readings", "description"):
            shown.add_column(name, justify="right" if name in ("value", "age s", "readings") else "left")
        for tag in tags:
            row = self.table.row(tag)
            reading = self.readings.get(tag)
            if reading is None:
                shown.add_row(tag, "", row.si, "[dim]nothing yet", "", "0", row.description)
                continue
            text = "" if math.isnan(reading.value) else f"{reading.value:.6g}"
            colour = _COLOURS[reading.quality]
            age = f"{max(0.0, (now_ns - reading.stamp_ns) / NS_PER_S):.1f}"
            count = str(self.counts[tag])
            shown.add_row(tag, text, row.si, f"[{colour}]{reading.quality.name}", age, count, row.description)
        return shown


class Feed(Protocol):
    """Where readings come from."""

    def poll(self) -> Sequence[Reading]:
        """Returns what has come since the last call; may wait for a short time."""

    def lines(self) -> Sequence[str]:
        """Returns what there is to say of the sources, a line each."""

    def close(self) -> None:
        """Ends it."""


class DirectFeed:
    """Reads the sources themselves, without a cell: what `readings` would say, in this process."""

    def __init__(self, table: TagTable, names: Sequence[str], defaults: SourceDefaults) -> None:
        self._table = table
        self._queue = FrameQueue(FRAMES_MAX)
        self._pipeline = Pipeline(table, time.time_ns())
        self._faults: list[str] = []
        self._delivery = Delivery(self._queue, self._pipeline, (), self._on_poison)
        self._links = LinkWatch(time.time_ns())
        self._checked_ns = 0
        specs = [make_spec(table.sources[name], table.of_source(name), defaults, os.environ) for name in names]
        self._worker = AsyncWorker("tags-watch")
        self._sources = {spec.name: make_source(spec, self._queue.put, time.time_ns, self._worker) for spec in specs}
        for source in self._sources.values():
            source.start()

    def poll(self) -> Sequence[Reading]:
        """Returns what has come since the last call."""
        now_ns = time.time_ns()
        scans = [outgoing.scan for outgoing in self._delivery.pump(now_ns)]
        if now_ns - self._checked_ns >= STALE_CHECK_NS:
            self._checked_ns = now_ns
            stale = self._pipeline.stale(now_ns)
            scans += [] if stale is None else [stale]
        return [reading for scan in scans if not scan.historical for reading in self._readings(scan)]

    def _readings(self, scan: Scan) -> Sequence[Reading]:
        served = {row.tag for name in self._sources for row in self._table.of_source(name)}
        return [reading for reading in scan.readings(self._table.units) if reading.tag in served]

    def lines(self) -> Sequence[str]:
        """Returns how each source stands."""
        found = []
        for name, source in self._sources.items():
            status = source.status()
            colour = {Link.CONNECTED: "green", Link.DOWN: "red"}.get(status.link, "yellow")
            rate_hz = self._links.rate_hz(name, status.frames, time.time_ns())
            loss = self._queue.losses.by_source.get(name)
            values = source_values(status, loss, rate_hz)
            told = ", ".join(f"{key} {value}" for key, value in values.items() if value not in ("", 0))
            found.append(f"[{colour}]{name}: {status.link.value}[/] {told}")
        return found + self._faults

    def close(self) -> None:
        """Stops the sources."""
        stop_all(self._sources.values())
        self._worker.stop()

    def _on_poison(self, frame: Frame, error: Exception) -> None:
        self._faults = [f"[red]source {frame.source}: a frame is given up, {type(error).__name__}: {error}[/]"]


def readings_of(message: Mapping[str, Any], table: TagTable) -> list[Reading]:
    """Returns the readings of a message of `readings` in the form that the console's page gives it."""
    stamp = message["header"]["stamp"]
    stamp_ns = int(stamp["sec"]) * NS_PER_S + int(stamp["nanosec"])
    found = []
    for tag, group in zip(message["interface_groups"], message["interface_values"], strict=True):
        values = dict(zip(group["interface_names"], group["values"], strict=True))
        if tag in table.index:
            age_ns = round(float(values.get("age_s", 0.0)) * NS_PER_S)
            value = math.nan if values["value"] is None else float(values["value"])
            quality = Quality(int(values["quality"]))
            found.append(Reading(tag, value, table.row(tag).si, quality, stamp_ns - age_ns, stamp_ns))
    return found
