"""Managed nodes: transitions, errors, publishers, services and events, on whichever runtime is active."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from lifecycle_msgs.msg import State, Transition, TransitionEvent
from lifecycle_msgs.srv import ChangeState, GetAvailableStates, GetAvailableTransitions, GetState
from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn
from rclpy_harness import Ros, running_ros
from std_msgs.msg import Int32

SUCCESS, FAILURE, ERROR = (
    TransitionCallbackReturn.SUCCESS,
    TransitionCallbackReturn.FAILURE,
    TransitionCallbackReturn.ERROR,
)


@pytest.fixture
def ros(kernel: Any) -> Iterator[Ros]:
    with running_ros() as ros:
        yield ros


class Recorder(LifecycleNode):
    """Notes its callbacks and answers what it is told to."""

    def __init__(self, name: str, answers: dict[str, Any] | None = None) -> None:
        self.calls: list[tuple[str, str]] = []
        self.answers = answers or {}
        super().__init__(name)

    def _answer(self, name: str, state: Any) -> TransitionCallbackReturn:
        self.calls.append((name, state.label))
        answer = self.answers.get(name, SUCCESS)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def on_configure(self, state: Any) -> TransitionCallbackReturn:
        return self._answer("configure", state)

    def on_activate(self, state: Any) -> TransitionCallbackReturn:
        super().on_activate(state)
        return self._answer("activate", state)

    def on_deactivate(self, state: Any) -> TransitionCallbackReturn:
        super().on_deactivate(state)
        return self._answer("deactivate", state)

    def on_cleanup(self, state: Any) -> TransitionCallbackReturn:
        return self._answer("cleanup", state)

    def on_shutdown(self, state: Any) -> TransitionCallbackReturn:
        return self._answer("shutdown", state)

    def on_error(self, state: Any) -> TransitionCallbackReturn:
        return self._answer("error", state)


def current(node: Any) -> str:
    return node._state_machine.current_state[1]


def test_the_whole_way(ros: Ros) -> None:
    node = ros.node("managed", Recorder)
    for trigger, state in (
        (node.trigger_configure, "inactive"),
        (node.trigger_activate, "active"),
        (node.trigger_deactivate, "inactive"),
        (node.trigger_cleanup, "unconfigured"),
        (node.trigger_shutdown, "finalized"),
    ):
        assert trigger() == SUCCESS
        assert current(node) == state
    assert node.calls == [
        ("configure", "unconfigured"),
        ("activate", "inactive"),
        ("deactivate", "active"),
        ("cleanup", "inactive"),
        ("shutdown", "unconfigured"),
    ]


@pytest.mark.parametrize(
    ("answers", "result", "state"),
    [
        ({"configure": FAILURE}, FAILURE, "unconfigured"),
        ({"configure": ERROR}, ERROR, "unconfigured"),
        ({"configure": ERROR, "error": FAILURE}, ERROR, "finalized"),
        ({"configure": LookupError("no camera")}, ERROR, "unconfigured"),
    ],
)
def test_configure_that_does_not_succeed(ros: Ros, answers: dict[str, Any], result: Any, state: str) -> None:
    node = ros.node("managed", lambda name: Recorder(name, answers))
    assert node.trigger_configure() == result
    assert current(node) == state


def test_impossible_transition(ros: Ros) -> None:
    node = ros.node("managed", Recorder)
    with pytest.raises(RuntimeError):
        node.trigger_activate()
    assert current(node) == "unconfigured"


def test_publisher_is_silent_unless_active(ros: Ros) -> None:
    node = ros.node("managed", Recorder)
    publisher = node.create_lifecycle_publisher(Int32, "numbers", 10)
    got: list[int] = []
    ros.node("listener").create_subscription(Int32, "numbers", lambda m: got.append(m.data), 10)
    assert ros.until(lambda: publisher.get_subscription_count() == 1)
    publisher.publish(Int32(data=1))
    node.trigger_configure()
    publisher.publish(Int32(data=2))
    node.trigger_activate()
    publisher.publish(Int32(data=3))
    node.trigger_deactivate()
    publisher.publish(Int32(data=4))
    assert ros.until(lambda: got)
    ros.spin_for(0.1)
    assert got == [3]


def test_services_and_events(ros: Ros) -> None:
    node, asker = ros.node("served", Recorder), ros.node("asker")
    events: list[tuple[str, str]] = []
    asker.create_subscription(
        TransitionEvent,
        "served/transition_event",
        lambda e: events.append((e.start_state.label, e.goal_state.label)),
        10,
    )
    assert ros.until(lambda: asker.count_publishers("served/transition_event") == 1)

    def ask(srv_type: Any, name: str, request: Any) -> Any:
        client = asker.create_client(srv_type, f"served/{name}")
        assert client.wait_for_service(timeout_sec=20.0)
        return ros.result(client.call_async(request))

    assert ask(GetState, "get_state", GetState.Request()).current_state.id == State.PRIMARY_STATE_UNCONFIGURED
    request = ChangeState.Request()
    request.transition.id = Transition.TRANSITION_CONFIGURE
    assert ask(ChangeState, "change_state", request).success
    request = ChangeState.Request()
    request.transition.label = "activate"
    assert ask(ChangeState, "change_state", request).success
    assert current(node) == "active"
    request.transition.label = "no such transition"
    assert not ask(ChangeState, "change_state", request).success
    states = ask(GetAvailableStates, "get_available_states", GetAvailableStates.Request()).available_states
    assert len(states) == 11
    transitions = ask(
        GetAvailableTransitions, "get_available_transitions", GetAvailableTransitions.Request()
    ).available_transitions
    assert {item.transition.label for item in transitions} == {"deactivate", "shutdown"}
    graph = ask(GetAvailableTransitions, "get_transition_graph", GetAvailableTransitions.Request())
    assert len(graph.available_transitions) > 20
    assert ros.until(lambda: len(events) == 4)
    assert events[0] == ("unconfigured", "configuring")
    assert events[-1] == ("activating", "active")
