"""The event that a lifecycle node changed its state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from launch.event import Event

if TYPE_CHECKING:
    from ...actions import LifecycleNode


class StateTransition(Event):
    """The node of `action` published the lifecycle_msgs/TransitionEvent `msg`."""

    name = "launch_ros.events.lifecycle.StateTransition"

    def __init__(self, *, action: LifecycleNode, msg: Any) -> None:
        self.__action = action
        self.__msg = msg

    @property
    def action(self) -> LifecycleNode:
        """The action that started the node."""
        return self.__action

    @property
    def msg(self) -> Any:
        """The message."""
        return self.__msg

    @property
    def timestamp(self) -> int:
        """When."""
        timestamp: int = self.__msg.timestamp
        return timestamp

    @property
    def transition(self) -> str:
        """Label of the transition."""
        return str(self.__msg.transition.label)

    @property
    def start_state(self) -> str:
        """Label of the state before."""
        return str(self.__msg.start_state.label)

    @property
    def goal_state(self) -> str:
        """Label of the state after."""
        return str(self.__msg.goal_state.label)
