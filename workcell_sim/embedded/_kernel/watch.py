"""Deadlines and liveliness leases of endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from .agenda import Event
from .qos import MANUAL_BY_TOPIC
from .status import EventKind

if TYPE_CHECKING:
    from .topic import PublisherEnd, SubscriptionEnd


class DeadlineWatch:
    """Counts a miss for every period without a sample, beginning with the first sample."""

    def __init__(self, end: PublisherEnd | SubscriptionEnd, period_ns: int, kind: EventKind) -> None:
        self._end = end
        self._period_ns = period_ns
        self._kind = kind
        self._event: Event | None = None

    @classmethod
    def for_end(cls, end: PublisherEnd | SubscriptionEnd, period_ns: int | None, kind: EventKind) -> Self | None:
        return None if period_ns is None else cls(end, period_ns, kind)

    def restart(self) -> None:
        self.stop()
        self._event = self._end.kernel.call_later(self._period_ns, self._missed)

    def stop(self) -> None:
        if self._event is not None:
            self._event.cancel()
            self._event = None

    def _missed(self) -> None:
        self._end.board.add(self._kind, total_count=1)
        self.restart()


class LivelinessWatch:
    """Lease of a publisher whose liveliness is asserted by hand; any publish asserts it too.

    Automatic liveliness never lapses here: the middleware is alive as long as the publisher exists.
    """

    def __init__(self, publisher: PublisherEnd, lease_ns: int) -> None:
        self._publisher = publisher
        self._lease_ns = lease_ns
        self.alive = True
        self._event: Event | None = None
        self._restart()

    @classmethod
    def for_publisher(cls, publisher: PublisherEnd) -> Self | None:
        qos = publisher.qos
        if qos.liveliness != MANUAL_BY_TOPIC or qos.lease_ns is None:
            return None
        return cls(publisher, qos.lease_ns)

    def assert_alive(self) -> None:
        self._restart()
        if not self.alive:
            self.alive = True
            for subscription in self._publisher.matched:
                subscription.board.add(EventKind.LIVELINESS_CHANGED, alive_count=1, not_alive_count=-1)

    def stop(self) -> None:
        if self._event is not None:
            self._event.cancel()
            self._event = None

    def _restart(self) -> None:
        self.stop()
        self._event = self._publisher.kernel.call_later(self._lease_ns, self._lapsed)

    def _lapsed(self) -> None:
        self._event = None
        self.alive = False
        self._publisher.board.add(EventKind.LIVELINESS_LOST, total_count=1)
        for subscription in self._publisher.matched:
            subscription.board.add(EventKind.LIVELINESS_CHANGED, alive_count=-1, not_alive_count=1)
