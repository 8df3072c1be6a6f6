"""What an edge node reports: its metrics with aliases and current values, and the changes not yet sent."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from workcell_sensors.sparkplug.datatypes import DataType
from workcell_sensors.sparkplug.payload import (
    QUALITY_GOOD,
    Metric,
    Property,
    PropertySet,
    Value,
    make_metric,
    quality_property,
)
from workcell_sensors.sparkplug.topic import check_id

UNIT_KEY = "engUnit"
NODE = ""
"""In place of a device: the node's own metrics."""


@dataclass(frozen=True)
class MetricSpec:
    """A metric that an edge node will report.

    Attributes:
        unit: engineering unit, told in the birth; empty: none.
        writable: whether commands may write it.
    """

    name: str
    datatype: DataType
    unit: str = ""
    writable: bool = False


@dataclass
class Tag:
    """A metric with its alias and what is known of it."""

    spec: MetricSpec
    alias: int
    value: Value = None
    quality: int = QUALITY_GOOD
    timestamp_ms: int = 0

    def birth(self, now_ms: int) -> Metric:
        """Returns the metric as a birth has it: name, alias, type and current value; null where there never was one."""
        unit: PropertySet = (Property(UNIT_KEY, DataType.STRING, self.spec.unit),) if self.spec.unit else ()
        return make_metric(
            self.spec.name,
            self.spec.datatype,
            self.value,
            timestamp_ms=self.timestamp_ms or now_ms,
            alias=self.alias,
            properties=unit + quality_property(self.quality),
        )


@dataclass(frozen=True)
class Change:
    """One value that is to be reported."""

    tag: Tag = field(compare=False)
    value: Value
    quality: int
    timestamp_ms: int
    is_historical: bool = False

    def data(self, is_historical: bool = False) -> Metric:
        """Returns the metric as a data message has it: the alias alone, and no type."""
        metric = make_metric(
            None,
            self.tag.spec.datatype,
            self.value,
            timestamp_ms=self.timestamp_ms,
            alias=self.tag.alias,
            properties=quality_property(self.quality),
            is_historical=is_historical or self.is_historical,
        )
        return metric._replace(datatype=None)

    @property
    def is_current(self) -> bool:
        """Whether it is what the next birth will say anyway."""
        tag = self.tag
        return self.timestamp_ms == tag.timestamp_ms and same(self.value, tag.value) and self.quality == tag.quality


def same(first: Value, second: Value) -> bool:
    """Whether two values are one report; NaN equals itself here."""
    if isinstance(first, float) and isinstance(second, float) and math.isnan(first):
        return math.isnan(second)
    return type(first) is type(second) and first == second


