"""Counts what a subscriber got of counters: losses, repetitions, order, latency. Pure."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
COUNTS = ("updates", "messages", "lost", "repeated", "out_of_order", "order_violations", "confirmed", "past")
GOOD_MAX = 1
"""The worst quality whose number counts."""
NEVER_NS = np.iinfo(np.int64).min


LATENCY_S_MIN = 1e-4
LATENCY_STEP = 1.02
LATENCY_BINS = 700
"""Up to a hundred seconds, in steps of two percent: a list of all would grow, and growth is what is measured."""
EVENT = np.dtype([("row", "<u4"), ("stamp_ns", "<i8"), ("value", "<f8")])


class EventLog:
    """Appends (tag, time, value) to a file; what `write` has handed over outlives a kill."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115 - it is open as long as the process lives
        self._waiting: list[bytes] = []

    def add(self, rows: npt.NDArray[np.intp], stamps_ns: npt.NDArray[np.int64], values: FloatArray) -> None:
        """Adds events (n,)."""
        events = np.empty(len(rows), dtype=EVENT)
        events["row"], events["stamp_ns"], events["value"] = rows, stamps_ns, values
        self._waiting.append(events.tobytes())

    def write(self) -> None:
        """Hands what was added over to the operating system."""
        self._file.write(b"".join(self._waiting))
        self._waiting.clear()


def _bin_of(latency_s: float) -> int:
    return min(LATENCY_BINS - 1, max(0, round(math.log(max(latency_s, LATENCY_S_MIN) / LATENCY_S_MIN, LATENCY_STEP))))


