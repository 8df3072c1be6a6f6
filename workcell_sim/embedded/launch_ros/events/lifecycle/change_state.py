"""The event that asks lifecycle nodes for a transition."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from launch.event import Event
from lifecycle_msgs.msg import State, Transition

if TYPE_CHECKING:
    from ...actions import LifecycleNode


def _constants(message_class: type, names: tuple[str, ...]) -> dict[int, str]:
    return {getattr(message_class, name): name for name in names}


class ChangeState(Event):
    """The nodes that `lifecycle_node_matcher` picks are to make a transition.

    Raises:
        ValueError: there is no transition of that id.
    """

    name = "launch_ros.events.lifecycle.ChangeState"

    valid_transitions = _constants(
        Transition,
        (
            "TRANSITION_CREATE",
            "TRANSITION_CONFIGURE",
            "TRANSITION_CLEANUP",
            "TRANSITION_ACTIVATE",
            "TRANSITION_DEACTIVATE",
            "TRANSITION_UNCONFIGURED_SHUTDOWN",
            "TRANSITION_INACTIVE_SHUTDOWN",
            "TRANSITION_ACTIVE_SHUTDOWN",
            "TRANSITION_DESTROY",
        ),
    )
    valid_states = _constants(
        State,
        (
            "PRIMARY_STATE_UNKNOWN",
            "PRIMARY_STATE_UNCONFIGURED",
            "PRIMARY_STATE_INACTIVE",
            "PRIMARY_STATE_ACTIVE",
            "PRIMARY_STATE_FINALIZED",
            "TRANSITION_STATE_CONFIGURING",
            "TRANSITION_STATE_CLEANINGUP",
            "TRANSITION_STATE_SHUTTINGDOWN",
            "TRANSITION_STATE_ACTIVATING",
            "TRANSITION_STATE_DEACTIVATING",
            "TRANSITION_STATE_ERRORPROCESSING",
        ),
    )

    def __init__(self, *, lifecycle_node_matcher: Callable[[LifecycleNode], bool], transition_id: int) -> None:
        if transition_id not in self.valid_transitions:
            valid = ", ".join(f"{name}: {key}" for key, name in self.valid_transitions.items())
            raise ValueError(f"given transition_id of '{transition_id}', expected one of {{{valid}}}")
        self.__lifecycle_node_matcher = lifecycle_node_matcher
        self.__transition_id = transition_id

    @property
    def lifecycle_node_matcher(self) -> Callable[[LifecycleNode], bool]:
        """Tells for an action whether its node is meant."""
        return self.__lifecycle_node_matcher

    @property
    def transition_id(self) -> int:
        """The transition, one of lifecycle_msgs/Transition."""
        return self.__transition_id
