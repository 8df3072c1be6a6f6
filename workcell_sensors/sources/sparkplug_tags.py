"""From a Sparkplug host application's events to values of tags; pure.

Sparkplug reports by exception: while a session lives, silence means that nothing has changed. A tag that is silent is
therefore confirmed from time to time with its last value, so that only what is really lost becomes stale. Times that
are made here (confirmations, stale marks) are in the edge node's clock as far as it is known, and never keep a value
from passing that the edge node took later.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from workcell_sensors.reading import NS_PER_S, Quality
from workcell_sensors.sources.batch import Batch
from workcell_sensors.sources.sparkplug_protocol import MetricAddress, parse_address
from workcell_sensors.sparkplug.births import Declared, Update
from workcell_sensors.sparkplug.datatypes import DOUBLE_FIELD, NUMERIC_TYPES, DataType, data_type
from workcell_sensors.sparkplug.events import Doubt, Event, Gone, Values
from workcell_sensors.sparkplug.host_state import TIMESTAMP_MS_MAX
from workcell_sensors.sparkplug.payload import QUALITY_BAD, QUALITY_GOOD, QUALITY_STALE, Metric
from workcell_sensors.sparkplug.topic import EdgeNodeId
from workcell_sensors.tags import TagRow

NS_PER_MS = 1_000_000
CONFIRM_SHARE = 0.4
"""Of a tag's stale_after_s, after which silence is confirmed."""
LAG_WINDOW_NS = 30 * NS_PER_S
_QUALITIES = {QUALITY_GOOD: Quality.GOOD, QUALITY_BAD: Quality.BAD, QUALITY_STALE: Quality.STALE}


class EdgeClock:
    """How far messages of an edge node lie behind our clock: the least of the last half minute to minute.

    What is left in the least lag is the difference of the clocks and the shortest way.

    >>> clock = EdgeClock()
    >>> clock.note(now_ns=5_000, stamp_ns=3_000); clock.note(now_ns=9_000, stamp_ns=8_000); clock.at(20_000)
    19000
    """

    def __init__(self) -> None:
        self._least_ns: int | None = None
        self._before_ns: int | None = None
        self._since_ns = 0

    def note(self, now_ns: int, stamp_ns: int) -> None:
        """Takes a message that was sent at `stamp_ns` of its clock."""
        if now_ns - self._since_ns > LAG_WINDOW_NS:
            self._before_ns, self._least_ns, self._since_ns = self._least_ns, None, now_ns
        lag_ns = now_ns - stamp_ns
        self._least_ns = lag_ns if self._least_ns is None else min(self._least_ns, lag_ns)

    def at(self, now_ns: int) -> int:
        """Returns the edge node's time at `now_ns` of ours."""
        known = [lag_ns for lag_ns in (self._least_ns, self._before_ns) if lag_ns is not None]
        return now_ns - min(known, default=0)


@dataclass
class _Slot:
    """A tag and what is known of it."""

    tag: TagRow
    address: MetricAddress
    confirm_ns: int
    value: float = math.nan
    quality: Quality = Quality.STALE
    stamp_ns: int = 0
    """Of what was last delivered."""
    taken_ns: int = 0
    """When the edge node took the value."""
    said_ns: int = 0
    """When it was last delivered, by our clock."""
    alive: bool = False


