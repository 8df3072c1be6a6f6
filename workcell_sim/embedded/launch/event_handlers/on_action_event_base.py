"""The base of handlers for events that come from an action."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ..event import Event
from ..event_handler import BaseEventHandler
from ..launch_description_entity import LaunchDescriptionEntity
from ..some_entities_type import SomeEntitiesType

if TYPE_CHECKING:
    from ..action import Action
    from ..launch_context import LaunchContext

EventCallback = Callable[[Any, "LaunchContext"], SomeEntitiesType | None]


class OnActionEventBase(BaseEventHandler):
    """Takes events of one class from one action, from those a callable picks, or from all."""

    def __init__(
        self,
        *,
        action_matcher: Callable[[Any], bool] | Action | None,
        on_event: SomeEntitiesType | EventCallback,
        target_event_cls: type[Event],
        target_action_cls: type[Action],
        handle_once: bool = False,
    ) -> None:
        if not issubclass(target_event_cls, Event):
            raise TypeError("'target_event_cls' must be a subclass of 'Event'")
        is_action = isinstance(action_matcher, target_action_cls)
        if action_matcher is not None and not is_action and not callable(action_matcher):
            raise TypeError(f"action_matcher must be an '{target_action_cls.__name__}' instance or a callable")
        self.__target_event_cls = target_event_cls
        self.__target_action_cls = target_action_cls
        self.__action_matcher = action_matcher
        self.__callback: EventCallback | None = None
        self.__entities: list[LaunchDescriptionEntity] = []
        super().__init__(matcher=self.__takes, handle_once=handle_once)
        if isinstance(on_event, LaunchDescriptionEntity):
            self.__entities = [on_event]
        elif isinstance(on_event, Iterable):
            self.__entities = _checked(on_event)
        else:
            self.__callback = on_event

    def __takes(self, event: Event) -> bool:
        if not isinstance(event, self.__target_event_cls):
            return False
        source = getattr(event, "action", None)
        if self.__action_matcher is None:
            return True
        if callable(self.__action_matcher):
            return bool(self.__action_matcher(source))
        return source is self.__action_matcher

    def handle(self, event: Event, context: LaunchContext) -> SomeEntitiesType | None:
        """Yield the entities, or what the callback returns."""
        super().handle(event, context)
        if self.__callback is not None:
            return self.__callback(event, context)
        return self.__entities

    def describe(self) -> tuple[str, list[LaunchDescriptionEntity]]:
        """Return a description for people and the entities the handler yields."""
        text, entities = super().describe()
        return text, entities + self.__entities

    @property
    def handler_description(self) -> str:
        """What is done with an event, in words."""
        return "<actions>" if self.__callback is None else str(self.__callback)

    @property
    def matcher_description(self) -> str:
        """Which events are taken, in words."""
        text = f"event == {self.__target_event_cls.__name__}"
        if self.__action_matcher is None:
            return text
        return f"{text} and {self.__target_action_cls.__name__}(event.action)"


def _checked(entities: Iterable[Any]) -> list[LaunchDescriptionEntity]:
    checked = list(entities)
    for entity in checked:
        if not isinstance(entity, LaunchDescriptionEntity):
            raise TypeError(
                "expected all items in 'on_event' iterable to be of type "
                f"'LaunchDescriptionEntity' but got '{type(entity)}'"
            )
    return checked
