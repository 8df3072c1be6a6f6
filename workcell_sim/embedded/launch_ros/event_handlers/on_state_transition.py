"""The handler of lifecycle nodes' state changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from launch.event import Event
from launch.event_handler import EventHandler
from launch.some_entities_type import SomeEntitiesType

from ..actions.lifecycle_node import LifecycleNode
from ..events.lifecycle import StateTransition


class OnStateTransition(EventHandler):
    """Takes state changes; what is None is not looked at, a `matcher` decides alone.

    Raises:
        RuntimeError: the target is not a LifecycleNode.
    """

    def __init__(
        self,
        *,
        entities: SomeEntitiesType,
        target_lifecycle_node: LifecycleNode | None = None,
        transition: str | None = None,
        start_state: str | None = None,
        goal_state: str | None = None,
        matcher: Callable[[Event], bool] | None = None,
        **kwargs: Any,
    ) -> None:
        if not isinstance(target_lifecycle_node, LifecycleNode | None):
            raise RuntimeError("OnStateTransition requires a 'LifecycleNode' action as the target")
        self.__target = target_lifecycle_node
        self.__wanted = {
            "transition": transition,
            "start_state": start_state,
            "goal_state": goal_state,
        }
        super().__init__(matcher=matcher or self.__takes, entities=entities, **kwargs)

    def __takes(self, event: Event) -> bool:
        if not isinstance(event, StateTransition):
            return False
        if self.__target is not None and event.action is not self.__target:
            return False
        return all(label is None or getattr(event, name) == label for name, label in self.__wanted.items())

    @property
    def handler_description(self) -> str:
        """What is done with an event, in words."""
        return "<actions>"

    @property
    def matcher_description(self) -> str:
        """Which events are taken, in words."""
        if self.__target is None:
            return "event == StateTransition"
        return f"event == StateTransition and event.action == LifecycleNode({id(self.__target):#x})"
