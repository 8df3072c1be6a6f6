"""The handler of what processes print."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..events.process import ProcessIO
from ..some_entities_type import SomeEntitiesType
from .on_action_event_base import OnActionEventBase

if TYPE_CHECKING:
    from ..actions.execute_local import ExecuteLocal
    from ..launch_context import LaunchContext

IoCallback = Callable[[ProcessIO], SomeEntitiesType | None]


class OnProcessIO(OnActionEventBase):
    """Takes standard input and output of one process, of those a callable picks, or of any."""

    def __init__(
        self,
        *,
        target_action: Callable[[ExecuteLocal], bool] | ExecuteLocal | None = None,
        on_stdin: IoCallback | None = None,
        on_stdout: IoCallback | None = None,
        on_stderr: IoCallback | None = None,
        handle_once: bool = False,
    ) -> None:
        # Here because actions import event handlers.
        from ..actions.execute_local import ExecuteLocal

        def dispatch(event: ProcessIO, context: LaunchContext) -> SomeEntitiesType | None:
            callback = on_stdout if event.from_stdout else on_stderr if event.from_stderr else on_stdin
            return None if callback is None else callback(event)

        super().__init__(
            action_matcher=target_action,
            on_event=dispatch,
            target_event_cls=ProcessIO,
            target_action_cls=ExecuteLocal,
            handle_once=handle_once,
        )
