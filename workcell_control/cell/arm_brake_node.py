"""Stops what the arm carries out: on its path, as soon as the controller has told where on it the arm is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from control_msgs.action import FollowJointTrajectory
from rclpy.task import Future

from workcell_control.cell.arm_state_node import NS_PER_S
from workcell_control.cell.trajectory_message_node import trajectory_message
from workcell_control.execution.follower import Follower
from workcell_control.motion.arrays import FloatArray

FEEDBACK_WITHIN_S = 0.3
"""Time in which a controller tells where it is; else it has to stop the arm itself."""
RESULT_WITHIN_S = 1.0
"""Time after a brake's end in which its result comes, unless the driver is gone."""
SCALING_PAUSED = 0.01
"""Below this speed factor the arm is paused from outside."""
_STATUS_SUCCEEDED = 4


class ArmBrake:
    """One brake at a time; `on_stood(end)` is called where one has ended as planned, with the place.

    Args:
        node: Tells the time.
        client: Of the controller's action.
        joint_names: In the order of the trajectories.
        on_stood: Told where the arm's reference now rests.
    """

    def __init__(
        self, node: Any, client: Any, joint_names: Sequence[str], on_stood: Callable[[FloatArray], None]
    ) -> None:
        self._node = node
        self._client = client
        self._joint_names = list(joint_names)
        self._on_stood = on_stood
        self._answered: Future | None = None
        self._follower: Follower | None = None
        self._handle: Any = None
        self._number = 0
        self._over_ns: int | None = None
        self._answer_s = 0.0
        self.scaling = 1.0
        """The controller's own speed factor."""

    @property
    def is_over(self) -> bool:
        """Whether nothing is being stopped."""
        return self._over_ns is None

    def expect(self, follower: Follower, answer_s: float) -> Future:
        """Stop what the controller has yet to accept; see `begin`."""
        self._number += 1
        self._follower, self._handle, self._answer_s = follower, None, answer_s
        self._over_ns = self._in_ns(RESULT_WITHIN_S)
        self._answered = self._answered or Future()
        return self._answered

    def begin(self, follower: Follower, handle: Any, result: Future, answer_s: float) -> Future:
        """Stop what the controller carries out; the future is done once it has answered.

        Args:
            follower: Keeps account of it.
            handle: The goal's.
            result: Of the goal.
            answer_s: How long the controller lately took at most to answer.
        """
        self._answer_s = answer_s
        self._number += 1
        number = self._number
        self._follower, self._handle = follower, handle
        self._answered = self._answered or Future()
        self._over_ns = self._in_ns(FEEDBACK_WITHIN_S)
        result.add_done_callback(lambda _: self._end(number, None))
        if self.scaling < SCALING_PAUSED:
            self._leave_to_controller()
        elif follower.is_located:
            self._brake(is_just_heard=False)
        return self._answered

    def on_accepted(self, handle: Any) -> None:
        """The controller has answered what was expected."""
        follower = self._follower
        if follower is None or self._handle is not None:
            return
        if handle.accepted:
            self.begin(follower, handle, handle.get_result_async(), self._answer_s)
        else:
            self._answer(None)
            self._end(self._number, None)

    def on_feedback(self, stamp_ns: int, sent_s: float) -> None:
        """Where the controller is on what is to be stopped."""
        if self._follower is not None and self._handle is not None:
            self._follower.on_feedback(stamp_ns, sent_s)
            self._brake(is_just_heard=True)

    def check(self) -> None:
        """Let the controller stop where it tells nothing, and wait no longer for one that is gone."""
        if self._over_ns is None or self._node.now_ns() < self._over_ns:
            return
        if self._follower is not None and self._handle is not None:
            self._leave_to_controller()
        else:
            self._end(self._number, None)

    def _brake(self, *, is_just_heard: bool) -> None:
        follower = self._follower
        assert follower is not None
        now_ns = int(self._node.now_ns())
        brake = follower.retimed(0.0, now_ns, self.scaling, self._answer_s, is_just_heard=is_just_heard)
        if brake is None and not is_just_heard:
            return  # tried again with the next feedback
        self._follower = None
        if brake is None:  # it stands, or is about to
            self._over_ns = self._in_ns(RESULT_WITHIN_S)
            self._answer(None)
            return
        self._number += 1
        number, handle = self._number, self._handle
        end = brake.trajectory.position[-1]
        braking_s = brake.trajectory.duration_s / max(self.scaling, SCALING_PAUSED)
        self._over_ns = self._in_ns(braking_s + RESULT_WITHIN_S)

        def on_accepted(future: Future) -> None:
            if future.result().accepted:
                future.result().get_result_async().add_done_callback(lambda f: self._on_result(number, end, f))
            else:
                handle.cancel_goal_async()
            self._answer(future.result())

        goal = FollowJointTrajectory.Goal(trajectory=trajectory_message(brake, self._joint_names))
        self._client.send_goal_async(goal).add_done_callback(on_accepted)

    def _leave_to_controller(self) -> None:
        self._follower = None
        self._over_ns = self._in_ns(RESULT_WITHIN_S)
        self._handle.cancel_goal_async().add_done_callback(lambda f: self._answer(f.result()))

    def _in_ns(self, duration_s: float) -> int:
        return int(self._node.now_ns()) + round(duration_s * NS_PER_S)

    def _on_result(self, number: int, end: FloatArray, future: Future) -> None:
        answer = future.result()
        self._end(number, end if answer.status == _STATUS_SUCCEEDED and answer.result.error_code == 0 else None)

    def _end(self, number: int, end: FloatArray | None) -> None:
        if number != self._number:
            return
        self._follower, self._handle, self._over_ns = None, None, None
        self._answer(None)
        if end is not None:
            self._on_stood(end)

    def _answer(self, answer: Any) -> None:
        answered, self._answered = self._answered, None
        if answered is not None:
            answered.set_result(answer)
