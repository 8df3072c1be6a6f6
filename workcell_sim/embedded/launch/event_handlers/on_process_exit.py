"""The handler of a process's end."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..events.process import ProcessExited
from ..some_entities_type import SomeEntitiesType
from .on_action_event_base import EventCallback, OnActionEventBase

if TYPE_CHECKING:
    from ..actions.execute_local import ExecuteLocal


class OnProcessExit(OnActionEventBase):
    """Takes the end of one process, of those a callable picks, or of any."""

    def __init__(
        self,
        *,
        target_action: Callable[[ExecuteLocal], bool] | ExecuteLocal | None = None,
        on_exit: SomeEntitiesType | EventCallback,
        handle_once: bool = False,
    ) -> None:
        # Here because actions import event handlers.
        from ..actions.execute_local import ExecuteLocal

        super().__init__(
            action_matcher=target_action,
            on_event=on_exit,
            target_event_cls=ProcessExited,
            target_action_cls=ExecuteLocal,
            handle_once=handle_once,
        )
