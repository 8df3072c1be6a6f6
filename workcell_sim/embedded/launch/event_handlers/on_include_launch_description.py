"""The handler that includes launch descriptions on request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..event import Event
from ..event_handler import BaseEventHandler
from ..events import IncludeLaunchDescription
from ..some_entities_type import SomeEntitiesType
from ..utilities import is_a_subclass

if TYPE_CHECKING:
    from ..launch_context import LaunchContext


class OnIncludeLaunchDescription(BaseEventHandler):
    """Yields the launch description of every IncludeLaunchDescription event."""

    def __init__(self, *, handle_once: bool = False) -> None:
        super().__init__(
            matcher=lambda event: is_a_subclass(event, IncludeLaunchDescription),
            handle_once=handle_once,
        )

    def handle(self, event: Event, context: LaunchContext) -> SomeEntitiesType | None:
        """Yield the launch description."""
        super().handle(event, context)
        return event.launch_description if isinstance(event, IncludeLaunchDescription) else None

    @property
    def handler_description(self) -> str:
        """What is done with an event, in words."""
        return "returns the launch_description in the event"

    @property
    def matcher_description(self) -> str:
        """Which events are taken, in words."""
        return "event issubclass of launch.events.IncludeLaunchDescription"
