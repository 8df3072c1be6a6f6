"""The arm's action server: FollowJointTrajectory to and from the world."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from builtin_interfaces.msg import Duration
from control_msgs.action import FollowJointTrajectory
from trajectory_msgs.msg import JointTrajectoryPoint

from workcell_ros.convert import NS_PER_S, ns_to_stamp, stamp_to_ns
from workcell_sim.world.cell_world import CellWorld
from workcell_sim.world.goal_server_node import GoalServer
from workcell_sim.world.trajectory_executor import Feedback, GoalEnd, Outcome
from workcell_sim.world.trajectory_goal import JointTolerance, TrajectoryGoal, TrajectoryPoint

ACTION = "joint_trajectory_controller/follow_joint_trajectory"


class TrajectoryServer(GoalServer[GoalEnd]):
    """Accepts trajectories while open and tells their clients how they ended; `time_of` gives a stamp's world time."""

    closed_refusal = "Can't accept new action goals. Controller is not running."
    """In the words of joint_trajectory_controller."""

    def __init__(self, node: Any, world: CellWorld, time_of: Callable[[int], float]) -> None:
        self._world = world
        self._time_of = time_of
        self._last_read: tuple[Any, TrajectoryGoal] | None = None
        super().__init__(node, FollowJointTrajectory, ACTION)

    def publish_feedback(self, feedback: Feedback | None, now_ns: int) -> None:
        """Sends feedback to the client of the active goal."""
        handle = self.handles.get(feedback.goal_id) if feedback is not None else None
        if feedback is None or handle is None:
            return
        message = FollowJointTrajectory.Feedback()
        message.header.stamp = ns_to_stamp(now_ns)
        message.joint_names = list(self._world.joints)
        time = _duration(feedback.time_s)
        message.desired = _point(feedback.desired_rad, feedback.desired_rad_s, time)
        message.actual = _point(feedback.actual_rad, feedback.actual_rad_s, time)
        error = feedback.desired_rad - feedback.actual_rad
        message.error = _point(error, feedback.desired_rad_s - feedback.actual_rad_s, time)
        handle.publish_feedback(message)

    def refusal(self, request: Any) -> str | None:
        """Why a trajectory is refused."""
        refusal = self._world.trajectory_refusal(self._goal(request))
        return None if refusal is None else f"trajectory refused ({refusal.code.name}): {refusal.reason}"

    def start(self, goal_id: str, request: Any) -> None:
        """Starts a trajectory."""
        self._world.start_trajectory(goal_id, self._goal(request))

    def cancel(self, goal_id: str) -> bool:
        """Brakes; the world reports when the arm has been stopped."""
        self._world.cancel_trajectory(goal_id)
        return False

    def finish(self, handle: Any, end: GoalEnd | None) -> Any:
        """Tells how the trajectory ended."""
        assert end is not None, "the world reports the end of every trajectory"
        if end.outcome is Outcome.SUCCEEDED:
            handle.succeed()
        elif end.outcome is Outcome.CANCELED:
            handle.canceled()
        else:
            handle.abort()
        return FollowJointTrajectory.Result(error_code=int(end.code), error_string=end.text)

    def _goal(self, request: Any) -> TrajectoryGoal:
        """The request with its start time, if it has one, on the world's clock; read once, checked and started."""
        if self._last_read is None or self._last_read[0] is not request:
            stamp_ns = stamp_to_ns(request.trajectory.header.stamp)
            self._last_read = request, _goal(request, self._time_of(stamp_ns) if stamp_ns else 0.0)
        return self._last_read[1]


def _goal(request: Any, start_s: float) -> TrajectoryGoal:
    trajectory = request.trajectory
    return TrajectoryGoal(
        joint_names=list(trajectory.joint_names),
        points=[
            TrajectoryPoint(
                time_s=_seconds(point.time_from_start),
                positions=point.positions,
                velocities=point.velocities,
                accelerations=point.accelerations,
                effort=point.effort,
            )
            for point in trajectory.points
        ],
        path_tolerance=[_tolerance(tolerance) for tolerance in request.path_tolerance],
        goal_tolerance=[_tolerance(tolerance) for tolerance in request.goal_tolerance],
        goal_time_tolerance_s=_seconds(request.goal_time_tolerance),
        start_s=start_s,
    )


def _tolerance(message: Any) -> JointTolerance:
    return JointTolerance(message.name, message.position, message.velocity)


def _point(position: Any, velocity: Any, time: Any) -> Any:
    return JointTrajectoryPoint(positions=position.tolist(), velocities=velocity.tolist(), time_from_start=time)


def _duration(time_s: float) -> Any:
    sec, nanosec = divmod(round(time_s * NS_PER_S), NS_PER_S)
    return Duration(sec=sec, nanosec=nanosec)


def _seconds(message: Any) -> float:
    return float(message.sec) + float(message.nanosec) / NS_PER_S
