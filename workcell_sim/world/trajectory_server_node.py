"""The arm's action server: FollowJointTrajectory to and from the world."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from builtin_interfaces.msg import Duration
from control_msgs.action import FollowJointTrajectory
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.task import Future
from trajectory_msgs.msg import JointTrajectoryPoint

from workcell_ros.convert import NS_PER_S, ns_to_stamp, stamp_to_ns
from workcell_sim.world.cell_world import CellWorld
from workcell_sim.world.trajectory_executor import Feedback, GoalEnd, Outcome
from workcell_sim.world.trajectory_goal import JointTolerance, TrajectoryGoal, TrajectoryPoint

RESULT_KEPT_S = 10.0
"""As the rclcpp servers of ros2_control keep results: every status message lists all goals still kept."""
ACTION = "joint_trajectory_controller/follow_joint_trajectory"


class TrajectoryServer:
    """Accepts trajectories while open and tells their clients how they ended; `time_of` gives a stamp's world time."""

    def __init__(self, node: Any, world: CellWorld, time_of: Callable[[int], float]) -> None:
        self._node = node
        self._world = world
        self._time_of = time_of
        self._is_open = False
        self._last_read: tuple[Any, TrajectoryGoal] | None = None
        self._ends: dict[str, Any] = {}
        self._handles: dict[str, Any] = {}
        self._server = ActionServer(
            node,
            FollowJointTrajectory,
            ACTION,
            execute_callback=self._execute,
            goal_callback=self._on_goal,
            handle_accepted_callback=self._on_accepted,
            cancel_callback=self._on_cancel,
            result_timeout=RESULT_KEPT_S,
        )

    def open(self) -> None:
        """Starts to accept goals."""
        self._is_open = True

    def close(self) -> None:
        """Accepts no more goals."""
        self._is_open = False

    def destroy(self) -> None:
        """Takes the server off the graph."""
        self._server.destroy()

    def report(self, ends: list[GoalEnd]) -> None:
        """Hands each end to the goal that waits for it."""
        for end in ends:
            future = self._ends.get(end.goal_id)
            if future is not None and not future.done():
                future.set_result(end)

    def publish_feedback(self, feedback: Feedback | None, now_ns: int) -> None:
        """Sends feedback to the client of the active goal."""
        handle = self._handles.get(feedback.goal_id) if feedback is not None else None
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

    def _goal(self, request: Any) -> TrajectoryGoal:
        """The request with its start time, if it has one, on the world's clock; read once, checked and started."""
        if self._last_read is None or self._last_read[0] is not request:
            stamp_ns = stamp_to_ns(request.trajectory.header.stamp)
            self._last_read = request, _goal(request, self._time_of(stamp_ns) if stamp_ns else 0.0)
        return self._last_read[1]

    def _on_goal(self, request: Any) -> Any:
        if not self._is_open:
            self._node.get_logger().error("Can't accept new action goals. Controller is not running.")
            return GoalResponse.REJECT
        refusal = self._world.trajectory_refusal(self._goal(request))
        if refusal is None:
            return GoalResponse.ACCEPT
        self._node.get_logger().error(f"trajectory refused ({refusal.code.name}): {refusal.reason}")
        return GoalResponse.REJECT

    def _on_accepted(self, handle: Any) -> None:
        goal_id = _id(handle)
        self._ends[goal_id] = Future()
        self._handles[goal_id] = handle
        self._world.start_trajectory(goal_id, self._goal(handle.request))
        handle.execute()

    def _on_cancel(self, handle: Any) -> Any:
        self._world.cancel_trajectory(_id(handle))
        return CancelResponse.ACCEPT

    async def _execute(self, handle: Any) -> Any:
        # The end may have come before this began: only here it is taken away.
        goal_id = _id(handle)
        end: GoalEnd = await self._ends[goal_id]
        del self._ends[goal_id], self._handles[goal_id]
        if end.outcome is Outcome.SUCCEEDED:
            handle.succeed()
        elif end.outcome is Outcome.CANCELED:
            handle.canceled()
        else:
            handle.abort()
        return FollowJointTrajectory.Result(error_code=int(end.code), error_string=end.text)


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


def _id(handle: Any) -> str:
    return bytes(handle.goal_id.uuid).hex()
