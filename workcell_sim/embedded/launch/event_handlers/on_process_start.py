"""The handler of a process's start."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..events.process import ProcessStarted
from ..some_entities_type import SomeEntitiesType
from .on_action_event_base import EventCallback, OnActionEventBase

if TYPE_CHECKING:
    from ..actions.execute_local import ExecuteLocal


class OnProcessStart(OnActionEventBase):
    """Takes the start of one process, of those a callable picks, or of any."""

    def __init__(
        self,
        *,
        target_action: Callable[[ExecuteLocal], bool] | ExecuteLocal | None = None,
        on_start: SomeEntitiesType | EventCallback,
        handle_once: bool = False,
    ) -> None:
        # Here because actions import event handlers.
        from ..actions.execute_local import ExecuteLocal

        super().__init__(
            action_matcher=target_action,
            on_event=on_start,
            target_event_cls=ProcessStarted,
            target_action_cls=ExecuteLocal,
            handle_once=handle_once,
        )
