"""Event handlers: which events they take, and what they do about them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from .event import Event
from .launch_description_entity import LaunchDescriptionEntity
from .some_entities_type import SomeEntitiesType

if TYPE_CHECKING:
    from .launch_context import LaunchContext


class BaseEventHandler:
    """Takes the events its matcher accepts; ``handle_once`` unregisters it after the first."""

    def __init__(self, *, matcher: Callable[[Event], bool], handle_once: bool = False) -> None:
        self.__matcher = matcher
        self.__handle_once = handle_once

    @property
    def handle_once(self) -> bool:
        """Whether the handler is unregistered after its first event."""
        return self.__handle_once

    @property
    def handler_description(self) -> str | None:
        """What is done with an event, in words."""
        return None

    @property
    def matcher_description(self) -> str | None:
        """Which events are taken, in words."""
        return None

    def matches(self, event: Event) -> bool:
        """Whether this handler takes `event`."""
        return self.__matcher(event)

    def describe(self) -> tuple[str, list[LaunchDescriptionEntity]]:
        """Return a description for people and the entities the handler may yield."""
        text = (
            f"{type(self).__name__}(matcher='{self.matcher_description}', "
            f"handler='{self.handler_description}', handle_once={self.handle_once})"
        )
        return text, []

    def handle(self, event: Event, context: LaunchContext) -> SomeEntitiesType | None:
        """Handle `event`. Every override calls this first."""
        context.extend_locals({"event": event})
        if self.handle_once:
            context.unregister_event_handler(self)
        return None


class EventHandler(BaseEventHandler):
    """Yields the same entities for every event it takes."""

    def __init__(
        self,
        *,
        matcher: Callable[[Event], bool],
        entities: SomeEntitiesType | None = None,
        handle_once: bool = False,
    ) -> None:
        super().__init__(matcher=matcher, handle_once=handle_once)
        self.__entities = entities

    @property
    def entities(self) -> SomeEntitiesType | None:
        """What the handler yields."""
        return self.__entities

    def describe(self) -> tuple[str, list[LaunchDescriptionEntity]]:
        """Return a description for people and the entities the handler yields."""
        text, entities = super().describe()
        if isinstance(self.__entities, LaunchDescriptionEntity):
            entities.append(self.__entities)
        elif isinstance(self.__entities, Iterable):
            entities.extend(self.__entities)
        return text, entities

    def handle(self, event: Event, context: LaunchContext) -> SomeEntitiesType | None:
        """Yield the entities given at construction."""
        super().handle(event, context)
        return self.__entities
