"""From raw frames to readings: order, conversion, quality, deadband and staleness for the whole tag table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workcell_sensors.quality import grade
from workcell_sensors.reading import (
    NS_PER_S,
    FloatArray,
    Frame,
    IndexArray,
    Quality,
    QualityArray,
    Scan,
    StampArray,
)
from workcell_sensors.tags import TagTable

FUTURE_NS_MAX = 5 * NS_PER_S
"""A device clock further ahead than this is not believed."""
ROUTED_TABLES_MAX = 8
"""How often the whole tag table's worth of columns may stand gathered in the cache."""
STALE_REPEAT_NS = NS_PER_S
"""How often a silent tag is said to be STALE again, for those who joined since."""
_STALE = np.uint8(Quality.STALE)


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
    historical: int = 0
    """Past values, kept and not acted on."""
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
    stale_ns: StampArray
    stale_ns_min: int
    repeat_ns: StampArray
    unknown: int


class Pipeline:
    """Turns frames into scans. The rule on time: per tag only newer values pass, equal and older are counted.

    Another value of the same time is no duplicate: it changed within one tick of the device's clock, and a device that
    reports changes only will not say it again. It holds now, one nanosecond after the one before.

    Past values, which the device marks as `historical` or which waited too long here, pass by the same rule on a row of
    their own: they neither change what is known to hold now nor are they held back by it or by a deadband. A time that
    was made here, to confirm an unchanged value, lets nothing that the device said come late there.

    A frame older than the tag's `stale_after_s` still passes, as STALE: it tells that the link works and
    what was last known. A stamp more than five seconds ahead of the clock makes the values UNCERTAIN and counts
    as taken on arrival, so that one wild clock cannot silence a tag for good.
    """

    def __init__(self, table: TagTable, now_ns: int) -> None:
        self._table = table
        self._routes: dict[tuple[str, tuple[str, ...]], _Route] = {}
        self._routed = 0  # addresses in all of them
        size = len(table)
        self._stamp_ns = np.full(size, np.iinfo(np.int64).min, dtype=np.int64)
        self._heard_ns = np.full(size, now_ns, dtype=np.int64)
        self._said_ns = np.full(size, now_ns - STALE_REPEAT_NS, dtype=np.int64)
        self._value = np.full(size, np.nan)
        self._said_value = np.full(size, np.nan)
        self._said_quality = np.full(size, 255, dtype=np.uint8)
        self._device_ns = self._stamp_ns.copy()
        self._made_ns = self._stamp_ns.copy()
        self._past_ns = self._stamp_ns.copy()
        self._newest_made_ns = np.iinfo(np.int64).min
        self._past_value = np.full(size, np.nan)
        self._past_quality = np.full(size, 255, dtype=np.uint8)
        self._stale_ns_min = int(table.stale_ns.min()) if size else 0
        self._counts = dict.fromkeys(Counts.__dataclass_fields__, 0)

    @property
    def counts(self) -> Counts:
        """What became of the values so far."""
        return Counts(**self._counts)

    def scans(self, frame: Frame, now_ns: int, past: bool = True) -> Iterator[Scan]:
        """Yields what is to be published of a frame at `now_ns`: what is `past`, if asked for, and what holds now.

        A value that comes to be published older than its tag's `stale_after_s`, because it waited in a journal or the
        device sent it late, is not fit to act on: it is STALE now, and past with the quality it had.
        """
        scan = self._past(frame, now_ns) if past else None
        if scan is not None:
            yield scan
        if not frame.historical:
            present = self.take(frame, now_ns)
            if present is not None:
                yield present

    def take(self, frame: Frame, now_ns: int = 0) -> Scan | None:
        """Returns what of a frame holds now, or None where nothing is worth publishing.

        Ages are those at `now_ns`, or at the frame's arrival where that is later.
        """
        route = self._route(frame)
        count = self._counts
        count["values"] += len(frame.addresses)
        count["unknown"] += route.unknown
        values, quality, stamps_ns = _converted(frame, route)
        if not len(values):
            return None
        now_ns = max(now_ns, frame.received_ns)
        stamp_ns, stamps_ns, quality = _believed(frame, stamps_ns, quality)
        when = stamp_ns if stamps_ns is None else stamps_ns
        if not frame.made_here:
            stamps_ns = self._apart(route, values, when, stamps_ns)
            if stamps_ns is not None:
                when, stamp_ns = stamps_ns, int(stamps_ns.max())
        if now_ns - _oldest_ns(when) > route.stale_ns_min:
            quality = np.where(now_ns - when > route.stale_ns, _STALE, quality)
        newer = self._in_order(route, when)
        passes = self._worth_saying(route, values, quality, when)
        if newer is not None:
            passes &= newer
        self._note(route, values, (frame.received_ns, now_ns), when, newer, frame.made_here)
        scan = Scan(frame.source, route.rows, route.tags, values, quality, stamp_ns, frame.received_ns, stamps_ns)
        return self._said(scan, passes)

    def stale(self, now_ns: int) -> Scan | None:
        """Returns the tags that have gone silent, each when it does and then every second, with their last value.

        The scan's stamp is `now_ns`, the time of the finding.
        """
        silent = (now_ns - self._heard_ns > self._table.stale_ns) & (now_ns - self._said_ns >= STALE_REPEAT_NS)
        if not silent.any():
            return None
        rows = np.flatnonzero(silent)
        quality = np.full(len(rows), _STALE)
        self._said_ns[rows] = now_ns
        self._said_quality[rows] = _STALE
        tags = tuple(self._table.tags[row] for row in rows)
        return Scan("", rows, tags, self._value[rows], quality, now_ns, now_ns)

    def forget_past(self) -> None:
        """Lets past values pass that have been told before: they are to be told again."""
        self._past_ns.fill(np.iinfo(np.int64).min)
        self._past_quality.fill(255)

    def silent_tags(self, now_ns: int) -> tuple[str, ...]:
        """Returns the tags that are stale at `now_ns`."""
        silent = np.flatnonzero(now_ns - self._heard_ns > self._table.stale_ns)
        return tuple(self._table.tags[row] for row in silent)

    def is_past(self, frame: Frame, now_ns: int) -> bool:
        """Returns whether a frame holds values that may be past at `now_ns`."""
        oldest_ns = frame.stamp_ns if frame.stamps_ns is None else int(frame.stamps_ns.min(initial=frame.stamp_ns))
        return frame.historical or now_ns - oldest_ns > self._stale_ns_min or oldest_ns <= self._newest_made_ns

    def _past(self, frame: Frame, now_ns: int) -> Scan | None:
        """Returns the values of a frame that are past, with the quality they had."""
        if not self.is_past(frame, now_ns):
            return None
        route = self._route(frame)
        values, quality, stamps_ns = _converted(frame, route)
        when = frame.stamp_ns if stamps_ns is None else stamps_ns
        rows = route.rows
        past: npt.NDArray[np.bool_] = self._past_ns[rows] < when
        if not frame.historical:
            # What was published in its time does not become past by being sent again; what a confirmation has
            # overtaken was not.
            overtaken = self._made_ns[rows] >= when
            past &= ((now_ns - when > route.stale_ns) | overtaken) & (self._stamp_ns[rows] < when)
        if frame.made_here:
            # That nothing has changed is no news to those who keep everything.
            past &= (values != self._past_value[rows]) & ~(np.isnan(values) & np.isnan(self._past_value[rows])) | (
                quality != self._past_quality[rows]
            )
        if not past.any():
            return None
        times = (frame.stamp_ns, frame.received_ns, stamps_ns)
        scan = Scan(frame.source, route.rows, route.tags, values, quality, *times, historical=True)
        if not past.all():
            scan = scan.pick(np.flatnonzero(past))
        if not frame.made_here:
            self._past_ns[scan.rows] = scan.stamp_ns if scan.stamps_ns is None else scan.stamps_ns
        self._past_value[scan.rows], self._past_quality[scan.rows] = scan.values, scan.quality
        self._counts["historical"] += len(scan.tags)
        return scan

    def _apart(
        self, route: _Route, values: FloatArray, when: int | StampArray, stamps_ns: StampArray | None
    ) -> StampArray | None:
        """Returns the values' own times, with what changed within one tick of the device's clock put after it."""
        rows = route.rows
        same = self._device_ns[rows] == when
        self._device_ns[rows] = np.maximum(self._device_ns[rows], when)
        if not same.any():
            return stamps_ns
        before = self._value[rows]
        changed = same & (values != before) & ~(np.isnan(values) & np.isnan(before))
        return np.where(same, self._stamp_ns[rows] + changed, when)

    def _in_order(self, route: _Route, when: int | StampArray) -> npt.NDArray[np.bool_] | None:
        """Returns which values are newer than all before of their tag; None where all are, as is usual."""
        last = np.maximum(self._stamp_ns[route.rows], self._made_ns[route.rows])
        newer: npt.NDArray[np.bool_] = last < when
        if newer.all():
            return None
        duplicates = int(np.count_nonzero(last == when))
        self._counts["duplicate"] += duplicates
        self._counts["late"] += int(np.count_nonzero(~newer)) - duplicates
        return newer

    def _worth_saying(
        self, route: _Route, values: FloatArray, quality: QualityArray, when: int | StampArray
    ) -> npt.NDArray[np.bool_]:
        rows = route.rows
        # NaN differs from everything, itself too: a value that comes and stays BAD waits for the repeat.
        moved: npt.NDArray[np.bool_] = np.abs(values - self._said_value[rows]) > route.deadband
        moved |= quality != self._said_quality[rows]
        moved |= when - self._said_ns[rows] >= route.repeat_ns
        stale = quality == _STALE
        if stale.any():
            # Once said it is repeated by `stale`, not by each value of a backlog; those are told as past ones.
            moved &= ~(stale & (self._said_quality[rows] == _STALE))
        self._counts["quiet"] += len(rows) - int(np.count_nonzero(moved))
        return moved

    def _note(
        self,
        route: _Route,
        values: FloatArray,
        heard_and_now_ns: tuple[int, int],
        when: int | StampArray,
        newer: npt.NDArray[np.bool_] | None,
        made_here: bool,
    ) -> None:
        rows = route.rows
        if newer is not None:
            rows, values = rows[newer], values[newer]
            when = when[newer] if isinstance(when, np.ndarray) else when
        if made_here and len(rows):
            self._newest_made_ns = max(self._newest_made_ns, int(np.max(when)))
        (self._made_ns if made_here else self._stamp_ns)[rows] = when
        self._value[rows] = values
        heard_ns, now_ns = heard_and_now_ns
        if len(rows) and now_ns - _oldest_ns(when) > route.stale_ns_min:
            rows = rows[now_ns - when <= self._table.stale_ns[rows]]
        self._heard_ns[rows] = heard_ns

    def _said(self, scan: Scan, passes: npt.NDArray[np.bool_]) -> Scan | None:
        if not passes.all():
            if not passes.any():
                return None
            scan = scan.pick(np.flatnonzero(passes))
        rows = scan.rows
        self._said_value[rows] = scan.values
        self._said_quality[rows] = scan.quality
        self._said_ns[rows] = scan.stamp_ns if scan.stamps_ns is None else scan.stamps_ns
        return scan

    def _route(self, frame: Frame) -> _Route:
        key = (frame.source, frame.addresses)
        route = self._routes.get(key)
        if route is None:
            self._routed += len(frame.addresses)
            if self._routed > ROUTED_TABLES_MAX * (len(self._table) + 100):
                # Devices that report by exception send many sets of addresses; the cache must not grow with them.
                self._routes.clear()
                self._routed = len(frame.addresses)
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


