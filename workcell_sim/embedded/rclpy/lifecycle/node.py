"""Managed nodes."""

from __future__ import annotations

from typing import Any, NamedTuple

import lifecycle_msgs.msg
import lifecycle_msgs.srv
from rclpy.impl.errors import RCLError
from rclpy.impl.lifecycle_machine import LifecycleStateMachine
from rclpy.impl.lifecycle_machine import TransitionCallbackReturnType as TransitionCallbackReturn
from rclpy.lifecycle.managed_entity import ManagedEntity
from rclpy.lifecycle.publisher import LifecyclePublisher
from rclpy.node import Node
from rclpy.qos import qos_profile_services_default
from rclpy.service import Service

_State = lifecycle_msgs.msg.State
_Transition = lifecycle_msgs.msg.Transition

_CALLBACK_OF_STATE = {
    _State.TRANSITION_STATE_CONFIGURING: "on_configure",
    _State.TRANSITION_STATE_CLEANINGUP: "on_cleanup",
    _State.TRANSITION_STATE_SHUTTINGDOWN: "on_shutdown",
    _State.TRANSITION_STATE_ACTIVATING: "on_activate",
    _State.TRANSITION_STATE_DEACTIVATING: "on_deactivate",
    _State.TRANSITION_STATE_ERRORPROCESSING: "on_error",
}
_SHUTDOWN_FROM = {
    "unconfigured": _Transition.TRANSITION_UNCONFIGURED_SHUTDOWN,
    "inactive": _Transition.TRANSITION_INACTIVE_SHUTDOWN,
    "active": _Transition.TRANSITION_ACTIVE_SHUTDOWN,
}


class LifecycleState(NamedTuple):
    """State that a transition callback is told: the one before the transition."""

    label: str
    state_id: int


