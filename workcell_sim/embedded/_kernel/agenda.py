"""What is still to happen: events ordered by (time, priority, sequence)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from typing import Any

URGENT = -10
NORMAL = 0
LATE = 10


class Event:
    """One future call. ``cancel()`` makes it never happen and never advance a virtual clock."""

    __slots__ = ("action", "cancelled", "time_ns")

    def __init__(self, time_ns: int, action: Callable[[], object]) -> None:
        self.time_ns = time_ns
        self.action = action
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True
        self.action = _nothing


def _nothing() -> None:
    return None


class Agenda:
    """Future events in a heap, and what happens at this very instant in a plain queue.

    The queue ``soon`` holds ``(function, argument)`` pairs and is the hot path of message delivery. Because anything
    posted for now comes after every event that was already due, draining due heap events of normal or urgent priority
    first and then the queue keeps the order (time, priority, sequence) without storing sequence numbers in the queue.
    Events of priority later than ``NORMAL`` wait until the instant has settled: no event and no process can run.
    """

    def __init__(self) -> None:
        self.soon: deque[tuple[Callable[[Any], object], Any]] = deque()
        self._heap: list[tuple[int, int, int, Event]] = []
        self._sequence = count()

    def add(self, time_ns: int, action: Callable[[], object], priority: int = NORMAL) -> Event:
        event = Event(time_ns, action)
        heappush(self._heap, (time_ns, priority, next(self._sequence), event))
        return event

    def next_time_ns(self) -> int | None:
        """Time of the earliest future event, ``None`` if there is none."""
        heap = self._heap
        while heap and heap[0][3].cancelled:
            heappop(heap)
        return heap[0][0] if heap else None

    def pop_due(self, now_ns: int, priority_max: int) -> Event | None:
        """Take the first event due at ``now_ns`` whose priority is at most ``priority_max``."""
        heap = self._heap
        while heap:
            time_ns, priority, _, event = heap[0]
            if event.cancelled:
                heappop(heap)
                continue
            if time_ns > now_ns:
                return None
            if priority > priority_max:
                # A later priority at an earlier time must not hide an urgent event of a later time.
                return self._pop_due_behind(now_ns, priority_max)
            heappop(heap)
            return event
        return None

    def _pop_due_behind(self, now_ns: int, priority_max: int) -> Event | None:
        due = [
            entry for entry in self._heap if entry[0] <= now_ns and entry[1] <= priority_max and not entry[3].cancelled
        ]
        if not due:
            return None
        entry = min(due)
        event = entry[3]
        # Leave a cancelled husk in the heap instead of rebuilding it.
        husk = Event(event.time_ns, event.action)
        event.cancel()
        return husk

    def clear(self) -> None:
        self.soon.clear()
        self._heap.clear()
