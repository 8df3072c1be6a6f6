"""The state machine of managed nodes (design.ros2.org/articles/node_lifecycle.html) and its topics and services."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from .endpoints import PublisherHandle, ServiceHandle
from .errors import RCLError
from .node_handle import NodeHandle

STATES = {
    0: "unknown",
    1: "unconfigured",
    2: "inactive",
    3: "active",
    4: "finalized",
    10: "configuring",
    11: "cleaningup",
    12: "shuttingdown",
    13: "activating",
    14: "deactivating",
    15: "errorprocessing",
}


class Transition(NamedTuple):
    """One edge of the graph."""

    transition_id: int
    label: str
    start_id: int
    goal_id: int


class TransitionCallbackReturnType(Enum):
    """What a transition callback may return."""

    SUCCESS = 97
    FAILURE = 98
    ERROR = 99

    def to_label(self) -> str:
        """Label of the transition that follows."""
        return f"transition_{self.name.lower()}"


def _outcomes(first_id: int, state: int, success: int, failure: int, error: int) -> list[Transition]:
    goals = (("transition_success", success), ("transition_failure", failure), ("transition_error", error))
    return [Transition(first_id + index, label, state, goal) for index, (label, goal) in enumerate(goals)]


TRANSITIONS: tuple[Transition, ...] = (
    Transition(1, "configure", 1, 10),
    *_outcomes(10, 10, success=2, failure=1, error=15),
    Transition(2, "cleanup", 2, 11),
    *_outcomes(20, 11, success=1, failure=2, error=15),
    Transition(3, "activate", 2, 13),
    *_outcomes(30, 13, success=3, failure=2, error=15),
    Transition(4, "deactivate", 3, 14),
    *_outcomes(40, 14, success=2, failure=3, error=15),
    Transition(5, "shutdown", 1, 12),
    Transition(6, "shutdown", 2, 12),
    Transition(7, "shutdown", 3, 12),
    *_outcomes(50, 12, success=4, failure=4, error=15),
    *_outcomes(60, 15, success=1, failure=4, error=4),
)


class LifecycleStateMachine:
    """Current state, the transitions it allows, and the interfaces that show it to others.

    Raises:
        TypeError: the second argument is no bool.
    """

    def __init__(self, node: NodeHandle, enable_communication_interface: bool) -> None:
        if not isinstance(enable_communication_interface, bool):
            raise TypeError("enable_communication_interface must be a bool")
        self.initialized = True
        self._state_id = 1
        self._event_publisher: PublisherHandle | None = None
        self.service_change_state: ServiceHandle | None = None
        self.service_get_state: ServiceHandle | None = None
        self.service_get_available_states: ServiceHandle | None = None
        self.service_get_available_transitions: ServiceHandle | None = None
        self.service_get_transition_graph: ServiceHandle | None = None
        if enable_communication_interface:
            self._start_interfaces(node)

    def _start_interfaces(self, node: NodeHandle) -> None:
        from lifecycle_msgs.msg import TransitionEvent
        from lifecycle_msgs.srv import ChangeState, GetAvailableStates, GetAvailableTransitions, GetState
        from rclpy.qos import qos_profile_default, qos_profile_services_default

        self._event_publisher = PublisherHandle(node, TransitionEvent, "~/transition_event", qos_profile_default)
        for srv_type, name in (
            (ChangeState, "change_state"),
            (GetState, "get_state"),
            (GetAvailableStates, "get_available_states"),
            (GetAvailableTransitions, "get_available_transitions"),
            (GetAvailableTransitions, "get_transition_graph"),
        ):
            handle = ServiceHandle(node, srv_type, f"~/{name}", qos_profile_services_default)
            setattr(self, f"service_{name}", handle)

    @property
    def current_state(self) -> tuple[int, str]:
        """Id and label."""
        return self._state_id, STATES[self._state_id]

    @property
    def available_states(self) -> list[tuple[int, str]]:
        return list(STATES.items())

    @property
    def available_transitions(self) -> list[tuple[int, str, int, str, int, str]]:
        """Transitions from the current state."""
        return [_describe(transition) for transition in self._from_here()]

    @property
    def transition_graph(self) -> list[tuple[int, str, int, str, int, str]]:
        """All transitions."""
        return [_describe(transition) for transition in TRANSITIONS]

    def _from_here(self) -> list[Transition]:
        return [transition for transition in TRANSITIONS if transition.start_id == self._state_id]

    def get_transition_by_label(self, label: str) -> int:
        """Id of a transition from the current state.

        Raises:
            RCLError: there is none of that label.
        """
        for transition in self._from_here():
            if transition.label == label:
                return transition.transition_id
        raise RCLError(f"Failed to get transition from label: {self._complaint(label)}")

    def trigger_transition_by_id(self, transition_id: int, publish_update: bool) -> None:
        """Go along a transition.

        Raises:
            RCLError: the current state has none of that id.
        """
        for transition in self._from_here():
            if transition.transition_id == transition_id:
                self._go(transition, publish_update)
                return
        raise RCLError(f"Failed to trigger lifecycle state machine transition: {self._complaint(transition_id)}")

    def trigger_transition_by_label(self, label: str, publish_update: bool) -> None:
        """Go along a transition; see :meth:`trigger_transition_by_id`."""
        self.trigger_transition_by_id(self.get_transition_by_label(label), publish_update)

    def _complaint(self, asked: object) -> str:
        valid = ", ".join(f"{transition.label} ({transition.transition_id})" for transition in self._from_here())
        state = STATES[self._state_id]
        return f"No transition matching {asked} found for current state {state}; valid are {valid or 'none'}"

    def _go(self, transition: Transition, publish_update: bool) -> None:
        self._state_id = transition.goal_id
        publisher = self._event_publisher
        if publisher is None or not publish_update:
            return
        event = publisher.msg_type()
        for state, state_id in ((event.start_state, transition.start_id), (event.goal_state, transition.goal_id)):
            state.id = state_id
            state.label = STATES[state_id]
        publisher.publish(event)

    def destroy(self) -> None:
        """Remove the topic; the services are destroyed with those of the node."""
        if self._event_publisher is not None:
            self._event_publisher.destroy_quietly()


def _describe(transition: Transition) -> tuple[int, str, int, str, int, str]:
    number, label, start, goal = transition
    return number, label, start, STATES[start], goal, STATES[goal]
