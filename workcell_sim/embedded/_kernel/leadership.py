"""Who processes events when several OS threads block in one kernel (wall and paced clock)."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from .timeline import Timeline
from .waiter import Waiter


class Leadership:
    """One thread leads: it processes events for all. Others follow: they sleep until they are woken or may lead.

    The thread that owns the processes comes first, since only it can run them.
    """

    timeline: Timeline
    now_ns: Callable[[], int]
    bell: threading.Event
    _processes: dict[int, Any]

    def _init_leadership(self) -> None:
        self._lead = threading.Lock()
        self._leader: int | None = None
        self._followers: deque[Waiter] = deque()
        self._owner_thread = threading.get_ident()
        self._owner_waiting = False

    def _become_leader(self, waiter: Waiter, me: int, limit_ns: int | None) -> bool:
        """Block until this thread leads (true), or its wait ended while another one led (false)."""
        if self._lead.acquire(blocking=False):
            self._leader = me
            return True
        if self._processes and me == self._owner_thread:
            self._regain_lead()
            self._leader = me
            return True
        return self._follow(waiter, me, limit_ns)

    def _follow(self, waiter: Waiter, me: int, limit_ns: int | None) -> bool:
        event = threading.Event()
        waiter.thread_event = event
        leads = False
        self._followers.append(waiter)
        try:
            while True:
                waiter.parked = True
                if waiter.signaled or (limit_ns is not None and self.now_ns() >= limit_ns):
                    return False
                leads = self._lead.acquire(blocking=False)
                if leads:
                    self._leader = me
                    return True
                event.wait(None if limit_ns is None else self.timeline.real_seconds_until(limit_ns))
                event.clear()
        finally:
            waiter.parked = False
            self._followers.remove(waiter)
            waiter.thread_event = None
            if not leads:
                # The leader may have offered the lead to this thread just when it left.
                self._hand_over()

    def _hand_over(self) -> None:
        """Let one follower find out that nobody leads."""
        for follower in tuple(self._followers):
            event = follower.thread_event
            if event is not None:
                event.set()
                return

    def _regain_lead(self) -> None:
        """Take the lead from another thread; it steps back after the event it is at."""
        if not self._lead.acquire(blocking=False):
            self._owner_waiting = True
            self.bell.set()
            self._lead.acquire()
            self._owner_waiting = False