class LifecycleNodeMixin(ManagedEntity):
    """Makes a node managed. By default each callback calls that of all managed entities."""

    def __init__(self, *, enable_communication_interface: bool = True, callback_group: Any = None) -> None:
        self._managed_entities: dict[ManagedEntity, None] = {}
        with self.handle:
            self._state_machine = LifecycleStateMachine(self.handle, enable_communication_interface)
        if enable_communication_interface:
            self._start_services(callback_group or self.default_callback_group)

    def _start_services(self, callback_group: Any) -> None:
        for name, srv_type, callback in (
            ("change_state", lifecycle_msgs.srv.ChangeState, self._on_change_state),
            ("get_state", lifecycle_msgs.srv.GetState, self._on_get_state),
            ("get_available_states", lifecycle_msgs.srv.GetAvailableStates, self._on_get_available_states),
            (
                "get_available_transitions",
                lifecycle_msgs.srv.GetAvailableTransitions,
                self._on_get_available_transitions,
            ),
            ("get_transition_graph", lifecycle_msgs.srv.GetAvailableTransitions, self._on_get_transition_graph),
        ):
            handle = getattr(self._state_machine, f"service_{name}")
            service = Service(handle, srv_type, handle.name, callback, callback_group, qos_profile_services_default)
            callback_group.add_entity(service)
            setattr(self, f"_service_{name}", service)
            self._services.append(service)

    # -- transitions --------------------------------------------------------------------------------------------------

    def trigger_configure(self) -> TransitionCallbackReturn:
        return self._change_state(_Transition.TRANSITION_CONFIGURE)

    def trigger_cleanup(self) -> TransitionCallbackReturn:
        return self._change_state(_Transition.TRANSITION_CLEANUP)

    def trigger_activate(self) -> TransitionCallbackReturn:
        return self._change_state(_Transition.TRANSITION_ACTIVATE)

    def trigger_deactivate(self) -> TransitionCallbackReturn:
        return self._change_state(_Transition.TRANSITION_DEACTIVATE)

    def trigger_shutdown(self) -> TransitionCallbackReturn:
        """Shut the node down.

        Raises:
            RCLError: not possible from the current state.
        """
        label = self._state_machine.current_state[1]
        if label not in _SHUTDOWN_FROM:
            raise RCLError(f"Shutdown transtion not possible from state {label}")
        return self._change_state(_SHUTDOWN_FROM[label])

    def _change_state(self, transition_id: int) -> TransitionCallbackReturn:
        """Go along a transition and call its callback.

        Raises:
            RCLError: the current state does not allow it.
        """
        machine = self._state_machine
        state_id, label = machine.current_state
        before = LifecycleState(state_id=state_id, label=label)
        machine.trigger_transition_by_id(transition_id, True)
        result = self._run_callback(before)
        machine.trigger_transition_by_label(result.to_label(), True)
        if result is TransitionCallbackReturn.ERROR:
            machine.trigger_transition_by_label(self._run_callback(before).to_label(), True)
        return result

    def _run_callback(self, before: LifecycleState) -> TransitionCallbackReturn:
        """Call the callback of the current transition state; whatever goes wrong in it counts as ERROR."""
        name = _CALLBACK_OF_STATE[self._state_machine.current_state[0]]
        try:
            result = getattr(self, name)(before)
        except Exception as error:
            self.get_logger().error(f"{name}() raised {type(error).__name__}: {error}")
            return TransitionCallbackReturn.ERROR
        if isinstance(result, TransitionCallbackReturn):
            return result
        self.get_logger().error(f"{name}() returned {result!r} instead of a TransitionCallbackReturn")
        return TransitionCallbackReturn.ERROR

    # -- managed entities ---------------------------------------------------------------------------------------------

    def add_managed_entity(self, entity: ManagedEntity) -> None:
        """Let an entity take part in the transitions.

        Raises:
            TypeError: not a :class:`ManagedEntity`.
        """
        if not isinstance(entity, ManagedEntity):
            raise TypeError("Expected a rclpy.lifecycle.ManagedEntity instance.")
        self._managed_entities[entity] = None

    def _call_entities(self, callback_name: str, state: LifecycleState) -> TransitionCallbackReturn:
        for entity in self._managed_entities:
            result = getattr(entity, callback_name)(state)
            if not isinstance(result, TransitionCallbackReturn):
                raise TypeError(
                    f"{callback_name}() return value of class {type(entity)} should be `TransitionCallbackReturn`.\n"
                    f"Instance of the class that caused the failure: {entity}"
                )
            if result is not TransitionCallbackReturn.SUCCESS:
                return result
        return TransitionCallbackReturn.SUCCESS

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._call_entities("on_configure", state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._call_entities("on_cleanup", state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._call_entities("on_shutdown", state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._call_entities("on_activate", state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._call_entities("on_deactivate", state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        return self._call_entities("on_error", state)

    def create_lifecycle_publisher(self, *args: Any, **kwargs: Any) -> LifecyclePublisher:
        """Make a publisher that publishes only while the node is active; takes what ``create_publisher`` takes."""
        if "publisher_class" in kwargs:
            raise TypeError("create_publisher() got an unexpected keyword argument 'publisher_class'")
        publisher = Node.create_publisher(self, *args, **kwargs, publisher_class=LifecyclePublisher)
        self._managed_entities[publisher] = None
        return publisher

    def destroy_lifecycle_publisher(self, publisher: LifecyclePublisher) -> bool:
        self._managed_entities.pop(publisher, None)
        return Node.destroy_publisher(self, publisher)

    # -- services -----------------------------------------------------------------------------------------------------

    def _on_change_state(self, request: Any, response: Any) -> Any:
        transition_id = request.transition.id
        response.success = False
        try:
            if request.transition.label:
                transition_id = self._state_machine.get_transition_by_label(request.transition.label)
            result = self._change_state(transition_id)
        except RCLError as error:
            self.get_logger().error(str(error))
            return response
        response.success = result is TransitionCallbackReturn.SUCCESS
        return response

    def _on_get_state(self, request: Any, response: Any) -> Any:
        response.current_state.id, response.current_state.label = self._state_machine.current_state
        return response

    def _on_get_available_states(self, request: Any, response: Any) -> Any:
        response.available_states = [
            _State(id=state_id, label=label) for state_id, label in self._state_machine.available_states
        ]
        return response

    def _on_get_available_transitions(self, request: Any, response: Any) -> Any:
        response.available_transitions = [_describe(*item) for item in self._state_machine.available_transitions]
        return response

    def _on_get_transition_graph(self, request: Any, response: Any) -> Any:
        response.available_transitions = [_describe(*item) for item in self._state_machine.transition_graph]
        return response


def _describe(number: int, label: str, start_id: int, start: str, goal_id: int, goal: str) -> Any:
    return lifecycle_msgs.msg.TransitionDescription(
        transition=_Transition(id=number, label=label),
        start_state=_State(id=start_id, label=start),
        goal_state=_State(id=goal_id, label=goal),
    )


class LifecycleNode(LifecycleNodeMixin, Node):
    """A node with the states unconfigured, inactive, active and finalized."""

    def __init__(self, node_name: str, *, enable_communication_interface: bool = True, **kwargs: Any) -> None:
        Node.__init__(self, node_name, **kwargs)
        LifecycleNodeMixin.__init__(self, enable_communication_interface=enable_communication_interface)

    def destroy_node(self) -> None:
        """Destroy the node and its lifecycle interfaces."""
        self._state_machine.destroy()
        super().destroy_node()
