"""A sequence of transitions for lifecycle nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from launch.action import Action
from launch.actions import EmitEvent, OpaqueFunction, RegisterEventHandler
from launch.event import Event
from launch.event_handler import BaseEventHandler, EventHandler
from launch.launch_context import LaunchContext
from launch.launch_description_entity import LaunchDescriptionEntity
from launch.logging import get_logger
from launch.some_substitutions_type import SomeSubstitutionsType
from launch.utilities import normalize_to_list_of_substitutions, perform_substitutions
from lifecycle_msgs.msg import Transition

from ..events.lifecycle import ChangeState, StateTransition
from ..events.matchers import matches_node_name

_SHUTDOWN = {"start_state": "shuttingdown", "goal_state": "finalized"}


class LifecycleTransition(Action):
    """Makes the transitions one after the other, for each node as it reaches the goal of each.

    Raises:
        ValueError: no nodes or no transitions are given.
    """

    transition_targets = {
        Transition.TRANSITION_CONFIGURE: {"start_state": "configuring", "goal_state": "inactive"},
        Transition.TRANSITION_CLEANUP: {"start_state": "cleaningup", "goal_state": "unconfigured"},
        Transition.TRANSITION_ACTIVATE: {"start_state": "activating", "goal_state": "active"},
        Transition.TRANSITION_DEACTIVATE: {"start_state": "deactivating", "goal_state": "inactive"},
        Transition.TRANSITION_UNCONFIGURED_SHUTDOWN: _SHUTDOWN,
        Transition.TRANSITION_INACTIVE_SHUTDOWN: _SHUTDOWN,
        Transition.TRANSITION_ACTIVE_SHUTDOWN: _SHUTDOWN,
    }

    def __init__(
        self,
        *,
        lifecycle_node_names: Iterable[SomeSubstitutionsType],
        transition_ids: Iterable[int | SomeSubstitutionsType],
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.__names = [normalize_to_list_of_substitutions(name) for name in lifecycle_node_names]
        self.__ids = [
            normalize_to_list_of_substitutions(str(item) if isinstance(item, int) else item) for item in transition_ids
        ]
        if not self.__ids:
            raise ValueError("No transition_ids provided.")
        if not self.__names:
            raise ValueError("No lifecycle_node_names provided.")
        self.__logger = get_logger(__name__)

    def execute(self, context: LaunchContext) -> list[LaunchDescriptionEntity]:
        """Emit the first transition for each node, and prepare for the following ones.

        Raises:
            ValueError: a transition is not a number, or leads to no known state.
        """
        ids = [self.__transition_id(context, item) for item in self.__ids]
        names = [perform_substitutions(context, name) for name in self.__names]
        prepared = [self.__prepare(context, name, ids) for name in names]
        registrations = [RegisterEventHandler(handler) for handlers, _ in prepared for handler in handlers]
        return [*registrations, *(emission for _, emission in prepared)]

    def __transition_id(self, context: LaunchContext, item: list[Any]) -> int:
        text = perform_substitutions(context, item)
        if not text.isdigit():
            raise ValueError(f"expected integer for lifecycle transition, got {text}")
        if int(text) not in self.transition_targets:
            raise ValueError(
                f"transition {text} leads to no known state, expected one of {sorted(self.transition_targets)}"
            )
        return int(text)

    def __prepare(self, context: LaunchContext, name: str, ids: list[int]) -> tuple[list[BaseEventHandler], EmitEvent]:
        """Return what handles a node's state changes, and the emission of its first transition."""
        emissions = [
            EmitEvent(event=ChangeState(lifecycle_node_matcher=matches_node_name(name), transition_id=transition_id))
            for transition_id in ids
        ]
        handlers: list[BaseEventHandler] = []

        def give_up(context: LaunchContext) -> None:
            self.__logger.info("Stopping transitions for %s because 'error occured during transitions'", name)
            forget(context)

        def forget(context: LaunchContext) -> None:
            for handler in (*handlers, on_error):
                if handler in context._event_handlers:
                    context.unregister_event_handler(handler)

        following: list[LaunchDescriptionEntity] = [*emissions[1:], OpaqueFunction(function=forget)]
        for transition_id, entity in zip(ids, following, strict=True):
            matcher = _matcher(name, **self.transition_targets[transition_id])
            handlers.append(EventHandler(matcher=matcher, entities=[entity], handle_once=True))
        on_error = EventHandler(
            matcher=_matcher(name, goal_state="errorprocessing"),
            entities=[OpaqueFunction(function=give_up)],
            handle_once=True,
        )
        context.register_event_handler(on_error)
        return handlers, emissions[0]


def _matcher(node_name: str, **labels: str) -> Callable[[Event], bool]:
    is_node = matches_node_name(node_name)
    return lambda event: (
        isinstance(event, StateTransition)
        and is_node(event.action)
        and all(getattr(event, name) == label for name, label in labels.items())
    )
