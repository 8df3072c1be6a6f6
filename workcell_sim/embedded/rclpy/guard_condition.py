"""Guard conditions."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from rclpy.impl.guard_handle import GuardConditionHandle
from rclpy.utilities import get_default_context


class GuardCondition:
    """Runs a callback in the executor whenever it is triggered."""

    # Of entities that are ready at the same time, those of lower rank run first.
    _rank = 3

    def __init__(self, callback: Callable[..., Any] | None, callback_group: Any, context: Any = None) -> None:
        self._context = get_default_context() if context is None else context
        if self._context.handle is None:
            from rclpy.exceptions import NotInitializedException

            raise NotInitializedException("cannot create a guard condition")
        self._handle = GuardConditionHandle(self._context.handle)
        self._handle.owner = self
        self.callback = callback
        self.callback_group = callback_group
        self._executor_event = False
        self._executor_triggered = False

    def trigger(self) -> None:
        """Make the callback run soon. Safe from any thread."""
        with self._handle:
            self._handle.trigger_guard_condition()

    @property
    def _is_async(self) -> bool:
        return inspect.iscoroutinefunction(self.callback)

    @property
    def handle(self) -> GuardConditionHandle:
        return self._handle

    def destroy(self) -> None:
        self._handle.destroy_when_not_in_use()

    def _take(self) -> tuple[Any, tuple[Any, ...]] | None:
        if not self._handle.take_trigger() or self.callback is None:
            return None
        return self.callback, ()