class EdgeModel:
    """The metrics of a node and its devices, and a bounded queue of changes.

    Aliases are unique across the node and all its devices, and stay as they are while the process lives.
    """

    def __init__(self, changes_max: int) -> None:
        self.dropped = 0
        """Changes that did not fit while nobody listened; the oldest go first."""
        self._tags: dict[str, dict[str, Tag]] = {NODE: {}}
        self._lower: dict[str, dict[str, str]] = {NODE: {}}
        """Metric names of each device in lower case, to the names as they are."""
        self._online: dict[str, bool] = {NODE: True}
        self._changes: dict[str, deque[Change]] = {NODE: deque()}
        self._backlog: deque[tuple[str, Change]] = deque()
        self._sent: deque[tuple[int, str, Change]] = deque(maxlen=changes_max)
        self._changes_max = changes_max
        self._aliases = 0

    @property
    def devices(self) -> tuple[str, ...]:
        """The devices, online or not, in the order of their declaration."""
        return tuple(name for name in self._tags if name != NODE)

    @property
    def backlog(self) -> int:
        """Changes that wait to be told as history."""
        return len(self._backlog)

    def declare(self, device: str, specs: Iterable[MetricSpec]) -> bool:
        """Adds metrics, and the device if it is new; returns whether there was anything to add.

        Raises:
            ValueError: the device's or a metric's name differs from another one by case alone, or is empty.
        """
        if device not in self._tags:
            check_id("device id", device)
            _check_case(device, {name.lower(): name for name in self._tags}, "device")
            self._tags[device] = {}
            self._lower[device] = {}
            self._online[device] = True
            self._changes[device] = deque()
        tags = self._tags[device]
        added = False
        for spec in specs:
            if spec.name in tags:
                continue
            if not spec.name:
                raise ValueError(f"a metric of device {device!r} has no name")
            _check_case(spec.name, self._lower[device], "metric")
            self._lower[device][spec.name.lower()] = spec.name
            self._aliases += 1
            tags[spec.name] = Tag(spec, self._aliases)
            added = True
        return added

    def has(self, device: str, name: str) -> bool:
        """Whether a metric is declared."""
        return name in self._tags.get(device, {})

    def tags(self, device: str) -> Mapping[str, Tag]:
        """Returns the metrics of a device, by name."""
        return self._tags[device]

    def is_writable(self, device: str) -> bool:
        """Whether commands may write any metric of a device."""
        return any(tag.spec.writable for tag in self._tags[device].values())

    def is_online(self, device: str) -> bool:
        """Whether a device is there and to be born."""
        return self._online.get(device, False)

    def set_online(self, device: str, online: bool) -> bool:
        """Takes note that a device is there or not; returns whether that is new."""
        changed = self._online[device] != online
        self._online[device] = online
        return changed

    def update(self, device: str, name: str, value: Value, timestamp_ms: int, quality: int = QUALITY_GOOD) -> None:
        """Takes a value; one that changes nothing is not reported, one older than the current is history.

        Raises:
            KeyError: no such metric is declared.
            ValueError: the value does not fit the metric's type.
        """
        tag = self._tags[device][name]
        # Here, where the one who gave it can be told, and not when it is sent.
        make_metric(name, tag.spec.datatype, value)
        if timestamp_ms < tag.timestamp_ms:
            self._put(device, Change(tag, value, quality, timestamp_ms, is_historical=True))
            return
        if same(tag.value, value) and tag.quality == quality:
            return
        tag.value, tag.quality, tag.timestamp_ms = value, quality, timestamp_ms
        self._put(device, Change(tag, value, quality, timestamp_ms))

    def _put(self, device: str, change: Change) -> None:
        queue = self._changes[device]
        queue.append(change)
        if len(queue) > self._changes_max:
            queue.popleft()
            self.dropped += 1

    def take_changes(self, device: str, count: int, now_ms: int) -> list[Change]:
        """Returns up to `count` changes of a device, oldest first, to be sent now."""
        queue = self._changes[device]
        taken = [queue.popleft() for _ in range(min(count, len(queue)))]
        self._sent.extend((now_ms, device, change) for change in taken)
        # Stable, so that what was said first at one time stays first.
        return sorted(taken, key=lambda change: change.timestamp_ms)

    def store(self) -> None:
        """Puts the changes away as history: nobody listens, or a birth is about to tell the current values."""
        for device, queue in self._changes.items():
            for change in queue:
                self._backlog.append((device, change))
            queue.clear()
        while len(self._backlog) > self._changes_max:
            self._backlog.popleft()
            self.dropped += 1

    def recall(self, since_ms: int) -> None:
        """Puts what was sent at or after a time back as history: the session has ended, and it may not have arrived."""
        while self._sent:
            sent_ms, device, change = self._sent.pop()
            if sent_ms < since_ms:
                break
            self._backlog.appendleft((device, change))
        self._sent.clear()

    def drop_current(self) -> None:
        """Forgets the history that a birth has just told as current."""
        self._backlog = deque(entry for entry in self._backlog if not entry[1].is_current)

    def take_backlog(self, count: int) -> Iterator[tuple[str, list[Change]]]:
        """Yields up to `count` changes of the past, by device and oldest first; those of absent devices wait."""
        by_device: dict[str, list[Change]] = {}
        kept: deque[tuple[str, Change]] = deque()
        while self._backlog and count:
            device, change = self._backlog.popleft()
            if self._online[device]:
                by_device.setdefault(device, []).append(change)
                count -= 1
            else:
                kept.append((device, change))
        self._backlog.extendleft(reversed(kept))
        yield from by_device.items()


def _check_case(name: str, others: Mapping[str, str], what: str) -> None:
    other = others.get(name.lower())
    if other is not None:
        raise ValueError(f"{what} {name!r} differs from {other!r} by case alone")
