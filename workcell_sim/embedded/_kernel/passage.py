"""How time passes once nothing is left to do now: on the wall clock by sleeping, on the others by moving on."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from .agenda import LATE, Agenda
from .errors import DeadlockError
from .timeline import PACED, Timeline
from .waiter import Waiter


class Passage:
    """The part of a kernel that lets time pass, always up to the next event at most."""

    agenda: Agenda
    soon: deque[tuple[Callable[[Any], object], Any]]
    timeline: Timeline
    now_ns: Callable[[], int]
    is_virtual: bool
    runnable: deque[Waiter]
    bell: threading.Event
    sleeping: bool
    _lead: threading.Lock
    _leader: int | None
    _owner_waiting: bool
    _limit_ns: int | None
    _drain: Callable[[], None]

    def _pass_time(self) -> None:
        """In virtual time: do as the hub would until somebody is to run, without switching to it and back."""
        if not self._lead.acquire(blocking=False):
            return
        self._leader = threading.get_ident()
        agenda, runnable, limit_ns = self.agenda, self.runnable, self._limit_ns
        try:
            while not runnable:
                late = agenda.pop_due(self.now_ns(), LATE)
                if late is not None:
                    late.action()
                else:
                    next_ns = agenda.next_time_ns()
                    if next_ns is None or (limit_ns is not None and next_ns > limit_ns):
                        return
                    self.timeline.advance_to(next_ns)
                self._drain()
        finally:
            self._leader = None
            self._lead.release()

    def _advance(self, waiter: Waiter, limit_ns: int | None) -> bool:
        """Let time pass until the next event; false when the limit came first."""
        next_ns = self.agenda.next_time_ns()
        if self.is_virtual:
            return self._advance_virtual(next_ns, limit_ns)
        if self.timeline.kind == PACED and self._advance_paced(next_ns, limit_ns):
            return True
        now = self.now_ns()
        if limit_ns is not None and now >= limit_ns:
            return False
        until = next_ns if limit_ns is None else limit_ns if next_ns is None else min(next_ns, limit_ns)
        self.sleeping = True
        try:
            if self.soon or self.runnable or waiter.signaled or self.agenda.next_time_ns() != next_ns:
                return True
            if self._owner_waiting:
                return True
            # Wake up now and then even without a deadline, so that signal handlers of the program get to run.
            self.bell.wait(3600.0 if until is None else self.timeline.real_seconds_until(until))
        finally:
            self.sleeping = False
            self.bell.clear()
        return True

    def _advance_paced(self, next_ns: int | None, limit_ns: int | None) -> bool:
        """Move to the next event if its time has come, else as far as the pace allows; whether there is an event."""
        pace_ns = self.timeline.pace_ns()
        end_ns = pace_ns if limit_ns is None else min(pace_ns, limit_ns)
        if next_ns is not None and next_ns <= end_ns:
            self.timeline.advance_to(next_ns)
            return True
        self.timeline.advance_to(end_ns)
        return False

    def _advance_virtual(self, next_ns: int | None, limit_ns: int | None) -> bool:
        if limit_ns is not None and (next_ns is None or next_ns > limit_ns):
            self.timeline.advance_to(limit_ns)
            return False
        if next_ns is None:
            raise DeadlockError(
                "nothing is left to happen in virtual time: no timer, message or process can end this wait; "
                "give it a timeout, or run the kernel with run_for"
            )
        self.timeline.advance_to(next_ns)
        return True
