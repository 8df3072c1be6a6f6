"""An asyncio event loop on a kernel's time line.

Launch entities are written against asyncio. This loop lets them run on any of the three clocks:
where another loop would sleep in a selector, this one lets the kernel run until a callback is due
or one arrives.
"""

from __future__ import annotations

import asyncio
import asyncio.events
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import Context
from typing import Any

from workcell_sim.embedded._kernel import Kernel, Waiter

# A coroutine that polls with sleep(0) would keep the kernel from ever running: after this many
# rounds without a pause the kernel gets a turn.
_BUSY_ROUNDS_MAX = 100


class KernelEventLoop(asyncio.BaseEventLoop):
    """Callbacks and timers by the time of `kernel`, in one thread with everything on it."""

    def __init__(self, kernel: Kernel) -> None:
        super().__init__()
        self._kernel = kernel
        self._waiter = Waiter(kernel)
        self._start_ns = kernel.now_ns()
        self._busy_rounds = 0
        # What BaseEventLoop calls to wait.
        self._selector = self
        self._clock_resolution = 1e-9

    @property
    def kernel(self) -> Kernel:
        """The kernel whose time this loop follows."""
        return self._kernel

    def time(self) -> float:
        """Kernel time since this loop was made [s]; small numbers keep nanoseconds exact."""
        return (self._kernel.now_ns() - self._start_ns) * 1e-9

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> asyncio.Handle:
        """Queue a callback, and wake the loop should the kernel be running within `select`."""
        handle = super().call_soon(callback, *args, context=context)
        self._waiter.wake()
        return handle

    def call_at(
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Queue a callback for a time, and wake the loop so that it waits no longer than that."""
        handle = super().call_at(when, callback, *args, context=context)
        self._waiter.wake()
        return handle

    def select(self, timeout: float | None) -> list[object]:
        """Let the kernel run for `timeout` seconds, or until a callback is queued."""
        if timeout is not None and timeout <= 0.0 and self._busy_rounds < _BUSY_ROUNDS_MAX:
            self._busy_rounds += 1
            return []
        self._busy_rounds = 0
        self._waiter.signaled = bool(self._ready)  # type: ignore[attr-defined]
        with hidden_running_loop():
            self._kernel.wait(self._waiter, self._deadline_ns(timeout))
        return []

    def _deadline_ns(self, timeout: float | None) -> int | None:
        if timeout is None:
            return None
        # From the timer itself: a sum of two floats would be off by some nanoseconds.
        scheduled = self._scheduled  # type: ignore[attr-defined]
        if scheduled:
            return self._start_ns + round(scheduled[0].when() * 1e9)
        return self._kernel.now_ns() + round(timeout * 1e9)

    def _process_events(self, event_list: list[object]) -> None:
        """Nothing: there are no file descriptors, what the kernel runs queues its callbacks."""

    def _write_to_self(self) -> None:
        """Wake the loop from another thread or a signal handler."""
        self._kernel.call_soon_threadsafe(self._waiter.wake)


@contextmanager
def hidden_running_loop() -> Iterator[None]:
    """Hide a running kernel loop from code that may run a loop of its own within one of its callbacks."""
    loop = asyncio.events._get_running_loop()
    hides = isinstance(loop, KernelEventLoop)
    if hides:
        asyncio.events._set_running_loop(None)
    try:
        yield
    finally:
        if hides:
            asyncio.events._set_running_loop(loop)


@contextmanager
def running_kernel_loop(kernel: Kernel) -> Iterator[KernelEventLoop]:
    """A loop on `kernel` that is closed at the end, its leftover tasks cancelled."""
    loop = KernelEventLoop(kernel)
    try:
        yield loop
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        # Two rounds: the first delivers the cancellations, the second their consequences.
        if not kernel.closed:
            loop.run_until_complete(_nothing())
            loop.run_until_complete(_nothing())
        loop.close()


async def _nothing() -> None:
    """One round of the loop."""


async def follow_kernel(kernel: Kernel) -> None:
    """Run `kernel` from within another asyncio loop until cancelled (wall clock only).

    A launch service that a program runs with asyncio's own loop shares the thread with the
    in-process nodes: between the loop's callbacks this gives the kernel its turns.
    """
    while True:
        kernel.run_for(0)
        await asyncio.sleep(_FOREIGN_LOOP_PERIOD_S)


_FOREIGN_LOOP_PERIOD_S = 0.002
