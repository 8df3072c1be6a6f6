"""One edge node as a host application sees it: its session, its devices, the order of its messages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from workcell_sensors.sparkplug.births import BirthTable, Declared, Update, bd_seq, place_of
from workcell_sensors.sparkplug.events import Doubt, Event, Gone, HostCounts, Values
from workcell_sensors.sparkplug.host_state import TIMESTAMP_MS_MAX
from workcell_sensors.sparkplug.ordering import SEQ_COUNT, Arrival, SequenceWindow
from workcell_sensors.sparkplug.payload import Payload
from workcell_sensors.sparkplug.topic import MessageType, Topic

NS_PER_MS = 1_000_000
DEVICES_MAX = 1000
"""Devices of one edge node; a node that births more is wrong or hostile."""
EARLY_MAX = 64
"""Messages kept that came before the birth they belong to."""


class Message(NamedTuple):
    """One message of an edge node."""

    topic: Topic
    payload: Payload
    fingerprint: int


@dataclass
class DeviceView:
    """A device as its last birth and death left it."""

    table: BirthTable
    online: bool = False
    unborn_since_ns: int | None = None
    """Set at the node's birth until the device's own comes."""
    changed_ns: int = 0
    """When it came online or went offline."""


class EdgeView:
    """Follows one edge node. `want_rebirth` is called with the reason whenever only a new birth can help."""

    def __init__(
        self, topic: Topic, counts: HostCounts, reorder_timeout_ns: int, want_rebirth: Callable[[str], None]
    ) -> None:
        self.node = topic.node
        self.online = False
        self.bd_seq: int | None = None
        self.changed_ns = 0
        self.table = BirthTable(place_of(self.node))
        self.devices: dict[str, DeviceView] = {}
        self._counts = counts
        self._timeout_ns = reorder_timeout_ns
        self._window: SequenceWindow[Message] = SequenceWindow(reorder_timeout_ns)
        self._early: list[Message] = []
        self._birth_print: int | None = None
        self._want_rebirth = want_rebirth

    # -- messages ---------------------------------------------------------------------------------------------------

    def take(self, message: Message, now_ns: int) -> list[Event]:
        """Returns what comes of one message."""
        kind = message.topic.kind
        if kind is MessageType.NBIRTH:
            return self._birth(message, now_ns)
        if kind is MessageType.NDEATH:
            return self._death(message, now_ns)
        if not self.online:
            self._counts.before_birth += 1
            if len(self._early) < EARLY_MAX:
                self._early.append(message)
            self._want_rebirth(f"{kind.value} before any NBIRTH")
            return []
        return self._in_order(message, now_ns)

    def tick(self, now_ns: int) -> list[Event]:
        """Returns what comes of time passing: messages given up, devices that were not born again."""
        events = self._arrived(self._window.expire(now_ns), now_ns)
        for name, device in self.devices.items():
            since_ns = device.unborn_since_ns
            if since_ns is not None and now_ns - since_ns >= self._timeout_ns:
                device.unborn_since_ns = None
                events += self._lose_device(name, now_ns, "not born again with its node")
        return events

    def next_due_ns(self) -> int | None:
        """Returns when `tick` has something to do; None: not before the next message."""
        times = [
            device.unborn_since_ns + self._timeout_ns for device in self.devices.values() if device.unborn_since_ns
        ]
        if self._window.deadline_ns is not None:
            times.append(self._window.deadline_ns)
        return min(times, default=None)

    def link_lost(self, now_ns: int) -> list[Event]:
        """The host's own link is down: what the node says now is not heard, so nothing is known to be current.

        The session counts as over: whether the node's aliases still hold is not known either.
        """
        if not self.online:
            return []
        self.online, self.changed_ns = False, now_ns
        self._window.restart(0)
        return self._all_gone(now_ns, "the host's link is down")

    # -- node -------------------------------------------------------------------------------------------------------

    def _birth(self, message: Message, now_ns: int) -> list[Event]:
        payload = message.payload
        if self.online and message.fingerprint == self._birth_print:
            self._counts.duplicates += 1
            return []
        if payload.seq is None or payload.seq >= SEQ_COUNT:
            self._counts.malformed += 1
            self._want_rebirth("an NBIRTH without a valid seq")
            return []
        self._counts.births += 1
        events: list[Event] = []
        waiting = [*self._early, *self._window.held()]
        early = [each for each in waiting if _sent_after(each.payload, payload)]
        if self.online:
            # What was held back for a missing message belongs to the session before; it is not thrown away.
            for old in (each for each in self._window.held() if each not in early):
                events += self._apply(old, now_ns)
        self._early = []
        self._birth_print = message.fingerprint
        self.bd_seq = bd_seq(payload)
        self.online, self.changed_ns = True, now_ns
        self._window.restart(payload.seq)
        for device in self.devices.values():
            if device.online:
                device.unborn_since_ns = now_ns
        events += self._declare(self.table, "", payload, now_ns)
        for each in early:
            events += self._in_order(each, now_ns)
        return events

    def _death(self, message: Message, now_ns: int) -> list[Event]:
        bd = bd_seq(message.payload)
        if not self.online or (bd is not None and self.bd_seq is not None and bd != self.bd_seq):
            self._counts.late_deaths += 1
            return []
        self._counts.deaths += 1
        events: list[Event] = []
        for held in self._window.held():
            events += self._apply(held, now_ns)
        self.online, self.changed_ns = False, now_ns
        self._window.restart(0)
        return events + self._all_gone(now_ns, "its NDEATH came")

    def _all_gone(self, now_ns: int, reason: str) -> list[Event]:
        events: list[Event] = [Gone(self.node, "", tuple(self.table.by_name.values()), now_ns, reason)]
        for name, device in self.devices.items():
            device.unborn_since_ns = None
            if device.online:
                device.online, device.changed_ns = False, now_ns
                events.append(Gone(self.node, name, tuple(device.table.by_name.values()), now_ns, reason))
        return events

    # -- order ------------------------------------------------------------------------------------------------------

    def _in_order(self, message: Message, now_ns: int) -> list[Event]:
        seq = message.payload.seq
        if seq is None:
            # Some devices leave it out; their values count, their order cannot be known.
            self._counts.malformed += 1
            return self._apply(message, now_ns)
        if seq >= SEQ_COUNT:
            self._counts.malformed += 1
            self._want_rebirth(f"seq {seq} is above 255")
            return []
        arrival = self._window.offer(seq, message, message.fingerprint, now_ns)
        if arrival.is_duplicate:
            self._counts.duplicates += 1
        elif not arrival.ready:
            self._counts.reordered += 1
        return self._arrived(arrival, now_ns)

    def _arrived(self, arrival: Arrival[Message], now_ns: int) -> list[Event]:
        events: list[Event] = []
        if arrival.missing:
            self._counts.missing += arrival.missing
            self._want_rebirth(f"{arrival.missing} messages are missing")
            events.append(Doubt(self.node, self._current(), arrival.missing))
        for message in arrival.ready:
            events += self._apply(message, now_ns)
        return events

    def _current(self) -> tuple[Declared, ...]:
        tables = [self.table, *(device.table for device in self.devices.values() if device.online)]
        return tuple(declared for table in tables for declared in table.by_name.values())

    # -- what a message means ---------------------------------------------------------------------------------------

    def _apply(self, message: Message, now_ns: int) -> list[Event]:
        kind, name = message.topic.kind, message.topic.device
        if kind is MessageType.DBIRTH:
            return self._device_birth(name, message.payload, now_ns)
        if kind is MessageType.DDEATH:
            return self._lose_device(name, _stamp_ns(message.payload, now_ns), "its DDEATH came")
        if kind is MessageType.NDATA:
            return self._data(self.table, "", message.payload)
        device = self.devices.get(name)
        if device is None or not device.online or device.unborn_since_ns is not None:
            self._counts.before_birth += 1
            self._want_rebirth(f"DDATA of {name} before its DBIRTH")
            return []
        return self._data(device.table, name, message.payload)

    def _device_birth(self, name: str, payload: Payload, now_ns: int) -> list[Event]:
        device = self.devices.get(name)
        if device is None:
            if len(self.devices) >= DEVICES_MAX:
                self._counts.malformed += 1
                return []
            device = self.devices[name] = DeviceView(BirthTable(place_of(self.node, name)))
        device.online, device.changed_ns, device.unborn_since_ns = True, now_ns, None
        self._counts.births += 1
        return self._declare(device.table, name, payload, now_ns)

    def _lose_device(self, name: str, stamp_ns: int, reason: str) -> list[Event]:
        device = self.devices.get(name)
        if device is None or not device.online:
            return []
        device.online, device.changed_ns, device.unborn_since_ns = False, stamp_ns, None
        self._counts.deaths += 1
        return [Gone(self.node, name, tuple(device.table.by_name.values()), stamp_ns, reason)]

    def _declare(self, table: BirthTable, device: str, payload: Payload, now_ns: int) -> list[Event]:
        before = table.by_name
        updates, refused = table.declare(payload)
        self._counts.malformed += refused
        lost = tuple(declared for name, declared in before.items() if name not in table.by_name)
        events: list[Event] = [Gone(self.node, device, lost, now_ns, "no longer in the birth")] if lost else []
        return [*events, Values(self.node, device, True, updates, payload.timestamp_ms)]

    def _data(self, table: BirthTable, device: str, payload: Payload) -> list[Event]:
        updates: list[Update] = []
        by_alias = table.by_alias
        for metric in payload.metrics:
            # The short way for what nearly every metric is: an alias and a plain value.
            declared = by_alias.get(metric.alias) if metric.alias is not None else None
            if declared is not None:
                updates.append(Update(declared, metric))
                continue
            try:
                updates += table.resolve(metric)
            except ValueError as error:
                self._counts.undeclared += 1
                self._want_rebirth(str(error))
        return [Values(self.node, device, False, updates, payload.timestamp_ms)] if updates else []


def _sent_after(payload: Payload, birth: Payload) -> bool:
    if payload.timestamp_ms is None or birth.timestamp_ms is None or payload.seq is None:
        return False
    return payload.timestamp_ms >= birth.timestamp_ms


def _stamp_ns(payload: Payload, now_ns: int) -> int:
    if payload.timestamp_ms is None or payload.timestamp_ms > TIMESTAMP_MS_MAX:
        return now_ns
    return payload.timestamp_ms * NS_PER_MS
