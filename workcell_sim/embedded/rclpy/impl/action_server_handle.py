"""Services, topics and goals of an action server."""

from __future__ import annotations

from typing import Any

from .action_goal import GoalRecord
from .action_part import (
    CANCEL_GOAL,
    FEEDBACK,
    GET_RESULT,
    SEND_GOAL,
    STATUS,
    HandleGroup,
    part_name,
    resolve_action_name,
)
from .clock_handle import ClockHandle
from .endpoints import PublisherHandle, ServiceHandle
from .errors import RCLError
from .node_handle import NodeHandle
from .timer_handle import TimerHandle


class ActionServerHandle(HandleGroup):
    """What stands behind an action server."""

    def __init__(
        self,
        node: NodeHandle,
        clock: ClockHandle,
        action_type: Any,
        action_name: str,
        goal_qos: Any,
        result_qos: Any,
        cancel_qos: Any,
        feedback_qos: Any,
        status_qos: Any,
        result_timeout_s: float,
    ) -> None:
        self._clock = clock
        self._status_type = action_type.Impl.GoalStatusMessage
        self._result_timeout_ns = int(result_timeout_s * 1e9)
        self.goals: dict[bytes, GoalRecord] = {}
        impl = action_type.Impl
        name = resolve_action_name(node, action_name)
        self.goal_service = ServiceHandle(node, impl.SendGoalService, part_name(name, SEND_GOAL), goal_qos)
        self.cancel_service = ServiceHandle(node, impl.CancelGoalService, part_name(name, CANCEL_GOAL), cancel_qos)
        self.result_service = ServiceHandle(node, impl.GetResultService, part_name(name, GET_RESULT), result_qos)
        self._feedback = PublisherHandle(node, impl.FeedbackMessage, part_name(name, FEEDBACK), feedback_qos)
        self._status = PublisherHandle(node, impl.GoalStatusMessage, part_name(name, STATUS), status_qos)
        self.expire_timer = TimerHandle(clock, node.context, 0, autostart=False)
        super().__init__(
            [
                self.goal_service,
                self.cancel_service,
                self.result_service,
                self._feedback,
                self._status,
                self.expire_timer,
            ]
        )

    def take_goal_request(self) -> tuple[Any, Any] | None:
        return _request(self.goal_service)

    def take_cancel_request(self) -> tuple[Any, Any] | None:
        return _request(self.cancel_service)

    def take_result_request(self) -> tuple[Any, Any] | None:
        return _request(self.result_service)

    def goal_exists(self, key: bytes) -> bool:
        return key in self.goals

    def accept(self, goal_info: Any) -> GoalRecord:
        """Keep a new goal.

        Raises:
            RCLError: there is one of that id.
        """
        goal = GoalRecord(goal_info)
        if goal.key in self.goals:
            raise RCLError("Failed to accept new goal: goal ID already exists")
        self.goals[goal.key] = goal
        return goal

    def goal_changed(self, goal: GoalRecord) -> None:
        """Tell the new state to everybody and begin to count the time of an ended goal."""
        self.publish_status()
        if not goal.is_active():
            goal.terminal_ns = self._clock.now_ns()
            self.schedule_expiry()

    def publish_status(self) -> None:
        message = self._status_type()
        entry_type = _status_entry_type()
        message.status_list = [entry_type(goal_info=goal.info, status=goal.status) for goal in self.goals.values()]
        self._status.publish(message)

    def publish_feedback(self, message: Any) -> None:
        self._feedback.publish(message)

    def schedule_expiry(self) -> None:
        """Set the timer to when the first ended goal expires."""
        ended = [goal.terminal_ns for goal in self.goals.values() if goal.terminal_ns is not None]
        if ended and self._result_timeout_ns >= 0:
            self.expire_timer.call_at(min(ended) + self._result_timeout_ns)

    def expire_goals(self) -> list[GoalRecord] | None:
        """Remove and return the goals whose results have been kept long enough."""
        self.expire_timer.cancel_timer()
        now = self._clock.now_ns()
        expired = [
            goal
            for goal in self.goals.values()
            if goal.terminal_ns is not None and now >= goal.terminal_ns + self._result_timeout_ns
        ]
        for goal in expired:
            del self.goals[goal.key]
        self.schedule_expiry()
        return expired or None


def _request(service: ServiceHandle) -> tuple[Any, Any] | None:
    request, header = service.service_take_request(service.srv_type.Request)
    return None if header is None else (header, request)


def _status_entry_type() -> Any:
    from action_msgs.msg import GoalStatus

    return GoalStatus
