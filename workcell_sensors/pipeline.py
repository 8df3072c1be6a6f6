"""From raw frames to readings: order, conversion, quality, deadband and staleness for the whole tag table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workcell_sensors.quality import grade
from workcell_sensors.reading import NS_PER_S, FloatArray, Frame, IndexArray, Quality, Scan
from workcell_sensors.tags import TagTable

FUTURE_NS_MAX = 5 * NS_PER_S
"""A device clock further ahead than this is not believed."""
STALE_REPEAT_NS = NS_PER_S
"""How often a silent tag is said to be STALE again, for those who joined since."""


@dataclass(frozen=True)
class Counts:
    """What became of the values so far."""

    values: int = 0
    """Values taken in."""
    late: int = 0
    """Values older than one already seen of the same tag; dropped."""
    duplicate: int = 0
    """Values of the same time as one already seen; dropped."""
    quiet: int = 0
    """Values within the deadband of the one last published; held back."""
    unknown: int = 0
    """Values of addresses that are no tag's; dropped."""


@dataclass(frozen=True, eq=False)
class _Route:
    """The columns of the tag table gathered for one set of addresses, so that a scan gathers nothing."""

    picks: IndexArray | None  # which of the frame's values are tags; None: all
    rows: IndexArray
    tags: tuple[str, ...]
    gain: FloatArray
    bias: FloatArray
    limits: tuple[FloatArray, FloatArray, FloatArray, FloatArray]
    deadband: FloatArray
    stale_ns: npt.NDArray[np.int64]
    stale_ns_min: int
    repeat_ns: npt.NDArray[np.int64]
    unknown: int


