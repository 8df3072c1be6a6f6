"""Goals of the arm's trajectory action and why one is refused, after joint_trajectory_controller."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from workcell_sim.world.spline import Waypoint

FloatArray = npt.NDArray[np.float64]

# As the controller: a final velocity below the resolution of a 32-bit float is zero.
_ZERO_VELOCITY = float(np.finfo(np.float32).eps)
# A tolerance of a goal: unset (0) takes the default, negative means none, as control_msgs/JointTolerance says.
_UNCHECKED = math.inf
_NO_EFFORT = "Trajectories with effort fields are only supported for controllers using the 'effort' command interface."


class ErrorCode(IntEnum):
    """Error codes of control_msgs/action/FollowJointTrajectory."""

    SUCCESSFUL = 0
    INVALID_GOAL = -1
    INVALID_JOINTS = -2
    OLD_HEADER_TIMESTAMP = -3
    PATH_TOLERANCE_VIOLATED = -4
    GOAL_TOLERANCE_VIOLATED = -5


@dataclass(frozen=True)
class TrajectoryPoint:
    """One point as it came; empty lists mean not given."""

    time_s: float
    positions: Sequence[float]
    velocities: Sequence[float] = ()
    accelerations: Sequence[float] = ()
    effort: Sequence[float] = ()


@dataclass(frozen=True)
class JointTolerance:
    """Tolerance of one joint: 0 takes the default, negative switches the check off."""

    name: str
    position_rad: float = 0.0
    velocity_rad_s: float = 0.0


@dataclass(frozen=True)
class TrajectoryGoal:
    """A goal of the action as it came; `start_s` is 0 for now."""

    joint_names: Sequence[str]
    points: Sequence[TrajectoryPoint]
    path_tolerance: Sequence[JointTolerance] = ()
    goal_tolerance: Sequence[JointTolerance] = ()
    goal_time_tolerance_s: float = 0.0
    start_s: float = 0.0


@dataclass(frozen=True)
class Refusal:
    """Why a goal is not accepted."""

    code: ErrorCode
    reason: str


@dataclass(frozen=True)
class Tolerances:
    """Limits on the tracking error; infinite where not checked. Arrays have shape (joints,)."""

    path_rad: FloatArray
    path_rad_s: FloatArray
    goal_rad: FloatArray
    goal_rad_s: FloatArray
    goal_time_s: float


def refusal_of(goal: TrajectoryGoal, joints: Sequence[str], now_s: float) -> Refusal | None:
    """Checks a goal in the order the controller does; None if it is sound."""
    return (
        _joints_refusal(goal, joints)
        or _end_refusal(goal)
        or _age_refusal(goal, now_s)
        or _times_refusal(goal)
        or _sizes_refusal(goal)
        or _tolerance_refusal(goal, joints)
    )


def waypoints_of(goal: TrajectoryGoal, joints: Sequence[str]) -> list[Waypoint]:
    """The goal's points with the joints in the arm's order."""
    order = [list(goal.joint_names).index(name) for name in joints]
    columns = [[getattr(point, field) for point in goal.points] for field in ("velocities", "accelerations")]
    return [
        Waypoint(point.time_s, *states)
        for point, *states in zip(
            goal.points,
            np.array([point.positions for point in goal.points], dtype=np.float64)[:, order],
            *(_arranged(rows, order) for rows in columns),
            strict=True,
        )
    ]


def _arranged(rows: Sequence[Sequence[float]], order: Sequence[int]) -> Sequence[FloatArray | None]:
    """Values of each point in the arm's order, None for a point that has none."""
    if all(len(row) for row in rows):
        # All at once: a trajectory has some hundred points.
        return list(np.array(rows, dtype=np.float64)[:, order])
    return [np.array(row, dtype=np.float64)[order] if len(row) else None for row in rows]


