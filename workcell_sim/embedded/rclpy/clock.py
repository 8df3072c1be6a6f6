"""Clocks: system, steady and ROS time, sleeping on them, and callbacks on time jumps."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from rclpy.clock_type import ClockType
from rclpy.context import Context
from rclpy.duration import Duration
from rclpy.exceptions import NotInitializedException
from rclpy.impl.clock_handle import ClockChange, ClockEvent, ClockHandle
from rclpy.time import Time
from rclpy.utilities import get_default_context

__all__ = ["Clock", "ClockChange", "ClockType", "JumpHandle", "JumpThreshold", "ROSClock", "TimeJump"]


class JumpThreshold:
    """How large a jump must be for a callback to be called.

    Args:
        min_forward: smallest forward jump, ``None`` for no such callback.
        min_backward: smallest backward jump (negative), ``None`` for no such callback.
        on_clock_change: whether switching between ROS and system time counts.

    Raises:
        ValueError: a threshold of the wrong sign, or none at all.
    """

    def __init__(
        self, *, min_forward: Duration | None, min_backward: Duration | None, on_clock_change: bool = True
    ) -> None:
        if min_forward is not None and min_forward.nanoseconds <= 0:
            raise ValueError("min_forward must be a positive non-zero duration")
        if min_backward is not None and min_backward.nanoseconds >= 0:
            raise ValueError("min_backward must be a negative non-zero duration")
        if min_forward is None and min_backward is None and not on_clock_change:
            raise ValueError("At least one jump threshold must be enabled")
        self.min_forward = min_forward
        self.min_backward = min_backward
        self.on_clock_change = on_clock_change


class TimeJump:
    """A jump of time that happened."""

    def __init__(self, clock_change: ClockChange, delta: Duration) -> None:
        if not isinstance(clock_change, ClockChange):
            raise TypeError("clock_change must be an instance of rclpy.clock.ClockChange")
        self._clock_change = clock_change
        self._delta = delta

    @property
    def clock_change(self) -> ClockChange:
        return self._clock_change

    @property
    def delta(self) -> Duration:
        return self._delta


class JumpHandle:
    """A registered pair of jump callbacks; a context manager that unregisters them at the end."""

    def __init__(
        self,
        *,
        clock: Clock,
        threshold: JumpThreshold,
        pre_callback: Callable[[], Any] | None,
        post_callback: Callable[[dict[str, Any]], Any] | None,
    ) -> None:
        if pre_callback is None and post_callback is None:
            raise ValueError("One of pre_callback or post_callback must be callable")
        if pre_callback is not None and not callable(pre_callback):
            raise ValueError("pre_callback must be callable if given")
        if post_callback is not None and not callable(post_callback):
            raise ValueError("post_callback must be callable if given")
        self._clock: Clock | None = clock
        self._pre_callback = pre_callback
        self._post_callback = post_callback
        forward = 0 if threshold.min_forward is None else threshold.min_forward.nanoseconds
        backward = 0 if threshold.min_backward is None else threshold.min_backward.nanoseconds
        with clock.handle:
            clock.handle.add_clock_callback(self, threshold.on_clock_change, forward, backward)

    def unregister(self) -> None:
        """Remove the callbacks; may be called twice."""
        if self._clock is not None:
            with self._clock.handle:
                self._clock.handle.remove_clock_callback(self)
            self._clock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.unregister()


class Clock:
    """A clock of one kind; ``Clock(clock_type=ClockType.ROS_TIME)`` gives a :class:`ROSClock`."""

    _clock_type: ClockType
    _handle: ClockHandle

    def __new__(cls, *, clock_type: ClockType = ClockType.SYSTEM_TIME) -> Any:
        if not isinstance(clock_type, ClockType):
            raise TypeError("Clock type must be a ClockType enum")
        self = super().__new__(ROSClock if clock_type is ClockType.ROS_TIME else cls)
        self._handle = ClockHandle(clock_type)
        self._clock_type = clock_type
        return self

    @property
    def clock_type(self) -> ClockType:
        return self._clock_type

    @property
    def handle(self) -> ClockHandle:
        return self._handle

    def __repr__(self) -> str:
        return f"Clock(clock_type={self.clock_type.name})"

    def now(self) -> Time:
        return Time._of(self._handle.now_ns(), self._clock_type)

    def create_jump_callback(
        self,
        threshold: JumpThreshold,
        *,
        pre_callback: Callable[[], Any] | None = None,
        post_callback: Callable[[TimeJump], Any] | None = None,
    ) -> JumpHandle:
        """Call ``pre_callback()`` before and ``post_callback(TimeJump)`` after a jump larger than a threshold.

        The callbacks stay registered as long as the clock exists or until the handle is unregistered.
        """
        on_jump: Any = post_callback
        if post_callback is not None and callable(post_callback):

            def on_jump(jump: dict[str, Any]) -> None:
                post_callback(TimeJump(jump["clock_change"], Duration(nanoseconds=jump["delta"])))

        return JumpHandle(clock=self, threshold=threshold, pre_callback=pre_callback, post_callback=on_jump)

    def sleep_until(self, until: Time, context: Context | None = None) -> bool:
        """Sleep until a time.

        Returns:
            True if the time was reached; false if ROS time was switched on or off meanwhile, or on shutdown.

        Raises:
            NotInitializedException: the context is not valid.
            ValueError: ``until`` is of another clock type.
        """
        context = get_default_context() if context is None else context
        if not context.ok():
            raise NotInitializedException
        if until.clock_type != self._clock_type:
            raise ValueError("until's clock type does not match this clock's type")
        event = ClockEvent()
        source_changed = False

        def on_time_jump(jump: TimeJump) -> None:
            nonlocal source_changed
            if jump.clock_change in (ClockChange.ROS_TIME_ACTIVATED, ClockChange.ROS_TIME_DEACTIVATED):
                source_changed = True
            if source_changed or self.now() >= until:
                event.set()

        context._on_shutdown_while_waiting(event.set)
        threshold = JumpThreshold(min_forward=Duration(nanoseconds=1), min_backward=None, on_clock_change=True)
        try:
            with self.create_jump_callback(threshold, post_callback=on_time_jump):
                if self.now() < until:
                    event.wait(self._handle, until.nanoseconds)
        finally:
            context._forget_shutdown_while_waiting(event.set)
        if not context.ok() or source_changed:
            return False
        return bool(self.now() >= until)

    def sleep_for(self, rel_time: Duration, context: Context | None = None) -> bool:
        """Sleep for a duration; see :meth:`sleep_until`."""
        return self.sleep_until(self.now() + rel_time, context)


class ROSClock(Clock):
    """A clock whose time can be set, as simulations do."""

    def __new__(cls) -> Any:
        return super().__new__(Clock, clock_type=ClockType.ROS_TIME)

    @property
    def ros_time_is_active(self) -> bool:
        with self.handle:
            return self.handle.get_ros_time_override_is_enabled()

    def _set_ros_time_is_active(self, enabled: bool) -> None:
        with self.handle:
            self.handle.set_ros_time_override_is_enabled(enabled)

    def set_ros_time_override(self, time: Time) -> None:
        """Set the time that is shown while ROS time is active."""
        if not isinstance(time, Time):
            raise TypeError(f"Time must be specified as rclpy.time.Time. Received type: {type(time)}")
        with self.handle:
            self.handle.set_ros_time_override(time._time_handle)
