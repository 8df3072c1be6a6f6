"""Queues of entities that have something to do."""

from __future__ import annotations

from collections import deque
from typing import Any

from .waiter import Waiter


class ReadyQueue:
    """Entities that are ready, oldest first, and the executor's waiter to wake when one is added."""

    __slots__ = ("items", "waiter")

    def __init__(self, waiter: Waiter | None = None) -> None:
        self.items: deque[Any] = deque()
        self.waiter = waiter

    def push(self, entity: Any) -> None:
        self.items.append(entity)
        waiter = self.waiter
        if waiter is not None and not waiter.signaled:
            waiter.wake()


class Port:
    """Where the entities of one node report that they are ready.

    An executor plugs its queue in with :meth:`attach`; without one, ready entities wait in the port's own queue.
    A stalled port (fault injection) withholds everything until it is released.
    """

    __slots__ = ("_idle", "_queue", "_stalled", "push", "queue")

    def __init__(self) -> None:
        self._idle = ReadyQueue()
        self._queue: ReadyQueue = self._idle
        self._stalled = False
        self.queue = self._idle
        self.push = self._idle.push

    def attach(self, queue: ReadyQueue) -> None:
        """Send ready entities, those waiting included, to ``queue``."""
        self._queue = queue
        if not self._stalled:
            self._switch(queue)

    def detach(self) -> None:
        self._queue = self._idle
        self._switch(self._idle)

    def stall(self) -> None:
        self._stalled = True
        self._switch(self._idle)

    def release(self) -> None:
        self._stalled = False
        self._switch(self._queue)

    def _switch(self, queue: ReadyQueue) -> None:
        previous = self.queue
        if previous is queue:
            return
        self.queue = queue
        self.push = queue.push
        if previous is self._idle:
            while previous.items:
                queue.push(previous.items.popleft())
            return
        mine = [item for item in previous.items if item.port is self]
        if mine:
            others = [item for item in previous.items if item.port is not self]
            previous.items.clear()
            previous.items.extend(others)
            for item in mine:
                queue.push(item)
