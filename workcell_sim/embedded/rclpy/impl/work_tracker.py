"""Counting of callbacks that are running."""

from __future__ import annotations

import threading
from typing import Any

from workcell_sim.embedded._kernel import Kernel, Waiter

from .waiting import wait_until


class WorkTracker:
    """Lets a shutdown wait for callbacks that run in other threads."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._running: dict[int, int] = {}
        self._waiters: list[Waiter] = []

    def __enter__(self) -> None:
        me = threading.get_ident()
        self._running[me] = self._running.get(me, 0) + 1

    def __exit__(self, *exc_info: Any) -> None:
        me = threading.get_ident()
        count = self._running[me] - 1
        if count:
            self._running[me] = count
            return
        del self._running[me]
        for waiter in tuple(self._waiters):
            waiter.wake()

    def wait(self, timeout_sec: float | None = None) -> bool:
        """Wait until nothing runs in other threads; returns whether that came in time."""
        me = threading.get_ident()

        def idle() -> bool:
            return all(ident == me for ident in tuple(self._running))

        if idle():
            return True
        waiter = Waiter(self._kernel)
        self._waiters.append(waiter)
        try:
            return wait_until(self._kernel, waiter, idle, timeout_sec)
        finally:
            self._waiters.remove(waiter)
