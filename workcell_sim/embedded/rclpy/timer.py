"""Timers and rates."""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rclpy.exceptions import InvalidHandle, ROSInterruptException
from rclpy.impl.timer_handle import TimerHandle
from rclpy.time import Time
from rclpy.utilities import get_default_context

from workcell_sim.embedded._kernel import Waiter


@dataclass(frozen=True)
class TimerInfo:
    """When a timer should have been called and when it was."""

    expected_call_time: Time
    actual_call_time: Time


class Timer:
    """Runs a callback periodically; made by :meth:`.Node.create_timer`.

    The callback takes no argument, or a :class:`TimerInfo`.
    """

    # Of entities that are ready at the same time, those of lower rank run first.
    _rank = 1

    def __init__(
        self,
        callback: Callable[..., Any] | None,
        callback_group: Any,
        timer_period_ns: int,
        clock: Any,
        *,
        context: Any = None,
        autostart: bool = True,
    ) -> None:
        self._context = get_default_context() if context is None else context
        self._clock = clock
        with self._clock.handle, self._context.handle:
            self._handle = TimerHandle(clock.handle, self._context.handle, int(timer_period_ns), autostart)
        self.callback = callback
        self.callback_group = callback_group
        self._executor_event = False
        self._handle.owner = self

    @property
    def handle(self) -> TimerHandle:
        return self._handle

    @property
    def callback(self) -> Callable[..., Any] | None:
        return self._callback

    @callback.setter
    def callback(self, value: Callable[..., Any] | None) -> None:
        self._callback = value
        self._is_async = inspect.iscoroutinefunction(value)
        self._wants_info = value is not None and _takes_info(value)

    def _take(self) -> tuple[Any, tuple[Any, ...]] | None:
        handle = self._handle
        if not handle.is_ready():
            return None
        handle.call_timer()
        if self._callback is None:
            return None
        if not self._wants_info:
            return self._callback, ()
        expected, actual = handle.call_info
        kind = self._clock.clock_type
        info = TimerInfo(Time(nanoseconds=expected, clock_type=kind), Time(nanoseconds=actual, clock_type=kind))
        return self._callback, (info,)

    def destroy(self) -> None:
        """Destroy the timer; use :meth:`.Node.destroy_timer` instead."""
        self._handle.destroy_when_not_in_use()

    @property
    def clock(self) -> Any:
        return self._clock

    @property
    def timer_period_ns(self) -> int:
        with self._handle:
            return self._handle.get_timer_period()

    @timer_period_ns.setter
    def timer_period_ns(self, value: int) -> None:
        with self._handle:
            self._handle.change_timer_period(int(value))

    def is_ready(self) -> bool:
        """Whether the callback should be called now."""
        with self._handle:
            return self._handle.is_timer_ready()

    def is_canceled(self) -> bool:
        with self._handle:
            return self._handle.is_timer_canceled()

    def cancel(self) -> None:
        with self._handle:
            self._handle.cancel_timer()

    def reset(self) -> None:
        """Start a full period from now, also after a cancel."""
        with self._handle:
            self._handle.reset_timer()

    def time_since_last_call(self) -> int:
        """Nanoseconds since the last call (or the start)."""
        with self._handle:
            return self._handle.time_since_last_call()

    def time_until_next_call(self) -> int | None:
        """Nanoseconds until the next call, negative if it is overdue, ``None`` if the timer is canceled."""
        with self._handle:
            return self._handle.time_until_next_call()

    def __enter__(self) -> Timer:
        return self

    def __exit__(self, exc_type: Any, exc: Any, trace: Any) -> None:
        self.destroy()


def _takes_info(callback: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(callback).parameters.values()
    except (TypeError, ValueError):
        return False
    required = [
        parameter
        for parameter in parameters
        if parameter.default is inspect.Parameter.empty
        and parameter.kind in (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    ]
    return len(required) == 1


class Rate:
    """Sleeps until the next multiple of a period; made by :meth:`.Node.create_rate`."""

    def __init__(self, timer: Timer, *, context: Any) -> None:
        self._timer = timer
        self._is_shutdown = False
        self._is_destroyed = False
        self._lock = threading.Lock()
        self._sleepers: list[list[Any]] = []
        self._timer.callback = self._tick
        context.on_shutdown(self._on_shutdown)

    def _on_shutdown(self) -> None:
        self._is_shutdown = True
        self.destroy()

    def destroy(self) -> None:
        """End all sleeps. Rates should be destroyed with :meth:`.Node.destroy_rate`."""
        self._is_destroyed = True
        self._tick()

    def _tick(self) -> None:
        with self._lock:
            sleepers, self._sleepers = self._sleepers, []
        for sleeper in sleepers:
            sleeper[1] = True
            sleeper[0].wake()

    def sleep(self) -> None:
        """Sleep until the timer's next call, whether or not somebody spins the node.

        Raises:
            ROSInterruptException: the context was shut down.
            RuntimeError: the rate has been destroyed.
            InvalidHandle: the timer has been destroyed.
        """
        if self._is_shutdown:
            raise ROSInterruptException
        if self._is_destroyed:
            raise RuntimeError("Rate cannot sleep because it has been destroyed")
        handle = self._timer.handle
        if handle._destroy_asked:
            self.destroy()
            raise InvalidHandle("Rate cannot sleep because the timer has been destroyed")
        self._wait_for_tick(handle)
        if self._is_shutdown:
            self.destroy()
            raise ROSInterruptException

    def _wait_for_tick(self, handle: TimerHandle) -> None:
        kernel = handle.kernel
        sleeper: list[Any] = [Waiter(kernel), False]
        with self._lock:
            self._sleepers.append(sleeper)
        while not sleeper[1] and not self._is_destroyed:
            if handle.is_ready():
                handle.call_timer()
                self._tick()
                return
            clock = handle.clock
            due_ns = clock.kernel_time_ns(handle.next_call_ns) if clock.runs_with_kernel else None
            kernel.wait(sleeper[0], due_ns)
