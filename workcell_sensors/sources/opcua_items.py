"""From what a server reports to what the gateway takes: nodes to tags, status to quality, unchanged to confirmed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from workcell_sensors.reading import NS_PER_S, FloatArray, IndexArray, Quality, QualityArray, StampArray
from workcell_sensors.sources.opcua_address import NodeAddress, parse_address
from workcell_sensors.sources.opcua_status import is_gone, overflowed, qualities_of
from workcell_sensors.sources.opcua_wire import Samples, Value
from workcell_sensors.tags import TagRow

CONFIRMS_PER_STALE = 3.0
"""How often within `stale_after_s` an unchanged value is confirmed."""
_BAD = np.uint8(Quality.BAD)
_NEVER = np.iinfo(np.int64).min


@dataclass(frozen=True, eq=False)
class Batch:
    """Values of different tags, ready to be delivered."""

    addresses: tuple[str, ...]
    values: FloatArray  # (n,) raw numbers, NaN where there is none
    quality: QualityArray  # (n,)
    stamps_ns: StampArray  # (n,)


@dataclass
class Taken:
    """What came of one notification."""

    batches: list[Batch] = field(default_factory=list)
    """In order; a tag stands in each at most once."""
    rejected: int = 0
    """Values that are nothing the tag could be: of another type, not finite, of no tag."""
    overflowed: int = 0
    """Items that say that the server's queue lost values before them."""
    gone: list[int] = field(default_factory=list)
    """Nodes that the server had and has no longer."""


class ItemTable:
    """Nodes, each monitored once, and the tags that show them or elements of them.

    A node's position is its client handle.
    """

    def __init__(self, tags: Sequence[TagRow], time_scale: float = 1.0) -> None:
        self.tags = tuple(tags)
        parsed = [parse_address(tag.address) for tag in tags]
        self.nodes: tuple[NodeAddress, ...] = tuple(dict.fromkeys(address.node for address in parsed))
        position = {node: i for i, node in enumerate(self.nodes)}
        self._elements = parsed
        self.rows_of: list[list[int]] = [[] for _ in self.nodes]
        for row, address in enumerate(parsed):
            self.rows_of[position[address.node]].append(row)
        # The usual node is one tag, whole; -1 marks the others.
        plain = [rows[0] if len(rows) == 1 and parsed[rows[0]].element is None else -1 for rows in self.rows_of]
        self._row_of: IndexArray = np.array(plain, dtype=np.intp)
        self._addresses = [tag.address for tag in tags]
        self._values = np.full(len(tags), math.nan)
        self._quality = np.full(len(tags), _BAD, dtype=np.uint8)
        self._stamps_ns = np.full(len(tags), _NEVER, dtype=np.int64)
        self._said_ns = np.full(len(tags), _NEVER, dtype=np.int64)
        confirm_s = [tag.stale_after_s / CONFIRMS_PER_STALE for tag in tags]
        self._confirm_ns = np.array([round(s * NS_PER_S) for s in confirm_s], dtype=np.int64)

    def period_s(self, node: int) -> float:
        """Returns how often a node is wanted: as often as its quickest tag."""
        return min(self.tags[row].period_s for row in self.rows_of[node])

    def deadband(self, node: int) -> float:
        """Returns the deadband in raw numbers that suits all tags of a node; 0 where one wants every change."""
        return min(self.tags[row].deadband_raw for row in self.rows_of[node])

    def take(self, samples: Samples, now_ns: int, only_news: bool = False) -> Taken:
        """Returns the values of a notification by tag.

        Values without a time count as taken at `now_ns`. With `only_news`, as for values that were asked for, those
        that say what is known are left out; one that differs with the time of the last counts as taken now.
        """
        taken = Taken(overflowed=overflowed(samples.status))
        if samples.status.any():
            taken.gone = [
                handle for handle in samples.handles[is_gone(samples.status)].tolist() if handle < len(self.nodes)
            ]
        quality = qualities_of(samples.status)
        stamps = np.where(samples.source_ns > 0, samples.source_ns, samples.server_ns)
        stamps[stamps == 0] = now_ns
        known = samples.handles < len(self.nodes)
        rows = np.where(known, self._row_of[np.where(known, samples.handles, 0)], -1)
        if samples.others or not known.all() or (rows < 0).any():
            rows, values, quality, stamps = self._one_by_one(samples, rows, quality, stamps, taken)
        else:
            values = samples.values
        good = np.isfinite(values)
        if not good.all():
            taken.rejected += int(np.count_nonzero(~good & (quality != _BAD)))
            quality[~good] = _BAD
        values = np.where(quality == _BAD, math.nan, values)
        if only_news:
            new = (values != self._values[rows]) & ~(np.isnan(values) & np.isnan(self._values[rows]))
            new |= quality != self._quality[rows]
            later = stamps > self._stamps_ns[rows]
            stamps = np.where(new & ~later, now_ns, stamps)
            kept = new | later
            rows, values, quality, stamps = rows[kept], values[kept], quality[kept], stamps[kept]
        for part in _rounds(rows, stamps):
            taken.batches.append(self._batch(rows[part], values[part], quality[part], stamps[part], now_ns))
        return taken

    def drifted(self, samples: Samples, deadbands: FloatArray) -> IndexArray:
        """Returns the positions of those read samples that the server should have reported and has not.

        They are further from what was last said than their deadband (n,), or good or bad where it was the opposite.
        Of nodes that are one plain tag alone: others may differ for other reasons.
        """
        rows = self._row_of[samples.handles]
        was_bad = self._quality[rows] == _BAD
        is_bad = (qualities_of(samples.status) == _BAD) | ~np.isfinite(samples.values)
        far = np.abs(samples.values - self._values[rows]) > deadbands
        return np.flatnonzero((rows >= 0) & (far | (was_bad != is_bad)))

    def missing(self, nodes: Sequence[int], now_ns: int) -> Batch:
        """Returns the tags of nodes that the server does not give, as BAD."""
        rows = np.array([row for node in nodes for row in self.rows_of[node]], dtype=np.intp)
        size = len(rows)
        quality = np.full(size, _BAD, dtype=np.uint8)
        return self._batch(rows, np.full(size, math.nan), quality, np.full(size, now_ns, dtype=np.int64), now_ns)

    def confirmed(self, now_ns: int, stamp_ns: int) -> Batch | None:
        """Returns values that are unchanged and due to be said again, known to hold until `stamp_ns`; None: none is."""
        due = (now_ns - self._confirm_ns >= self._said_ns) & (self._stamps_ns < stamp_ns) & (self._said_ns != _NEVER)
        rows: IndexArray = np.flatnonzero(due)
        if not len(rows):
            return None
        stamps = np.full(len(rows), stamp_ns, dtype=np.int64)
        return self._batch(rows, self._values[rows], self._quality[rows], stamps, now_ns)

    def _batch(
        self, rows: IndexArray, values: FloatArray, quality: QualityArray, stamps: StampArray, now_ns: int
    ) -> Batch:
        self._values[rows] = values
        self._quality[rows] = quality
        self._stamps_ns[rows] = stamps
        self._said_ns[rows] = now_ns
        return Batch(tuple([self._addresses[row] for row in rows.tolist()]), values, quality, stamps)

    def _one_by_one(
        self, samples: Samples, rows: IndexArray, quality: QualityArray, stamps: StampArray, taken: Taken
    ) -> tuple[IndexArray, FloatArray, QualityArray, StampArray]:
        """Returns rows, values, qualities and stamps where some items are texts, arrays or of several tags."""
        found: list[tuple[int, float, int]] = []
        for at, row in enumerate(rows.tolist()):
            value: Value = samples.others.get(at, float(samples.values[at]))
            if row >= 0:
                found.append((row, self._number(row, value), at))
            elif samples.handles[at] < len(self.nodes):
                found += [(each, self._number(each, value), at) for each in self.rows_of[int(samples.handles[at])]]
            else:
                taken.rejected += 1
        at_of = np.array([at for _, _, at in found], dtype=np.intp)
        values = np.array([value for _, value, _ in found], dtype=np.float64)
        return np.array([row for row, _, _ in found], dtype=np.intp), values, quality[at_of], stamps[at_of]

    def _number(self, row: int, value: Value) -> float:
        if isinstance(value, np.ndarray):
            element = self._elements[row].pick(value)
            return math.nan if element is None else element
        return math.nan if self._elements[row].element is not None else self.tags[row].number_of(value)


