"""Clocks on the kernel's time line, and the waiting for a time."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from rclpy.clock_type import ClockType

from workcell_sim.embedded._kernel import Kernel, Waiter
from workcell_sim.embedded._kernel.entity import Destroyable

from .errors import RCLError


class ClockChange(IntEnum):
    """What happened to ROS time."""

    ROS_TIME_NO_CHANGE = 1
    ROS_TIME_ACTIVATED = 2
    ROS_TIME_DEACTIVATED = 3
    SYSTEM_TIME_NO_CHANGE = 4


class _JumpWatcher:
    def __init__(self, target: Any, on_clock_change: bool, min_forward: int, min_backward: int) -> None:
        self.target = target
        self._on_clock_change = on_clock_change
        self._min_forward = min_forward
        self._min_backward = min_backward

    def concerns(self, change: ClockChange, delta_ns: int) -> bool:
        if change in (ClockChange.ROS_TIME_ACTIVATED, ClockChange.ROS_TIME_DEACTIVATED) and self._on_clock_change:
            return True
        if self._min_backward and delta_ns <= self._min_backward:
            return True
        return bool(self._min_forward) and delta_ns >= self._min_forward


class ClockHandle(Destroyable):
    """One clock.

    A ROS clock shows system time until its override is enabled; then it shows what was set last, or, if it follows the
    kernel (paced and virtual time), the kernel's time.
    """

    def __init__(self, clock_type: ClockType, kernel: Kernel | None = None) -> None:
        super().__init__()
        self.kernel = kernel if kernel is not None else Kernel.current()
        self.clock_type = clock_type
        self._override_enabled = False
        self._override_ns = 0
        self._follows_kernel = False
        self._watchers: list[_JumpWatcher] = []

    def now_ns(self) -> int:
        if self.clock_type is ClockType.STEADY_TIME:
            return self.kernel.timeline.steady_ns()
        if self._override_enabled and not self._follows_kernel:
            return self._override_ns
        return self.kernel.now_ns()

    @property
    def runs_with_kernel(self) -> bool:
        """Whether time passes by itself (false for an overridden ROS clock)."""
        return not self._override_enabled or self._follows_kernel

    def kernel_time_ns(self, clock_ns: int) -> int:
        """When, on the kernel's time line, this clock shows ``clock_ns``."""
        if self.clock_type is ClockType.STEADY_TIME:
            return clock_ns + self.kernel.timeline.steady_offset_ns
        return clock_ns

    def get_now(self) -> Any:
        from rclpy.time import TimeHandle

        return TimeHandle(self.now_ns(), self.clock_type)

    def get_ros_time_override_is_enabled(self) -> bool:
        self._require_ros_time()
        return self._override_enabled

    def set_ros_time_override_is_enabled(self, enabled: bool) -> None:
        self._require_ros_time()
        if enabled == self._override_enabled:
            return
        change = ClockChange.ROS_TIME_ACTIVATED if enabled else ClockChange.ROS_TIME_DEACTIVATED
        concerned = self._before_jump(change, 0)
        self._override_enabled = enabled
        self._after_jump(concerned, change, 0)

    def set_ros_time_override(self, time_point: Any) -> None:
        self._require_ros_time()
        if not self._override_enabled:
            self._override_ns = time_point.nanoseconds
            return
        delta_ns = time_point.nanoseconds - self._override_ns
        concerned = self._before_jump(ClockChange.ROS_TIME_NO_CHANGE, delta_ns)
        self._override_ns = time_point.nanoseconds
        self._after_jump(concerned, ClockChange.ROS_TIME_NO_CHANGE, delta_ns)

    def follow_kernel(self, follows: bool) -> None:
        """Let an enabled override show the kernel's time instead of what was set."""
        self._follows_kernel = follows

    def add_clock_callback(self, target: Any, on_clock_change: bool, min_forward: int, min_backward: int) -> None:
        self._watchers.append(_JumpWatcher(target, on_clock_change, min_forward, min_backward))

    def remove_clock_callback(self, target: Any) -> None:
        self._watchers = [watcher for watcher in self._watchers if watcher.target is not target]

    def _require_ros_time(self) -> None:
        if self.clock_type is not ClockType.ROS_TIME:
            raise RCLError(f"Failed to use ROS time override: the clock's type is {self.clock_type.name}, not ROS_TIME")

    def _before_jump(self, change: ClockChange, delta_ns: int) -> list[_JumpWatcher]:
        concerned = [watcher for watcher in self._watchers if watcher.concerns(change, delta_ns)]
        for watcher in concerned:
            if watcher.target._pre_callback is not None:
                watcher.target._pre_callback()
        return concerned

    @staticmethod
    def _after_jump(concerned: list[_JumpWatcher], change: ClockChange, delta_ns: int) -> None:
        for watcher in concerned:
            if watcher.target._post_callback is not None:
                watcher.target._post_callback({"clock_change": change, "delta": delta_ns})


class ClockEvent:
    """Something to wait for until a time, or until somebody sets it. Works from threads, processes and the root."""

    def __init__(self, kernel: Kernel | None = None) -> None:
        self._kernel = kernel
        self._set = False
        self._waiters: list[Waiter] = []

    def set(self) -> None:
        self._set = True
        for waiter in tuple(self._waiters):
            waiter.wake()

    def clear(self) -> None:
        self._set = False

    def is_set(self) -> bool:
        return self._set

    def wait_until_steady(self, clock: ClockHandle, until: Any) -> None:
        self._wait(clock, until, ClockType.STEADY_TIME)

    def wait_until_system(self, clock: ClockHandle, until: Any) -> None:
        self._wait(clock, until, ClockType.SYSTEM_TIME)

    def wait_until_ros(self, clock: ClockHandle, until: Any) -> None:
        self._wait(clock, until, ClockType.ROS_TIME)

    def _wait(self, clock: ClockHandle, until: Any, clock_type: ClockType) -> None:
        if clock.clock_type is not clock_type:
            raise RCLError(f"clock's type does not match: {clock.clock_type.name} is not {clock_type.name}")
        if until.clock_type is not clock_type:
            raise RCLError("until's clock type does not match this clock's type")
        self.wait(clock, until.nanoseconds)

    def wait(self, clock: ClockHandle, until_ns: int) -> None:
        kernel = clock.kernel
        waiter = Waiter(kernel)
        self._waiters.append(waiter)
        try:
            while not self._set:
                if clock.runs_with_kernel:
                    if clock.now_ns() >= until_ns:
                        return
                    kernel.wait(waiter, clock.kernel_time_ns(until_ns))
                else:
                    # An overridden clock only moves by jumps, which set this event.
                    kernel.wait(waiter)
        finally:
            self._waiters.remove(waiter)
