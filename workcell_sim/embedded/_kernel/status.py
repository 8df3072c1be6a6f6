"""Events of publishers and subscriptions: matched, deadline, liveliness, incompatible QoS or type, lost messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from .entity import Entity
from .qos import PolicyKind


class EventKind(Enum):
    """What an endpoint can report about itself."""

    OFFERED_DEADLINE_MISSED = 0
    LIVELINESS_LOST = 1
    OFFERED_INCOMPATIBLE_QOS = 2
    PUBLISHER_INCOMPATIBLE_TYPE = 3
    PUBLICATION_MATCHED = 4
    REQUESTED_DEADLINE_MISSED = 10
    LIVELINESS_CHANGED = 11
    REQUESTED_INCOMPATIBLE_QOS = 12
    MESSAGE_LOST = 13
    SUBSCRIPTION_INCOMPATIBLE_TYPE = 14
    SUBSCRIPTION_MATCHED = 15


@dataclass
class CountStatus:
    """A total and its change since the last time somebody looked."""

    total_count: int = 0
    total_count_change: int = 0


class OfferedDeadlineMissedStatus(CountStatus):
    """A publisher did not keep its deadline."""


class RequestedDeadlineMissedStatus(CountStatus):
    """No message came within the deadline of a subscription."""


class LivelinessLostStatus(CountStatus):
    """A publisher did not assert its liveliness within its lease."""


class MessageLostStatus(CountStatus):
    """Messages were lost on the way to a subscription."""


class IncompatibleTypeStatus(CountStatus):
    """An endpoint of another type appeared on the topic."""


@dataclass
class IncompatibleQosStatus(CountStatus):
    """An endpoint with QoS that does not fit appeared on the topic."""

    last_policy_kind: PolicyKind = PolicyKind.INVALID


@dataclass
class MatchedStatus(CountStatus):
    """Endpoints that were ever, and that are now connected."""

    current_count: int = 0
    current_count_change: int = 0


@dataclass
class LivelinessChangedStatus:
    """How many publishers of a subscription are alive."""

    alive_count: int = 0
    not_alive_count: int = 0
    alive_count_change: int = 0
    not_alive_count_change: int = 0


_STATUS_OF_KIND: dict[EventKind, type[Any]] = {
    EventKind.OFFERED_DEADLINE_MISSED: OfferedDeadlineMissedStatus,
    EventKind.LIVELINESS_LOST: LivelinessLostStatus,
    EventKind.OFFERED_INCOMPATIBLE_QOS: IncompatibleQosStatus,
    EventKind.PUBLISHER_INCOMPATIBLE_TYPE: IncompatibleTypeStatus,
    EventKind.PUBLICATION_MATCHED: MatchedStatus,
    EventKind.REQUESTED_DEADLINE_MISSED: RequestedDeadlineMissedStatus,
    EventKind.LIVELINESS_CHANGED: LivelinessChangedStatus,
    EventKind.REQUESTED_INCOMPATIBLE_QOS: IncompatibleQosStatus,
    EventKind.MESSAGE_LOST: MessageLostStatus,
    EventKind.SUBSCRIPTION_INCOMPATIBLE_TYPE: IncompatibleTypeStatus,
    EventKind.SUBSCRIPTION_MATCHED: MatchedStatus,
}


@dataclass
class StatusBoard:
    """Running status of one endpoint and the event entities that watch it."""

    _status: dict[EventKind, Any] = field(default_factory=dict)
    _changed: set[EventKind] = field(default_factory=set)
    _watchers: list[EventEnd] = field(default_factory=list)

    def watch(self, event: EventEnd) -> None:
        self._watchers.append(event)
        if event.kind in self._changed:
            event.report()

    def unwatch(self, event: EventEnd) -> None:
        if event in self._watchers:
            self._watchers.remove(event)

    def changed(self, kind: EventKind) -> bool:
        return kind in self._changed

    def add(self, kind: EventKind, **changes: Any) -> None:
        """Add ``changes`` to the counters of a status (and to their change counters), set other fields."""
        status = self._status.setdefault(kind, _STATUS_OF_KIND[kind]())
        for name, value in changes.items():
            if isinstance(value, PolicyKind):
                setattr(status, name, value)
                continue
            setattr(status, name, getattr(status, name) + value)
            setattr(status, f"{name}_change", getattr(status, f"{name}_change") + value)
        self._changed.add(kind)
        for event in self._watchers:
            if event.kind is kind:
                event.report()

    def take(self, kind: EventKind) -> Any:
        """Return a copy of the status and clear its changes."""
        status = self._status.setdefault(kind, _STATUS_OF_KIND[kind]())
        taken = type(status)(**vars(status))
        for name in vars(status):
            if name.endswith("_change"):
                setattr(status, name, 0)
        self._changed.discard(kind)
        return taken


class EventEnd(Entity):
    """Becomes ready when a status of an endpoint changes."""

    def __init__(self, endpoint: Any, kind: EventKind) -> None:
        super().__init__(endpoint.port)
        self.kind = kind
        self._board: StatusBoard = endpoint.board
        self._board.watch(self)

    def is_ready(self) -> bool:
        return not self._destroyed and self._board.changed(self.kind)

    def take_event(self) -> Any:
        return self._board.take(self.kind)

    def destroyed(self) -> None:
        self._board.unwatch(self)
