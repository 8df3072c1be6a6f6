"""A recording as a live source: its values come at the pace at which they were recorded, or N times faster."""

from __future__ import annotations

import asyncio
import itertools
import math
from collections.abc import Iterator
from pathlib import Path

from workcell_sensors.reading import NS_PER_S, Quality
from workcell_sensors.sources.replay_bag import BagRows
from workcell_sensors.sources.replay_csv import HEAD_LINES, CsvRows, sniff
from workcell_sensors.sources.replay_pace import Pace
from workcell_sensors.sources.replay_protocol import HOLD, LIVE, REPEAT, ReplayOptions
from workcell_sensors.sources.replay_rows import RecordingError, Row
from workcell_sensors.sources.session import AsyncSource, LinkLost
from workcell_sensors.sources.source import ClockNs, Emit, SourceSpec
from workcell_sensors.sources.worker import AsyncWorker

BAG_ENDINGS = (".mcap", ".db3")
ROWS_PER_READ = 256
"""Rows read at once, in a thread of the worker's pool: a slow disk must not hold up the network."""


class Recording:
    """A recording's rows, each time from the first on."""

    def __init__(self, options: ReplayOptions) -> None:
        self._options = options
        self._path = Path(options.file)
        self.malformed = 0
        """Rows that could not be read, so far."""

    def rows(self) -> Iterator[Row]:
        """Yields the rows.

        Raises:
            RecordingError: the file cannot be used.
        """
        if self._path.is_dir() or self._path.suffix in BAG_ENDINGS:
            bag = BagRows(self._path, self._options.topic)
            yield from self._counted(bag)
            return
        try:
            with self._path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
                head = list(itertools.islice(file, HEAD_LINES))
                written = sniff(head, self._options.time_column)
                table = CsvRows(itertools.chain(head, file), written, self._options.time_format)
                yield from self._counted(table)
        except OSError as error:
            raise RecordingError(str(error)) from None

    def _counted(self, rows: BagRows | CsvRows) -> Iterator[Row]:
        before = self.malformed
        for row in rows:
            self.malformed = before + rows.malformed
            yield row
        self.malformed = before + rows.malformed


class ReplaySource(AsyncSource):
    """Plays one recording."""

    def __init__(self, spec: SourceSpec, emit: Emit, clock_ns: ClockNs, worker: AsyncWorker) -> None:
        super().__init__(spec, emit, clock_ns, worker)
        self._options = spec.options(ReplayOptions)
        self._tags = {tag.address: tag for tag in spec.tags}

    async def session(self) -> None:
        """Plays the recording, and at its end does what the tag table says."""
        options = self._options
        recording = Recording(options)
        pace = Pace(options.speed, options.gap_s_max)
        rows_played = 0
        while True:
            pace.begin(self.clock_ns())
            last, count = await self._play(recording, pace, first=rows_played == 0)
            rows_played += count
            self.reject(recording.malformed)
            recording.malformed = 0
            if count == 0:
                raise LinkLost(f"{options.file}: no row that can be played")
            self.count("times_played")
            if options.at_end != REPEAT:
                break
            # A recording of one moment must not be played as fast as the processor can.
            await asyncio.sleep(self.wall_period_s(self.spec.period_s_min))
        self.doubt("the recording has ended")
        while True:
            await asyncio.sleep(self.wall_period_s(self.spec.period_s_min))
            if options.at_end == HOLD:
                self._deliver(last, self.clock_ns())

    async def _play(self, recording: Recording, pace: Pace, first: bool) -> tuple[Row, int]:
        """Plays it once; returns the last values, where they are to be held, and how many rows there were."""
        rows = recording.rows()
        last = Row(0, {}, {})
        count = 0
        backwards = pace.backwards
        while portion := await asyncio.to_thread(self._read, rows):
            for row in portion:
                due_ns = pace.due_ns(row.stamp_ns)
                wait_s = self.wall_s((due_ns - self.clock_ns()) / NS_PER_S)
                if wait_s > 0.0:
                    await asyncio.sleep(wait_s)
                if first and count == 0:
                    self.up()
                    self._tell_missing(row)
                self._deliver(row, due_ns)
                if self._options.at_end == HOLD:
                    last = last.then(row)
                count += 1
        if pace.backwards > backwards:
            self.count("rows_back_in_time", pace.backwards - backwards)
        return last, count

    def _read(self, rows: Iterator[Row]) -> list[Row]:
        try:
            return list(itertools.islice(rows, ROWS_PER_READ))
        except RecordingError as error:
            raise LinkLost(f"{self._options.file}: {error}") from None

    def _deliver(self, row: Row, due_ns: int) -> None:
        known = [(address, cell) for address, cell in row.cells.items() if address in self._tags]
        if not known:
            return
        values = [self._tags[address].number_of(cell) for address, cell in known]
        qualities = [
            max(row.qualities.get(address, 0), Quality.BAD if math.isnan(value) else Quality.GOOD)
            for (address, _), value in zip(known, values, strict=True)
        ]
        self.reject(sum(map(math.isnan, values)))
        is_live = self._options.stamps == LIVE
        # By our clock in any case: what was recorded tells nothing of a device's clock today.
        stamp_ns = due_ns if is_live else row.stamp_ns
        self.deliver(tuple(address for address, _ in known), values, qualities, stamp_ns, device_time=False)

    def _tell_missing(self, row: Row) -> None:
        """Says which addresses a wide table does not have; other recordings may yet come to them."""
        missing = [address for address in self._tags if address not in row.cells]
        if missing and len(missing) == len(self._tags):
            self.doubt(f"the first row of {self._options.file} has none of {', '.join(missing[:5])}")