def tolerances_of(goal: TrajectoryGoal, joints: Sequence[str], defaults: Tolerances) -> Tolerances:
    """The defaults with what the goal sets over them."""
    path = {tolerance.name: tolerance for tolerance in goal.path_tolerance}
    end = {tolerance.name: tolerance for tolerance in goal.goal_tolerance}
    none = JointTolerance("")

    def merged(given: dict[str, JointTolerance], field: str, base: FloatArray) -> FloatArray:
        values = [float(getattr(given.get(name, none), field)) for name in joints]
        return np.array([_resolve(value, default) for value, default in zip(values, base, strict=True)])

    time_s = _resolve(goal.goal_time_tolerance_s, defaults.goal_time_s)
    return Tolerances(
        path_rad=merged(path, "position_rad", defaults.path_rad),
        path_rad_s=merged(path, "velocity_rad_s", defaults.path_rad_s),
        goal_rad=merged(end, "position_rad", defaults.goal_rad),
        goal_rad_s=merged(end, "velocity_rad_s", defaults.goal_rad_s),
        goal_time_s=time_s,
    )


def _resolve(value: float, default: float) -> float:
    if value == 0.0:
        return default
    return value if value > 0.0 else _UNCHECKED


def _joints_refusal(goal: TrajectoryGoal, joints: Sequence[str]) -> Refusal | None:
    if len(goal.joint_names) != len(joints):
        return Refusal(ErrorCode.INVALID_JOINTS, "Joints on incoming trajectory don't match the controller joints.")
    if not goal.points:
        return Refusal(ErrorCode.INVALID_GOAL, "Empty trajectory received.")
    for name in goal.joint_names:
        if name not in joints:
            reason = f"Incoming joint {name} doesn't match the controller's joints."
            return Refusal(ErrorCode.INVALID_JOINTS, reason)
    if len(set(goal.joint_names)) != len(joints):
        return Refusal(ErrorCode.INVALID_JOINTS, "A joint is named twice on incoming trajectory.")
    return None


def _end_refusal(goal: TrajectoryGoal) -> Refusal | None:
    for name, velocity in zip(goal.joint_names, goal.points[-1].velocities, strict=False):
        if abs(velocity) > _ZERO_VELOCITY:
            reason = f"Velocity of last trajectory point of joint {name} is not zero: {velocity:.15f}"
            return Refusal(ErrorCode.INVALID_GOAL, reason)
    return None


def _age_refusal(goal: TrajectoryGoal, now_s: float) -> Refusal | None:
    if goal.start_s != 0.0 and goal.start_s + goal.points[-1].time_s < now_s:
        reason = f"Received trajectory with non-zero start time ({goal.start_s:f}) that ends in the past"
        return Refusal(ErrorCode.OLD_HEADER_TIMESTAMP, reason)
    return None


def _times_refusal(goal: TrajectoryGoal) -> Refusal | None:
    if goal.points[0].time_s < 0.0:
        return Refusal(ErrorCode.INVALID_GOAL, f"Time of the first point is negative: {goal.points[0].time_s:f}")
    for index, (before, after) in enumerate(zip(goal.points, goal.points[1:], strict=False)):
        if after.time_s <= before.time_s:
            reason = (
                f"Time between points {index} and {index + 1} is not strictly increasing, it is "
                f"{before.time_s:f} and {after.time_s:f} respectively"
            )
            return Refusal(ErrorCode.INVALID_GOAL, reason)
    return None


def _sizes_refusal(goal: TrajectoryGoal) -> Refusal | None:
    count = len(goal.joint_names)
    for index, point in enumerate(goal.points):
        for field, optional in (("positions", False), ("velocities", True), ("accelerations", True)):
            values = getattr(point, field)
            if len(values) != count and not (optional and len(values) == 0):
                reason = f"Mismatch between joint_names size ({count}) and {field} ({len(values)}) at point #{index}."
                return Refusal(ErrorCode.INVALID_GOAL, reason)
            if not all(map(math.isfinite, values)):
                return Refusal(ErrorCode.INVALID_GOAL, f"A value of {field} at point #{index} is not finite.")
        if len(point.effort):
            return Refusal(ErrorCode.INVALID_GOAL, _NO_EFFORT)
    return None


def _tolerance_refusal(goal: TrajectoryGoal, joints: Sequence[str]) -> Refusal | None:
    for tolerance in (*goal.path_tolerance, *goal.goal_tolerance):
        if tolerance.name not in joints:
            reason = f"joint '{tolerance.name}' specified in goal tolerances does not exist"
            return Refusal(ErrorCode.INVALID_JOINTS, reason)
    return None