class Pipeline:
    """Turns frames into scans. The rule on time: per tag only newer values pass, equal and older are counted.

    A frame older than the tag's `stale_after_s` still passes, as STALE: it tells that the link works and
    what was last known. A stamp more than five seconds ahead of the clock makes the values UNCERTAIN and counts
    as taken on arrival, so that one wild clock cannot silence a tag for good.
    """

    def __init__(self, table: TagTable, now_ns: int) -> None:
        self._table = table
        self._routes: dict[tuple[str, tuple[str, ...]], _Route] = {}
        size = len(table)
        self._stamp_ns = np.full(size, np.iinfo(np.int64).min, dtype=np.int64)
        self._heard_ns = np.full(size, now_ns, dtype=np.int64)
        self._said_ns = np.full(size, now_ns - STALE_REPEAT_NS, dtype=np.int64)
        self._value = np.full(size, np.nan)
        self._said_value = np.full(size, np.nan)
        self._said_quality = np.full(size, 255, dtype=np.uint8)
        self._counts = dict.fromkeys(Counts.__dataclass_fields__, 0)

    @property
    def counts(self) -> Counts:
        """What became of the values so far."""
        return Counts(**self._counts)

    def take(self, frame: Frame) -> Scan | None:
        """Returns what is to be published of a frame, or None where nothing is."""
        route = self._route(frame)
        count = self._counts
        count["values"] += len(frame.addresses)
        count["unknown"] += route.unknown
        values, protocol = frame.values, frame.quality
        if route.picks is not None:
            values = values[route.picks]
            protocol = None if protocol is None else protocol[route.picks]
        values = values * route.gain + route.bias
        quality = grade(values, protocol, *route.limits)
        stamp_ns = frame.stamp_ns
        if stamp_ns - frame.received_ns > FUTURE_NS_MAX:
            stamp_ns = frame.received_ns
            quality = np.maximum(quality, np.uint8(Quality.UNCERTAIN))
        if frame.received_ns - stamp_ns > route.stale_ns_min:
            quality = np.where(frame.received_ns - stamp_ns > route.stale_ns, np.uint8(Quality.STALE), quality)
        newer = self._in_order(route, stamp_ns)
        passes = self._worth_saying(route, values, quality, stamp_ns)
        if newer is not None:
            passes &= newer
        self._note(route, values, frame.received_ns, stamp_ns, newer)
        return self._scan(frame, route, values, quality, stamp_ns, passes) if passes.any() else None

    def stale(self, now_ns: int) -> Scan | None:
        """Returns the tags that have gone silent, each when it does and then every second, with their last value.

        The scan's stamp is `now_ns`, the time of the finding.
        """
        silent = (now_ns - self._heard_ns > self._table.stale_ns) & (now_ns - self._said_ns >= STALE_REPEAT_NS)
        if not silent.any():
            return None
        rows = np.flatnonzero(silent)
        quality = np.full(len(rows), Quality.STALE, dtype=np.uint8)
        self._said_ns[rows] = now_ns
        self._said_quality[rows] = Quality.STALE
        tags = tuple(self._table.tags[row] for row in rows)
        return Scan("", rows, tags, self._value[rows], quality, now_ns, now_ns)

    def silent_tags(self, now_ns: int) -> tuple[str, ...]:
        """Returns the tags that are stale at `now_ns`."""
        silent = np.flatnonzero(now_ns - self._heard_ns > self._table.stale_ns)
        return tuple(self._table.tags[row] for row in silent)

    def _in_order(self, route: _Route, stamp_ns: int) -> npt.NDArray[np.bool_] | None:
        """Returns which values are newer than all before of their tag; None where all are, as is usual."""
        last = self._stamp_ns[route.rows]
        newer: npt.NDArray[np.bool_] = last < stamp_ns
        if newer.all():
            return None
        duplicates = int(np.count_nonzero(last == stamp_ns))
        self._counts["duplicate"] += duplicates
        self._counts["late"] += int(np.count_nonzero(~newer)) - duplicates
        return newer

    def _worth_saying(
        self, route: _Route, values: FloatArray, quality: npt.NDArray[np.uint8], stamp_ns: int
    ) -> npt.NDArray[np.bool_]:
        rows = route.rows
        # NaN differs from everything, itself too: a value that comes and stays BAD waits for the repeat.
        moved: npt.NDArray[np.bool_] = np.abs(values - self._said_value[rows]) > route.deadband
        moved |= quality != self._said_quality[rows]
        moved |= stamp_ns - self._said_ns[rows] >= route.repeat_ns
        self._counts["quiet"] += len(rows) - int(np.count_nonzero(moved))
        return moved

    def _note(
        self,
        route: _Route,
        values: FloatArray,
        received_ns: int,
        stamp_ns: int,
        newer: npt.NDArray[np.bool_] | None,
    ) -> None:
        rows = route.rows
        if newer is not None:
            rows, values = rows[newer], values[newer]
        self._stamp_ns[rows] = stamp_ns
        self._value[rows] = values
        if received_ns - stamp_ns > route.stale_ns_min:
            rows = rows[received_ns - stamp_ns <= self._table.stale_ns[rows]]
        self._heard_ns[rows] = received_ns

    def _scan(
        self,
        frame: Frame,
        route: _Route,
        values: FloatArray,
        quality: npt.NDArray[np.uint8],
        stamp_ns: int,
        passes: npt.NDArray[np.bool_],
    ) -> Scan:
        rows, tags = route.rows, route.tags
        if not passes.all():
            picked = np.flatnonzero(passes)
            rows, values, quality = rows[picked], values[picked], quality[picked]
            tags = tuple(tags[i] for i in picked)
        self._said_value[rows] = values
        self._said_quality[rows] = quality
        self._said_ns[rows] = stamp_ns
        return Scan(frame.source, rows, tags, values, quality, stamp_ns, frame.received_ns)

    def _route(self, frame: Frame) -> _Route:
        key = (frame.source, frame.addresses)
        route = self._routes.get(key)
        if route is None:
            if len(self._routes) > 4 * len(self._table) + 64:
                # Devices that report by exception send many sets of addresses; the cache must not grow with them.
                self._routes.clear()
            route = self._routes[key] = self._make_route(frame)
        return route

    def _make_route(self, frame: Frame) -> _Route:
        table = self._table
        found = [table.by_address.get((frame.source, address)) for address in frame.addresses]
        picks = [i for i, row in enumerate(found) if row is not None]
        rows = np.array([row for row in found if row is not None], dtype=np.intp)
        stale_ns = table.stale_ns[rows]
        return _Route(
            picks=None if len(picks) == len(found) else np.array(picks, dtype=np.intp),
            rows=rows,
            tags=tuple(table.tags[row] for row in rows),
            gain=table.gain[rows],
            bias=table.bias[rows],
            limits=(table.low[rows], table.high[rows], table.normal_low[rows], table.normal_high[rows]),
            deadband=table.deadband[rows],
            stale_ns=stale_ns,
            stale_ns_min=int(stale_ns.min()) if len(rows) else 0,
            repeat_ns=stale_ns // 2,
            unknown=len(found) - len(picks),
        )


def merge(frames: Iterable[Frame]) -> Iterator[Frame]:
    """Yields the frames with neighbours of one source and stamp joined: MQTT sends a scan value by value."""
    group: list[Frame] = []
    for frame in frames:
        if group and (frame.source, frame.stamp_ns) != (group[0].source, group[0].stamp_ns):
            yield _join(group)
            group = []
        group.append(frame)
    if group:
        yield _join(group)


def _join(group: list[Frame]) -> Frame:
    if len(group) == 1:
        return group[0]
    first = group[0]
    parts = [np.zeros(len(f.values), dtype=np.uint8) if f.quality is None else f.quality for f in group]
    return Frame(
        first.source,
        tuple(address for frame in group for address in frame.addresses),
        np.concatenate([frame.values for frame in group]),
        None if all(frame.quality is None for frame in group) else np.concatenate(parts),
        first.stamp_ns,
        group[-1].received_ns,
    )