@dataclass
class TagValues:
    """The tags of a source, fed with a host application's events. `reject` counts values that could not be read."""

    tags: Sequence[TagRow]
    batch: Batch
    reject: Callable[[], None]
    _slots: dict[str, _Slot] = field(default_factory=dict, init=False)
    _places: dict[str, list[_Slot]] = field(default_factory=dict, init=False)
    _clocks: dict[EdgeNodeId, EdgeClock] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        for tag in self.tags:
            address = parse_address(tag.address)
            slot = _Slot(tag, address, round(CONFIRM_SHARE * tag.stale_after_s * NS_PER_S))
            self._slots[tag.address] = slot
            self._places.setdefault(address.place, []).append(slot)
            self._clocks.setdefault(address.node, EdgeClock())

    @property
    def nodes(self) -> tuple[EdgeNodeId, ...]:
        """The edge nodes that have tags."""
        return tuple(self._clocks)

    def take(self, events: Sequence[Event], now_ns: int) -> None:
        """Takes what came of one message or of time passing."""
        for event in events:
            if isinstance(event, Values):
                self._values(event, now_ns)
            elif isinstance(event, Gone):
                stamp_ns = self._edge_time(event.node, event.stamp_ns) if not event.device else event.stamp_ns
                for slot in self._known(event.metrics):
                    slot.alive = False
                    self._mark(slot, Quality.STALE, stamp_ns, now_ns)
        for event in events:
            # Last: what came behind the gap, in the same breath, is known.
            if isinstance(event, Doubt):
                self._doubt(event, now_ns)

    def confirm(self, now_ns: int) -> None:
        """Says again what has not changed for a while and is known to hold."""
        for slot in self._slots.values():
            if slot.alive and now_ns - slot.said_ns >= slot.confirm_ns:
                self._mark(slot, slot.quality, self._edge_time(slot.address.node, now_ns), now_ns)

    def _values(self, event: Values, now_ns: int) -> None:
        clock = self._clocks.get(event.node)
        if clock is None:
            return
        sent_ns = _ns(event.timestamp_ms)
        if sent_ns is not None:
            clock.note(now_ns, sent_ns)
        slots = self._slots
        for update in event.updates:
            slot = slots.get(update.declared.address)
            if slot is not None:
                self._value(slot, update, sent_ns, now_ns, event.is_birth)
        if event.is_birth:
            self._check_birth(event, now_ns)

    def _value(self, slot: _Slot, update: Update, sent_ns: int | None, now_ns: int, is_birth: bool) -> None:
        metric = update.metric
        value, quality = self._read(slot.tag, metric, update.declared.datatype)
        taken_ns = _ns(metric.timestamp_ms)
        if taken_ns is None:
            taken_ns = sent_ns
        has_time = taken_ns is not None
        if taken_ns is None:
            taken_ns = now_ns
        if metric.is_historical:
            self.batch.add(slot.tag.address, value, quality, taken_ns, has_time, historical=True)
            return
        stamp_ns = taken_ns
        if stamp_ns <= slot.stamp_ns and (is_birth or taken_ns > slot.taken_ns):
            # A birth tells what holds at its sending, however long ago that was taken; and what the edge node took
            # later than the last value is news, though a mark of our own lies between.
            stamp_ns = max(slot.stamp_ns + 1, sent_ns or 0 if is_birth else 0)
        if stamp_ns > slot.stamp_ns:
            slot.value, slot.quality, slot.stamp_ns = value, quality, stamp_ns
            slot.taken_ns = max(taken_ns, slot.taken_ns)
            slot.said_ns = now_ns
            if is_birth and sent_ns is not None and sent_ns - taken_ns >= slot.confirm_ns:
                # Taken long ago, and the birth says that it still holds: to be confirmed at once.
                slot.said_ns = 0
        slot.alive = True
        self.batch.add(slot.tag.address, value, quality, stamp_ns, has_time)

    def _read(self, tag: TagRow, metric: Metric, declared: DataType) -> tuple[float, Quality]:
        if metric.is_null:
            return math.nan, Quality.BAD
        try:
            if metric.field == DOUBLE_FIELD and declared is DataType.DOUBLE:
                value = float(metric.raw)  # type: ignore[arg-type]
            else:
                kind = declared if metric.datatype is None else data_type(metric.datatype)
                found = metric.value(kind)
                value = tag.number_of(found) if kind not in NUMERIC_TYPES else float(found)  # type: ignore[arg-type]
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            self.reject()
            return math.nan, Quality.BAD
        return value, _quality(metric.quality()) if metric.properties else Quality.GOOD

    def _check_birth(self, event: Values, now_ns: int) -> None:
        """Tells the tags that a birth does not have: nothing will come of them."""
        place = f"{event.node}/{event.device}" if event.device else str(event.node)
        declared = {update.declared.address for update in event.updates}
        for slot in self._places.get(place, ()):
            if slot.tag.address not in declared:
                slot.alive, slot.value = False, math.nan
                self.reject()
                self._mark(slot, Quality.BAD, self._edge_time(event.node, now_ns), now_ns)

    def _doubt(self, event: Doubt, now_ns: int) -> None:
        for slot in self._known(event.metrics):
            if slot.alive and slot.said_ns < now_ns and slot.quality is Quality.GOOD:
                self._mark(slot, Quality.UNCERTAIN, self._edge_time(event.node, now_ns), now_ns)

    def _mark(self, slot: _Slot, quality: Quality, stamp_ns: int, now_ns: int) -> None:
        slot.quality, slot.said_ns = quality, now_ns
        slot.stamp_ns = max(stamp_ns, slot.stamp_ns + 1)
        self.batch.add(slot.tag.address, slot.value, quality, slot.stamp_ns, device_time=False)

    def _known(self, metrics: Iterable[Declared]) -> list[_Slot]:
        return [slot for metric in metrics if (slot := self._slots.get(metric.address)) is not None]

    def _edge_time(self, node: EdgeNodeId, now_ns: int) -> int:
        clock = self._clocks.get(node)
        return now_ns if clock is None else clock.at(now_ns)


def _ns(timestamp_ms: int | None) -> int | None:
    if timestamp_ms is None or timestamp_ms > TIMESTAMP_MS_MAX:
        return None
    return timestamp_ms * NS_PER_MS


def _quality(code: int) -> Quality:
    """Returns the quality of a Sparkplug code; codes that the specification does not have are doubtful."""
    return _QUALITIES.get(code, Quality.UNCERTAIN)
