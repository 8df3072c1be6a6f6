"""The cell's side of the arm: joint states in, joint trajectories out through the arm's controller."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from builtin_interfaces.msg import Duration
from control_msgs.action import FollowJointTrajectory
from rclpy.action import ActionClient
from rclpy.task import Future
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64
from trajectory_msgs.msg import JointTrajectoryPoint

from workcell_control.cell.slowing import PathUnderWay
from workcell_control.motion.arrays import FloatArray
from workcell_control.motion.trajectory import JointTrajectory
from workcell_ros import convert, qos

NS_PER_S = 1_000_000_000
STILL_RAD_S = 0.01
"""Below this speed of every joint the arm stands."""
START_TOLERANCE_RAD = 0.01
"""The place where the last move ended is taken as the start of the next when the arm is this near to it."""
SCALING_PAUSED = 0.01
"""Below this speed factor the arm is paused from outside; it then stands still with good reason."""
REMEMBERED = 100
"""Joint states kept, to know where the arm was when something was measured."""
_STATUS_SUCCEEDED = 4

Done = Callable[[bool, str], None]


class ArmClient:
    """Sends one trajectory at a time and says how it ended.

    Args:
        node: Owns the client and the subscriptions.
        joint_names: The arm's joints in the order of the trajectories.
        on_joints: Called with every joint state.
        on_tracking_error: Called with the largest joint error in [rad] of each feedback.
    """

    def __init__(
        self,
        node: Any,
        joint_names: Sequence[str],
        on_joints: Callable[[], None],
        on_tracking_error: Callable[[float], None],
    ) -> None:
        self._node = node
        self._joint_names = list(joint_names)
        self._on_joints = on_joints
        self._on_tracking_error = on_tracking_error
        self._client = ActionClient(node, FollowJointTrajectory, "joint_trajectory_controller/follow_joint_trajectory")
        self._subscriptions = [
            node.create_subscription(JointState, "joint_states", self._on_joint_states, qos.SENSOR_DATA),
            node.create_subscription(
                Float64, "speed_scaling_state_broadcaster/speed_scaling", self._on_scaling, qos.SENSOR_DATA
            ),
        ]
        self._order: list[int] = []
        self._joint_states: deque[Any] = deque(maxlen=REMEMBERED)
        self._scaling = 1.0
        self._last_end: FloatArray | None = None
        self._goal_number = 0
        self._goal_handle: Any = None
        self._late_cancel: Future | None = None
        self._is_accepting = False
        self._done: Done | None = None
        self._still_since_ns = 0

    @property
    def is_still(self) -> bool:
        """Whether the arm was heard of and stands."""
        if not self._joint_states:
            return False
        velocity = self._joint_states[-1].velocity
        return not len(velocity) or max(abs(velocity[i]) for i in self._order) < STILL_RAD_S

    @property
    def is_ready(self) -> bool:
        """Whether a move may begin: the controller is there, and the arm stands or is where its last move ended."""
        is_at_rest = self.is_still or (self._last_end is not None and self.start is self._last_end)
        return is_at_rest and bool(self._client.server_is_ready())

    @property
    def start(self) -> FloatArray | None:
        """Where a move from rest begins, or None before the arm was heard.

        The end of the last move where the arm is there, so that a repeated move finds its plan; else the
        measured place.
        """
        if not self._joint_states:
            return None
        measured = self._position_of(self._joint_states[-1])
        if self._last_end is None:
            return measured
        is_there = float(np.abs(measured - self._last_end).max()) < START_TOLERANCE_RAD
        return self._last_end if is_there else measured

    @property
    def is_executing(self) -> bool:
        """Whether the controller has accepted a trajectory and not ended it yet."""
        return self._goal_handle is not None and self._done is not None

    def position_at(self, time_ns: int) -> FloatArray | None:
        """Joint positions measured nearest to a time, None before the arm was heard."""
        if not self._joint_states:
            return None
        nearest = min(self._joint_states, key=lambda item: abs(convert.stamp_to_ns(item.header.stamp) - time_ns))
        return self._position_of(nearest)

    def _position_of(self, message: Any) -> FloatArray:
        return np.array([message.position[i] for i in self._order])

    def time_on(self, path: PathUnderWay) -> float:
        """Where on the path under way the arm is now, in [s]: where it was measured, and the time since."""
        measured = self._position_of(self._joint_states[-1])
        age_ns = int(self._node.now_ns()) - convert.stamp_to_ns(self._joint_states[-1].header.stamp)
        return path.time_at(measured) + max(age_ns, 0) / NS_PER_S * float(self._scaling)

    def move(self, trajectory: JointTrajectory, done: Done) -> None:
        """Send a trajectory; `done(is_ok, reason)` is called once, unless another move or `cancel` comes first."""
        self._goal_number += 1
        number = self._goal_number
        self._done = done
        self._goal_handle = None
        self._still_since_ns = self._node.now_ns() + int(trajectory.duration_s * NS_PER_S)
        goal = FollowJointTrajectory.Goal()
        goal.trajectory.joint_names = self._joint_names
        goal.trajectory.points = _points(trajectory)
        self._last_end = trajectory.position[-1]
        self._is_accepting = True
        future = self._client.send_goal_async(goal, feedback_callback=self._on_feedback)
        future.add_done_callback(lambda f: self._on_accepted(number, f))

    def cancel(self) -> Future | None:
        """Brake on the path; what was asked for will not answer any more.

        Returns a future that is done once the controller has answered the cancellation, also of a trajectory
        that it has yet to accept; None where there is nothing to cancel.
        """
        self._goal_number += 1
        self._done = None
        self._last_end = None
        handle, self._goal_handle = self._goal_handle, None
        if handle is not None:
            return handle.cancel_goal_async()
        if self._is_accepting and self._late_cancel is None:
            self._late_cancel = Future()
        return self._late_cancel

    def check_stall(self, stall_s: float) -> None:
        """Give a move up whose result is due although the arm stands still for longer than `stall_s`."""
        now_ns = self._node.now_ns()
        if self._done is None or not self.is_still or self._scaling < SCALING_PAUSED:
            self._still_since_ns = max(self._still_since_ns, now_ns)
        elif now_ns - self._still_since_ns > stall_s * NS_PER_S:
            done = self._done
            self.cancel()
            done(False, f"no result although the arm stands still for {stall_s:g} s")

    def destroy(self) -> None:
        """Free client and subscriptions."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._client.destroy()

    def _on_joint_states(self, message: Any) -> None:
        if not self._order:
            if not set(self._joint_names) <= set(message.name):
                return
            self._order = [list(message.name).index(name) for name in self._joint_names]
        self._joint_states.append(message)  # taken apart only when somebody asks: it comes often
        self._on_joints()

    def _on_scaling(self, message: Any) -> None:
        self._scaling = message.data

    def _on_accepted(self, number: int, future: Future) -> None:
        handle = future.result()
        if number != self._goal_number or self._done is None:
            self._cancel_late(handle)
            return
        self._is_accepting = False
        if not handle.accepted:
            self._finish(number, False, "the arm's controller refused the trajectory")
            return
        self._goal_handle = handle
        handle.get_result_async().add_done_callback(lambda f: self._on_result(number, f))

    def _cancel_late(self, handle: Any) -> None:
        """The goal was given up before the controller answered."""
        waiting, self._late_cancel = self._late_cancel, None
        if waiting is not None:
            self._is_accepting = False
        if handle.accepted:
            answer = handle.cancel_goal_async()
            if waiting is not None:
                answer.add_done_callback(lambda f: waiting.set_result(f.result()))
        elif waiting is not None:
            waiting.set_result(None)

    def _on_result(self, number: int, future: Future) -> None:
        answer = future.result()
        is_ok = answer.status == _STATUS_SUCCEEDED and answer.result.error_code == 0
        reason = "" if is_ok else (answer.result.error_string or f"goal ended with status {answer.status}")
        self._finish(number, is_ok, reason)

    def _on_feedback(self, message: Any) -> None:
        errors = message.feedback.error.positions
        if len(errors):
            self._on_tracking_error(max(map(abs, errors)))

    def _finish(self, number: int, is_ok: bool, reason: str) -> None:
        if number != self._goal_number or self._done is None:
            return
        done, self._done = self._done, None
        self._goal_handle = None
        if not is_ok:
            self._last_end = None
        done(is_ok, reason)


def _points(trajectory: JointTrajectory) -> list[Any]:
    """Trajectory points without the first: the controller begins where its own reference is."""
    rows = zip(
        trajectory.time_s[1:].tolist(),
        trajectory.position[1:].tolist(),
        trajectory.velocity[1:].tolist(),
        trajectory.acceleration[1:].tolist(),
        strict=True,
    )
    points = [
        JointTrajectoryPoint(positions=p, velocities=v, accelerations=a, time_from_start=_duration(t))
        for t, p, v, a in rows
    ]
    # Exactly at rest: a controller refuses an end that still moves, be it by rounding.
    points[-1].velocities = [0.0] * len(points[-1].positions)
    return points


def _duration(time_s: float) -> Any:
    sec, nanosec = divmod(round(time_s * NS_PER_S), NS_PER_S)
    return Duration(sec=sec, nanosec=nanosec)
