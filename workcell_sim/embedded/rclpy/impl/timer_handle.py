"""Timers on the kernel's agenda."""

from __future__ import annotations

from workcell_sim.embedded._kernel.agenda import Event
from workcell_sim.embedded._kernel.entity import Entity

from .clock_handle import ClockChange, ClockHandle
from .context_handle import ContextHandle
from .errors import RCLError


class TimerHandle(Entity):
    """Becomes ready whenever its clock reaches the next multiple of the period.

    As in rcl, calls that were missed are skipped, and the phase is kept.

    Raises:
        RCLError: negative period, or the context is not valid.
    """

    def __init__(self, clock: ClockHandle, context: ContextHandle, period_ns: int, autostart: bool = True) -> None:
        super().__init__(None)
        if period_ns < 0:
            raise RCLError("failed to create timer: timer period must be non-negative")
        if not context.ok():
            raise RCLError("failed to create timer: the given context is not valid")
        self.kernel = clock.kernel
        self._clock = clock
        self._period_ns = period_ns
        self._canceled = not autostart
        now = clock.now_ns()
        self._last_call_ns = now
        self._next_call_ns = now + period_ns
        self._remaining_ns: int | None = None
        self._event: Event | None = None
        self._pre_callback = self._before_jump
        self._post_callback = self._after_jump
        self.call_info: tuple[int, int] = (0, 0)
        if clock.clock_type.name == "ROS_TIME":
            clock.add_clock_callback(self, True, 1, -1)
        self._arm()

    # -- readiness ----------------------------------------------------------------------------------------------------

    def is_ready(self) -> bool:
        return not self._canceled and not self._destroyed and self._clock.now_ns() >= self._next_call_ns

    is_timer_ready = is_ready

    def _arm(self) -> None:
        if self._event is not None:
            self._event.cancel()
            self._event = None
        if self._canceled or self._destroyed or not self._clock.runs_with_kernel:
            return
        kernel = self.kernel
        self._event = kernel.call_at(self._clock.kernel_time_ns(self._next_call_ns), self._due)

    def _due(self) -> None:
        self._event = None
        if self.is_ready():
            self.report()
        else:
            self._arm()

    # -- calls --------------------------------------------------------------------------------------------------------

    def call_timer(self) -> None:
        """Account for a call that is about to be made and find the time of the next one.

        Raises:
            RCLError: the timer is canceled.
        """
        if self._canceled:
            raise RCLError("timer is canceled")
        now = self._clock.now_ns()
        self.call_info = (self._next_call_ns, now)
        self._last_call_ns = now
        next_call = self._next_call_ns + self._period_ns
        if next_call < now:
            if self._period_ns == 0:
                next_call = now
            else:
                behind = now - next_call
                next_call += (1 + (behind - 1) // self._period_ns) * self._period_ns
        self._next_call_ns = next_call
        self._arm()

    def cancel_timer(self) -> None:
        self._canceled = True
        self._arm()

    def is_timer_canceled(self) -> bool:
        return self._canceled

    def reset_timer(self) -> None:
        """Start a full period from now, also after a cancel."""
        self._canceled = False
        now = self._clock.now_ns()
        self._next_call_ns = now + self._period_ns
        self._arm()

    def call_at(self, clock_ns: int) -> None:
        """Become ready at a time of the clock, whatever the period."""
        self._canceled = False
        self._next_call_ns = clock_ns
        self._arm()

    def time_since_last_call(self) -> int:
        return self._clock.now_ns() - self._last_call_ns

    def time_until_next_call(self) -> int | None:
        return None if self._canceled else self._next_call_ns - self._clock.now_ns()

    @property
    def next_call_ns(self) -> int:
        return self._next_call_ns

    @property
    def clock(self) -> ClockHandle:
        return self._clock

    def get_timer_period(self) -> int:
        return self._period_ns

    def change_timer_period(self, period_ns: int) -> None:
        """Change the period; it counts from the next call on."""
        self._period_ns = period_ns

    # -- jumps of ROS time --------------------------------------------------------------------------------------------

    def _before_jump(self) -> None:
        self._remaining_ns = self._next_call_ns - self._clock.now_ns()

    def _after_jump(self, jump: dict[str, int]) -> None:
        now = self._clock.now_ns()
        if jump["clock_change"] in (ClockChange.ROS_TIME_ACTIVATED, ClockChange.ROS_TIME_DEACTIVATED):
            # Another time line: keep what was left of the period.
            remaining = self._period_ns if self._remaining_ns is None else self._remaining_ns
            self._next_call_ns = now + remaining
            self._last_call_ns = self._next_call_ns - self._period_ns
        elif now < self._last_call_ns:
            self._next_call_ns = now + self._period_ns
            self._last_call_ns = now
        self._arm()
        if self.is_ready():
            self.report()

    def destroyed(self) -> None:
        self._canceled = True
        self._clock.remove_clock_callback(self)
        self._arm()
