"""Goals on the server's side: their states, and which of them a cancel request means."""

from __future__ import annotations

from enum import Enum
from typing import Any

from .errors import RCLError


class GoalEvent(Enum):
    """What can happen to a goal."""

    EXECUTE = 0
    CANCEL_GOAL = 1
    SUCCEED = 2
    ABORT = 3
    CANCELED = 4


# Values of action_msgs/msg/GoalStatus.
ACCEPTED, EXECUTING, CANCELING, SUCCEEDED, CANCELED, ABORTED = 1, 2, 3, 4, 5, 6
_STATE_NAMES = {1: "ACCEPTED", 2: "EXECUTING", 3: "CANCELING", 4: "SUCCEEDED", 5: "CANCELED", 6: "ABORTED"}

_NEXT = {
    (ACCEPTED, GoalEvent.EXECUTE): EXECUTING,
    (ACCEPTED, GoalEvent.CANCEL_GOAL): CANCELING,
    (EXECUTING, GoalEvent.CANCEL_GOAL): CANCELING,
    (EXECUTING, GoalEvent.SUCCEED): SUCCEEDED,
    (EXECUTING, GoalEvent.ABORT): ABORTED,
    (CANCELING, GoalEvent.SUCCEED): SUCCEEDED,
    (CANCELING, GoalEvent.ABORT): ABORTED,
    (CANCELING, GoalEvent.CANCELED): CANCELED,
}

ERROR_NONE, ERROR_REJECTED, ERROR_UNKNOWN_GOAL_ID, ERROR_GOAL_TERMINATED = 0, 1, 2, 3


class GoalRecord:
    """State of one goal."""

    def __init__(self, goal_info: Any) -> None:
        self.info = goal_info
        self.status = ACCEPTED
        self.terminal_ns: int | None = None

    @property
    def key(self) -> bytes:
        return bytes(self.info.goal_id.uuid)

    @property
    def stamp_ns(self) -> int:
        return self.info.stamp.sec * 10**9 + self.info.stamp.nanosec

    def is_active(self) -> bool:
        return self.status in (ACCEPTED, EXECUTING, CANCELING)

    def is_cancelable(self) -> bool:
        return (self.status, GoalEvent.CANCEL_GOAL) in _NEXT

    def update(self, event: GoalEvent) -> None:
        """Change state.

        Raises:
            RCLError: the event is not possible in this state.
        """
        try:
            self.status = _NEXT[self.status, event]
        except KeyError:
            raise RCLError(
                f"Failed to update goal state: goal_handle attempted invalid transition from state "
                f"{_STATE_NAMES[self.status]} with event {event.name}"
            ) from None


def select_for_cancel(goals: dict[bytes, GoalRecord], goal_info: Any) -> tuple[int, list[GoalRecord]]:
    """Goals that a cancel request means, and the return code.

    As in action_msgs/srv/CancelGoal: no id and no stamp means all goals; a stamp means all goals accepted until
    then; an id means that goal.
    """
    key = bytes(goal_info.goal_id.uuid)
    stamp_ns = goal_info.stamp.sec * 10**9 + goal_info.stamp.nanosec
    named = any(key)
    selected: list[GoalRecord] = []
    for goal in goals.values():
        meant = goal.key == key if named else stamp_ns == 0
        until = stamp_ns > 0 and goal.stamp_ns <= stamp_ns
        if (meant or until) and goal.is_cancelable():
            selected.append(goal)
    if selected:
        return ERROR_NONE, selected
    if named and stamp_ns == 0:
        return (ERROR_UNKNOWN_GOAL_ID if key not in goals else ERROR_GOAL_TERMINATED), []
    return ERROR_REJECTED, []
