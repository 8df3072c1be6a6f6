"""The way of an arm out of a stop, one named state after the other; every wait is bounded and every failure has a name.

stopped ─► calling ─► settling ─► calling ... ─► awaiting_ready ─► ready
   │          │ refused, silent                       │ silent
   │          └────────────► failed ◄─────────────────┘
   └► awaiting_person ─► calling (once a person has acknowledged)
"""

from __future__ import annotations

import enum
from collections.abc import Callable

from workcell_control.execution.drivers.driver import NEEDS_A_PERSON, Condition, RecoveryStep

NS_PER_S = 1_000_000_000
READY_WITHIN_S = 10.0


class RecoveryState(enum.StrEnum):
    """Where on the way out of a stop the arm is."""

    READY = "ready"
    STOPPED = "stopped"
    AWAITING_PERSON = "awaiting_person"
    CALLING = "calling"
    SETTLING = "settling"
    AWAITING_READY = "awaiting_ready"
    FAILED = "failed"


class Recovery:
    """Feed it what is heard and call `due` now and then; call the steps that it returns.

    Args:
        steps_of: The driver's way out of a condition.
    """

    def __init__(self, steps_of: Callable[[Condition], tuple[RecoveryStep, ...]]) -> None:
        self._steps_of = steps_of
        self._condition = Condition.READY
        self._steps: tuple[RecoveryStep, ...] = ()
        self._index = 0
        self._until_ns = 0
        self.state = RecoveryState.READY
        self.reason = ""

    def on_condition(self, condition: Condition, reason: str) -> None:
        """What the arm reports of itself; ready ends every recovery, another stop begins anew."""
        if condition is Condition.READY:
            self.state, self.reason = RecoveryState.READY, ""
        elif condition is not self._condition and not self._is_under_way:
            needs_person = condition in NEEDS_A_PERSON
            self.state = RecoveryState.AWAITING_PERSON if needs_person else RecoveryState.STOPPED
            self.reason = reason
        elif condition in NEEDS_A_PERSON and self._condition not in NEEDS_A_PERSON:
            # Somebody hit the button while it recovered from something else.
            self.state, self.reason = RecoveryState.AWAITING_PERSON, reason
        self._condition = condition

    def begin(self, now_ns: int, *, is_acknowledged: bool) -> RecoveryStep | None:
        """Set out; the first step to call, None where there is none or a person must acknowledge first."""
        if self.state is RecoveryState.READY or self._is_under_way:
            return None
        if self._condition in NEEDS_A_PERSON and not is_acknowledged:
            self.state = RecoveryState.AWAITING_PERSON
            return None
        self._steps, self._index = self._steps_of(self._condition), 0
        if not self._steps:
            self.reason = f"{self._condition}: ends by itself, or only at the arm"
            return None
        return self._call(now_ns)

    def on_answer(self, is_ok: bool, message: str, now_ns: int) -> None:
        """The step that was called has answered."""
        if self.state is not RecoveryState.CALLING:
            return
        step = self._steps[self._index]
        if not is_ok:
            self._fail(f"{step.name} refused: {message}")
            return
        self.state = RecoveryState.SETTLING
        self._until_ns = now_ns + round(step.settle_s * NS_PER_S)

    def due(self, now_ns: int) -> RecoveryStep | None:
        """The next step to call, if it is time for one."""
        if now_ns < self._until_ns:
            return None
        match self.state:
            case RecoveryState.CALLING:
                self._fail(f"{self._steps[self._index].name}: no answer")
            case RecoveryState.SETTLING if self._index + 1 < len(self._steps):
                self._index += 1
                return self._call(now_ns)
            case RecoveryState.SETTLING:
                self.state = RecoveryState.AWAITING_READY
                self._until_ns = now_ns + round(READY_WITHIN_S * NS_PER_S)
            case RecoveryState.AWAITING_READY:
                self._fail(f"not ready {READY_WITHIN_S:g} s after the last step, still {self._condition}")
            case _:
                pass
        return None

    @property
    def _is_under_way(self) -> bool:
        return self.state in (RecoveryState.CALLING, RecoveryState.SETTLING, RecoveryState.AWAITING_READY)

    def _call(self, now_ns: int) -> RecoveryStep:
        step = self._steps[self._index]
        self.state, self.reason = RecoveryState.CALLING, step.name
        self._until_ns = now_ns + round(step.timeout_s * NS_PER_S)
        return step

    def _fail(self, reason: str) -> None:
        self.state, self.reason = RecoveryState.FAILED, reason
