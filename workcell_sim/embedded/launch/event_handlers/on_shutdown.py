"""The handler of the launched system's shutdown."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..event import Event
from ..event_handler import BaseEventHandler
from ..events import Shutdown
from ..launch_description_entity import LaunchDescriptionEntity
from ..some_entities_type import SomeEntitiesType
from ..utilities import is_a_subclass

if TYPE_CHECKING:
    from ..launch_context import LaunchContext

ShutdownCallback = Callable[[Shutdown, "LaunchContext"], SomeEntitiesType | None]


class OnShutdown(BaseEventHandler):
    """Takes the Shutdown event, with entities or a callback."""

    def __init__(self, *, on_shutdown: SomeEntitiesType | ShutdownCallback, handle_once: bool = False) -> None:
        super().__init__(matcher=lambda event: is_a_subclass(event, Shutdown), handle_once=handle_once)
        self.__on_shutdown = on_shutdown

    def handle(self, event: Event, context: LaunchContext) -> SomeEntitiesType | None:
        """Yield the entities, or what the callback returns."""
        super().handle(event, context)
        if isinstance(event, Shutdown) and callable(self.__on_shutdown):
            return self.__on_shutdown(event, context)
        return None if callable(self.__on_shutdown) else self.__on_shutdown

    def describe(self) -> tuple[str, list[LaunchDescriptionEntity]]:
        """Return a description for people and the entities the handler yields."""
        text, entities = super().describe()
        if isinstance(self.__on_shutdown, LaunchDescriptionEntity):
            entities.append(self.__on_shutdown)
        elif not callable(self.__on_shutdown):
            entities.extend(self.__on_shutdown)
        return text, entities

    @property
    def handler_description(self) -> str:
        """What is done with the event, in words."""
        return str(self.__on_shutdown) if callable(self.__on_shutdown) else "<actions>"

    @property
    def matcher_description(self) -> str:
        """Which events are taken, in words."""
        return "event issubclass of launch.events.Shutdown"
