"""Actions: goals, feedback, cancellation, results and states, on whichever runtime is active."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from action_msgs.msg import GoalStatus
from action_msgs.srv import CancelGoal
from control_msgs.action import GripperCommand
from rclpy.action import (
    ActionClient,
    ActionServer,
    CancelResponse,
    GoalResponse,
    get_action_names_and_types,
    get_action_server_names_and_types_by_node,
)
from rclpy.task import Future
from rclpy_harness import Ros, running_ros


@pytest.fixture
def ros(kernel: Any) -> Iterator[Ros]:
    with running_ros() as ros:
        yield ros


class Pair:
    """A client and a server of one action, each with its node."""

    def __init__(self, ros: Ros, execute: Any, **kwargs: Any) -> None:
        self.ros = ros
        self.server_node, self.client_node = ros.node("server"), ros.node("client")
        self.server = ActionServer(self.server_node, GripperCommand, "grip", execute, **kwargs)
        self.client = ActionClient(self.client_node, GripperCommand, "grip")
        assert self.client.wait_for_server(timeout_sec=20.0)

    def send(self, position: float = 0.5, **kwargs: Any) -> Any:
        goal = GripperCommand.Goal()
        goal.command.position = position
        return self.ros.result(self.client.send_goal_async(goal, **kwargs))

    def close(self) -> None:
        self.client.destroy()
        self.server.destroy()


def succeed(goal_handle: Any) -> GripperCommand.Result:
    goal_handle.succeed()
    return GripperCommand.Result(position=goal_handle.request.command.position, reached_goal=True)


def waiting(release: Future) -> Any:
    """An execute callback that ends when it is cancelled or released."""

    async def execute(goal_handle: Any) -> GripperCommand.Result:
        await release
        if goal_handle.is_cancel_requested:
            goal_handle.canceled()
        else:
            goal_handle.succeed()
        return GripperCommand.Result(stalled=True)

    return execute


def test_goal_succeeds(ros: Ros) -> None:
    pair = Pair(ros, succeed)
    goal = pair.send(0.25)
    assert goal.accepted
    assert goal.stamp.sec > 0
    response = ros.result(goal.get_result_async())
    assert response.status == GoalStatus.STATUS_SUCCEEDED
    assert response.result.position == 0.25
    assert ros.until(lambda: goal.status == GoalStatus.STATUS_SUCCEEDED)
    pair.close()


def test_goal_is_rejected(ros: Ros) -> None:
    pair = Pair(ros, succeed, goal_callback=lambda goal: GoalResponse.REJECT)
    assert not pair.send().accepted
    pair.close()


def test_feedback_reaches_its_goal(ros: Ros) -> None:
    def execute(goal_handle: Any) -> GripperCommand.Result:
        for position in (0.1, 0.2):
            goal_handle.publish_feedback(GripperCommand.Feedback(position=position))
        return succeed(goal_handle)

    pair = Pair(ros, execute)
    got: list[float] = []
    goal = pair.send(feedback_callback=lambda message: got.append(message.feedback.position))
    ros.result(goal.get_result_async())
    assert ros.until(lambda: len(got) == 2)
    assert got == [0.1, 0.2]
    pair.close()


def test_goal_is_cancelled(ros: Ros) -> None:
    release = Future()
    pair = Pair(ros, waiting(release), cancel_callback=lambda goal: CancelResponse.ACCEPT)
    goal = pair.send()
    result = goal.get_result_async()
    answer = ros.result(goal.cancel_goal_async())
    assert answer.return_code == CancelGoal.Response.ERROR_NONE
    assert [bytes(info.goal_id.uuid) for info in answer.goals_canceling] == [bytes(goal.goal_id.uuid)]
    release.set_result(None)
    response = ros.result(result)
    assert response.status == GoalStatus.STATUS_CANCELED
    assert response.result.stalled
    pair.close()


def test_cancel_is_rejected_by_default(ros: Ros) -> None:
    release = Future()
    pair = Pair(ros, waiting(release))
    goal = pair.send()
    assert list(ros.result(goal.cancel_goal_async()).goals_canceling) == []
    release.set_result(None)
    assert ros.result(goal.get_result_async()).status == GoalStatus.STATUS_SUCCEEDED
    pair.close()


def test_cancel_after_the_end(ros: Ros) -> None:
    pair = Pair(ros, succeed, cancel_callback=lambda goal: CancelResponse.ACCEPT)
    goal = pair.send()
    ros.result(goal.get_result_async())
    answer = ros.result(goal.cancel_goal_async())
    assert answer.return_code == CancelGoal.Response.ERROR_GOAL_TERMINATED
    pair.close()


def test_exception_aborts_the_goal(ros: Ros) -> None:
    def execute(goal_handle: Any) -> GripperCommand.Result:
        raise LookupError("dropped")

    pair = Pair(ros, execute)
    response = ros.result(pair.send().get_result_async())
    assert response.status == GoalStatus.STATUS_ABORTED
    pair.close()


def test_forgotten_state_aborts_the_goal(ros: Ros) -> None:
    pair = Pair(ros, lambda goal_handle: GripperCommand.Result(effort=3.0))
    response = ros.result(pair.send().get_result_async())
    assert response.status == GoalStatus.STATUS_ABORTED
    assert response.result.effort == 3.0
    pair.close()


def test_accepted_goals_may_be_executed_later(ros: Ros) -> None:
    accepted: list[Any] = []
    pair = Pair(ros, succeed, handle_accepted_callback=accepted.append)
    goal = pair.send()
    assert goal.accepted
    ros.spin_for(0.1)
    assert accepted[0].status == GoalStatus.STATUS_ACCEPTED
    accepted[0].execute()
    assert ros.result(goal.get_result_async()).status == GoalStatus.STATUS_SUCCEEDED
    pair.close()


def test_result_expires(ros: Ros) -> None:
    pair = Pair(ros, succeed, result_timeout=0.3)
    goal = pair.send()
    ros.result(goal.get_result_async())
    ros.spin_for(1.0)
    assert ros.result(goal.get_result_async()).status == GoalStatus.STATUS_UNKNOWN
    pair.close()


def test_impossible_transition(ros: Ros) -> None:
    errors: list[Exception] = []

    def execute(goal_handle: Any) -> GripperCommand.Result:
        try:
            goal_handle.canceled()
        except RuntimeError as error:
            errors.append(error)
        return succeed(goal_handle)

    pair = Pair(ros, execute)
    ros.result(pair.send().get_result_async())
    assert len(errors) == 1
    pair.close()


def test_wrong_types(ros: Ros) -> None:
    pair = Pair(ros, succeed)
    with pytest.raises(TypeError):
        pair.client.send_goal_async(GripperCommand.Result())
    with pytest.raises(TypeError):
        pair.server.register_execute_callback("not callable")
    pair.close()


def test_graph_shows_actions(ros: Ros) -> None:
    pair = Pair(ros, succeed)
    expected = ("/grip", ["control_msgs/action/GripperCommand"])
    assert ros.until(lambda: expected in get_action_names_and_types(pair.client_node))
    assert get_action_server_names_and_types_by_node(pair.client_node, "server", "/") == [expected]
    services = dict(pair.client_node.get_service_names_and_types())
    assert services["/grip/_action/send_goal"] == ["control_msgs/action/GripperCommand_SendGoal"]
    topics = dict(pair.client_node.get_topic_names_and_types())
    assert topics["/grip/_action/status"] == ["action_msgs/msg/GoalStatusArray"]
    pair.close()