def read_events(path: str | Path) -> npt.NDArray[np.void]:
    """Returns a log's events, each once, in order."""
    data = Path(path).read_bytes()
    return np.unique(np.frombuffer(data[: len(data) // EVENT.itemsize * EVENT.itemsize], dtype=EVENT))


class Tally:
    """Per tag the counter last seen, and what was amiss on the way to it.

    Args:
        tags: of the table; the counters of each rise by one per update.
        keep: file to keep the state in over a kill of the process; empty: none. What came is logged beside it.
    """

    def __init__(self, tags: Sequence[str], keep: str = "") -> None:
        self._log = EventLog(f"{keep}.log") if keep else None
        self._index = {tag: number for number, tag in enumerate(tags)}
        self._last = np.full(len(tags), np.nan)
        self._first = np.full(len(tags), np.nan)
        self._stamps_ns = np.full(len(tags), NEVER_NS, dtype=np.int64)
        # Of what holds now and of what is past, each in its own order.
        self._passed_ns = {past: np.full(len(tags), NEVER_NS, dtype=np.int64) for past in (False, True)}
        self._session = ""
        self._keep = Path(keep) if keep else None
        self._latencies = np.zeros(LATENCY_BINS, dtype=np.int64)
        self.frame_id = ""
        self._counts = dict.fromkeys(COUNTS, 0)
        if self._keep is not None and self._keep.exists():
            self._recall(self._keep)

    @property
    def is_complete(self) -> bool:
        """Whether of every tag a value has come."""
        return not bool(np.isnan(self._last).any())

    def start(self) -> None:
        """Forgets the warm-up: from here on it counts."""
        self._latencies.fill(0)
        if self._keep is None:
            self._counts = dict.fromkeys(self._counts, 0)
            self._first = self._last.copy()

    def take(
        self,
        tags: Sequence[str],
        values: FloatArray,
        quality: FloatArray,
        stamp_ns: int,
        ages_s: FloatArray | None,
        past: bool,
        frame_id: str,
    ) -> None:
        """Takes one message in."""
        index = self._index
        rows = np.array([index[tag] for tag in tags], dtype=np.intp)
        stamps_ns = np.full(len(rows), stamp_ns, dtype=np.int64)
        if ages_s is not None:
            stamps_ns -= np.rint(1e9 * ages_s).astype(np.int64)
        fit = quality <= GOOD_MAX
        if not fit.all():
            # STALE repeats what is known, and the value itself comes as a past one; BAD has no number.
            rows, values, stamps_ns = rows[fit], values[fit], stamps_ns[fit]
        self._count(rows, values, stamps_ns)
        self._count_order(rows, stamps_ns, past, frame_id)
        if self._log is not None:
            self._log.add(rows, stamps_ns, values)
        self._counts["messages"] += 1
        self._counts["past"] += len(rows) if past else 0
        self.frame_id = frame_id or self.frame_id
        if not past and len(rows):
            self._latencies[_bin_of((time.time_ns() - int(stamps_ns.min())) / 1e9)] += len(rows)

    def _count(self, rows: npt.NDArray[np.intp], values: FloatArray, stamps_ns: npt.NDArray[np.int64]) -> None:
        last = self._last[rows]
        newer = stamps_ns > self._stamps_ns[rows]
        step = np.where(newer, values - last, 0.0)
        counts = self._counts
        counts["repeated"] += int(np.sum(~newer))
        # A tag's first value has no step: NaN compares false.
        counts["lost"] += int(np.sum(step[step > 1.0] - 1.0))
        counts["out_of_order"] += int(np.sum(step < 0.0))
        counts["confirmed"] += int(np.sum(newer & (step == 0.0)))
        counts["updates"] += int(np.sum(step > 0.0))
        self._first[rows] = np.where(np.isnan(last), values, self._first[rows])
        self._last[rows] = np.fmax(last, values)
        self._stamps_ns[rows] = np.maximum(self._stamps_ns[rows], stamps_ns)

    def _count_order(
        self, rows: npt.NDArray[np.intp], stamps_ns: npt.NDArray[np.int64], past: bool, frame_id: str
    ) -> None:
        """Counts values older than one before them of the same tag and topic.

        A gateway that was started again tells once more what was not acknowledged: its order begins anew.
        """
        session = frame_id.rpartition(":")[0]
        if session != self._session:
            self._session = session
            for passed_ns in self._passed_ns.values():
                passed_ns.fill(NEVER_NS)
        passed_ns = self._passed_ns[past]
        self._counts["order_violations"] += int(np.sum(stamps_ns < passed_ns[rows]))
        passed_ns[rows] = np.maximum(passed_ns[rows], stamps_ns)

    def keep(self) -> None:
        """Writes the state down; what was taken before may be acknowledged after this."""
        if self._keep is None or self._log is None:
            return
        self._log.write()
        meta = json.dumps({"frame_id": self.frame_id, "counts": self._counts}).encode()
        fresh = self._keep.with_suffix(".new")
        arrays = self._last.tobytes() + self._first.tobytes() + self._stamps_ns.tobytes()
        fresh.write_bytes(len(meta).to_bytes(4, "little") + meta + arrays)
        os.replace(fresh, self._keep)

    def figures(self) -> dict[str, Any]:
        """Returns the figures."""
        spans = self._last - self._first
        shares = np.cumsum(self._latencies) / max(1, int(self._latencies.sum()))

        def quantile(share: float) -> float:
            return float(LATENCY_S_MIN * LATENCY_STEP ** int(np.searchsorted(shares, share)))

        return {
            **self._counts,
            "counted": float(np.nansum(spans)),
            "latency_p50_s": quantile(0.5),
            "latency_p99_s": quantile(0.99),
        }

    def _recall(self, path: Path) -> None:
        data = path.read_bytes()
        start = 4 + int.from_bytes(data[:4], "little")
        meta = json.loads(data[4:start])
        self.frame_id, self._counts = meta["frame_id"], meta["counts"]
        size = len(self._last)
        self._last, self._first = np.frombuffer(data, np.float64, 2 * size, start).reshape(2, size).copy()
        self._stamps_ns = np.frombuffer(data, np.int64, size, start + 16 * size).copy()
