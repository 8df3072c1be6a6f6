"""The shutdown of the launched system."""

from __future__ import annotations

from typing import Any

from ..events import Shutdown as ShutdownEvent
from ..events.process import ProcessExited
from ..launch_context import LaunchContext
from ..logging import get_logger
from .emit_event import EmitEvent


class Shutdown(EmitEvent):
    """Emits the Shutdown event with `reason`."""

    def __init__(self, *, reason: str = "reason not given", **kwargs: Any) -> None:
        super().__init__(event=ShutdownEvent(reason=reason), **kwargs)

    def execute(self, context: LaunchContext) -> None:
        """Emit the event, and say so where a process's end is the cause."""
        cause = context.get_locals_as_dict().get("event")
        if isinstance(cause, ProcessExited):
            get_logger("launch").info("process[%s] was required: shutting down launched system", cause.process_name)
        super().execute(context)
