"""The handler of an action's completion."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..events import ExecutionComplete
from ..some_entities_type import SomeEntitiesType
from .on_action_event_base import EventCallback, OnActionEventBase

if TYPE_CHECKING:
    from ..action import Action


class OnExecutionComplete(OnActionEventBase):
    """Takes the completion of one action, of those a callable picks, or of any."""

    def __init__(
        self,
        *,
        target_action: Callable[[Action], bool] | Action | None = None,
        on_completion: SomeEntitiesType | EventCallback,
        handle_once: bool = False,
    ) -> None:
        # Here because actions import event handlers.
        from ..action import Action

        super().__init__(
            action_matcher=target_action,
            on_event=on_completion,
            target_event_cls=ExecutionComplete,
            target_action_cls=Action,
            handle_once=handle_once,
        )
