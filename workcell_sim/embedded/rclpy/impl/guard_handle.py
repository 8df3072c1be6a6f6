"""Guard conditions: readiness that programs trigger themselves."""

from __future__ import annotations

from workcell_sim.embedded._kernel.entity import Entity

from .context_handle import ContextHandle
from .errors import InvalidHandle


class GuardConditionHandle(Entity):
    """Ready from the moment it is triggered until it is taken. May be triggered from any thread."""

    def __init__(self, context: ContextHandle) -> None:
        super().__init__(None)
        self.kernel = context.kernel
        self._triggered = False

    def trigger_guard_condition(self) -> None:
        if self._destroyed:
            raise InvalidHandle("cannot trigger a destroyed guard condition")
        self._triggered = True
        self.report()

    def is_ready(self) -> bool:
        return self._triggered and not self._destroyed

    def take_trigger(self) -> bool:
        triggered, self._triggered = self._triggered, False
        return triggered
