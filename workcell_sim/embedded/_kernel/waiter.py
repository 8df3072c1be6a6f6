"""A blocked call: what it waits on and how it is woken."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .kernel import Kernel


class Waiter:
    """One blocked caller (a process fiber, the root, or an OS thread).

    ``wake()`` may come from any thread and is remembered: a wait that begins after it returns at once. A wake-up is a
    hint; whoever waits checks its own condition again.
    """

    __slots__ = ("fiber", "kernel", "parked", "passed", "signaled", "thread_event")

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.signaled = False
        self.parked = False
        self.passed = False
        self.fiber: Any = None
        self.thread_event: threading.Event | None = None

    def wake(self) -> None:
        self.signaled = True
        if self.parked:
            self.parked = False
            event = self.thread_event
            if event is not None:
                event.set()
            else:
                kernel = self.kernel
                kernel.runnable.append(self)
                if kernel.sleeping:
                    kernel.bell.set()