def _oldest_ns(when: int | StampArray) -> int:
    return int(when.min()) if isinstance(when, np.ndarray) else when


def _converted(frame: Frame, route: _Route) -> tuple[FloatArray, QualityArray, StampArray | None]:
    """Returns a frame's values in SI with the quality that protocol and limits give them, and their own times."""
    values, protocol, stamps_ns = frame.values, frame.quality, frame.stamps_ns
    if route.picks is not None:
        values = values[route.picks]
        protocol = None if protocol is None else protocol[route.picks]
        stamps_ns = None if stamps_ns is None else stamps_ns[route.picks]
    values = values * route.gain + route.bias
    return values, grade(values, protocol, *route.limits), stamps_ns


def _believed(
    frame: Frame, stamps_ns: StampArray | None, quality: QualityArray
) -> tuple[int, StampArray | None, QualityArray]:
    """Returns time, times and quality with what is too far ahead of our clock taken as of its arrival."""
    latest_ns = frame.received_ns + FUTURE_NS_MAX
    if stamps_ns is None:
        if frame.stamp_ns <= latest_ns:
            return frame.stamp_ns, None, quality
        return frame.received_ns, None, np.maximum(quality, np.uint8(Quality.UNCERTAIN))
    wild = stamps_ns > latest_ns
    if wild.any():
        stamps_ns = np.where(wild, frame.received_ns, stamps_ns)
        quality = np.maximum(quality, np.where(wild, np.uint8(Quality.UNCERTAIN), np.uint8(Quality.GOOD)))
    return int(stamps_ns.max()), stamps_ns, quality