def _rounds(rows: IndexArray, stamps: StampArray) -> Iterator[IndexArray]:
    """Yields positions in parts that have a tag at most once each, in order per tag.

    Where the tags were scanned together each part is one scan: all of one time.
    """
    if not len(rows):
        return
    if len(np.unique(rows)) == len(rows):
        yield np.arange(len(rows))
        return
    times, scan = np.unique(stamps, return_inverse=True)
    # Scans that hold few values each are not worth a frame of their own.
    together = len(times) * 4 <= len(rows) or len(times) == _most(rows)
    key = scan if together else np.zeros(len(rows), dtype=np.intp)
    rank = _rank(rows, key)
    order = np.lexsort((rank, key))
    edges = np.flatnonzero((np.diff(key[order]) != 0) | (np.diff(rank[order]) != 0)) + 1
    yield from np.split(order, edges)


def _most(rows: IndexArray) -> int:
    return int(np.bincount(rows).max())


def _rank(rows: IndexArray, key: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Returns for each item how many of its tag and key come before it."""
    order = np.lexsort((np.arange(len(rows)), rows, key))
    fresh = np.ones(len(rows), dtype=bool)
    fresh[1:] = (np.diff(rows[order]) != 0) | (np.diff(key[order]) != 0)
    starts = np.flatnonzero(fresh)
    rank = np.empty(len(rows), dtype=np.intp)
    rank[order] = np.arange(len(rows)) - np.repeat(starts, np.diff(np.append(starts, len(rows))))
    return rank
