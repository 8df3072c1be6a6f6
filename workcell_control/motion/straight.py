"""Straight tool paths: sampled by inverse kinematics, put on one path coordinate, timed by jerk-limited profiles."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import ruckig

from workcell_control.motion.arrays import FloatArray
from workcell_control.motion.cubic import CubicSpline
from workcell_control.motion.kinematics import Arm
from workcell_control.motion.limits import JointLimits
from workcell_control.motion.trajectory import (
    JointTrajectory,
    TrajectoryError,
    profile_of,
    standing,
)

_PERIOD_S = 0.04
_LINE_STEP_M = 0.01
_LINE_SAMPLES_MIN = 9
_LINE_JOINT_STEP_MAX_RAD = 0.2
_TURN_TO_LENGTH_M = 0.1
"""Path length that one radian of tool rotation counts for on a straight line."""
_CHECK_SAMPLES = 101
_BETWEEN_SAMPLES = 1.005
"""By how much more a bound may be exceeded between the samples that are checked."""


def straight_move(
    arm: Arm,
    start: FloatArray,
    goal_pose: FloatArray,
    limits: JointLimits,
    *,
    speed_max_m_s: float = math.inf,
    period_s: float = _PERIOD_S,
) -> JointTrajectory:
    """Move the tool from rest at configuration `start` to `goal_pose` on a straight line, to rest.

    Orientation turns about one fixed axis. Every sample lies on the branch of `start`.

    Args:
        arm: The arm.
        start: Configuration at the start, shape (n,).
        goal_pose: Tool pose at the end, (4, 4).
        limits: Bounds to respect, already scaled.
        speed_max_m_s: Bound of the tool's speed.
        period_s: Sample period.

    Raises:
        TrajectoryError: the line leaves the arm's reach or limits, or passes a singularity.
    """
    path = _line_path(arm, start, goal_pose)
    if path is None:
        return standing(start)
    slope = np.abs(path.spline.sample(path.grid, 1))
    slope_max = np.maximum(slope.max(axis=0), 1e-9)
    request = ruckig.InputParameter(1)
    request.current_position = [0.0]
    request.target_position = [path.length]
    request.max_velocity = [min(float((limits.velocity / slope_max).min()), speed_max_m_s)]
    request.max_acceleration = [float((limits.acceleration / slope_max).min())]
    request.max_jerk = [float((limits.jerk / slope_max).min())]
    profile = profile_of(request)
    # The profile's bounds know the path's slope; what its curvature adds is taken back by slowing down,
    # which is exact: a factor k divides velocity, acceleration and jerk by k, k^2 and k^3.
    factor = _line_excess(path, profile, limits)
    count = max(2, math.ceil(profile.duration * factor / period_s) + 1)
    times = np.linspace(0.0, profile.duration, count)
    s, s_dot, s_ddot = _scalar_samples(profile, times)
    first, second = path.spline.sample(s, 1), path.spline.sample(s, 2)
    trajectory = JointTrajectory(
        times, path.spline.sample(s), first * s_dot[:, None], second * s_dot[:, None] ** 2 + first * s_ddot[:, None]
    )
    return trajectory.dilated(factor) if factor > 1.0 else trajectory


@dataclass(frozen=True)
class ToolLine:
    """A straight line of the tool as configurations, evenly spaced along it.

    `position` has shape (k, n), k at least 9; `length_m` counts a turn of the tool as the way it is worth.
    """

    position: FloatArray
    length_m: float


def tool_line(arm: Arm, start: FloatArray, goal_pose: FloatArray, goal: FloatArray | None = None) -> ToolLine | None:
    """The configurations on the straight line from `start` to a tool pose, on one branch; None where it has no length.

    Args:
        arm: The arm.
        start: Configuration at the start, shape (n,).
        goal_pose: Tool pose at the end, shape (4, 4).
        goal: A configuration there, where one is known: the line is first looked for between the two.

    Raises:
        TrajectoryError: the line leaves the arm's reach or limits, or passes a singularity.
    """
    start_pose = arm.fk(start)
    length = _pose_distance(start_pose, goal_pose)
    if length < 1e-9:
        return None
    poses = line_poses(start_pose, goal_pose)
    positions = _followed_at_once(arm, np.asarray(start, dtype=np.float64), poses, goal)
    if positions is None:
        positions = _followed_stepwise(arm, start, poses)
    return ToolLine(positions, length)


def _followed_at_once(arm: Arm, start: FloatArray, poses: FloatArray, goal: FloatArray | None) -> FloatArray | None:
    """All poses from seeds between the ends' configurations: nearly always enough, and much faster than in turn."""
    if goal is None:
        ends = arm.ik(poses[-1], start)
        if not ends:
            return None
        goal = ends[0]
    seeds = start + np.linspace(0.0, 1.0, len(poses))[:, None] * (goal - start)
    found = arm.ik_along(poses, seeds)
    found[0] = start
    steps = np.abs(np.diff(found, axis=0)).max(axis=1)
    # On one branch steps change gradually; a jump to another one stands out.
    is_even = steps.max() <= min(_LINE_JOINT_STEP_MAX_RAD, 3.0 * steps.mean() + 1e-3)
    return found if is_even else None


def _followed_stepwise(arm: Arm, start: FloatArray, poses: FloatArray) -> FloatArray:
    positions = [np.asarray(start, dtype=np.float64)]
    for index, pose in enumerate(poses[1:], start=1):
        found = arm.ik_near(pose, positions[-1])
        if found is None or np.abs(found - positions[-1]).max() > _LINE_JOINT_STEP_MAX_RAD:
            share = 100.0 * index / (len(poses) - 1)
            raise TrajectoryError(
                f"straight line to {np.round(poses[-1][:3, 3], 4).tolist()} m breaks off after {share:.0f} %: "
                "the arm is out of reach, at a joint limit or at a singularity there"
            )
        positions.append(found)
    return np.array(positions)


@dataclass(frozen=True)
class _LinePath:
    """Joint positions as a spline over the path coordinate s in [0, length]."""

    length: float
    grid: FloatArray
    spline: CubicSpline


def _line_path(arm: Arm, start: FloatArray, goal_pose: FloatArray) -> _LinePath | None:
    line = tool_line(arm, start, goal_pose)
    if line is None:
        return None
    spline = CubicSpline(np.linspace(0.0, line.length_m, len(line.position)), line.position)
    return _LinePath(line.length_m, np.linspace(0.0, line.length_m, _CHECK_SAMPLES), spline)


def line_poses(start_pose: FloatArray, goal_pose: FloatArray) -> FloatArray:
    """Poses (k, 4, 4) on the straight line between two, at most 5 mm (or 0.05 rad) apart, ends included."""
    count = max(_LINE_SAMPLES_MIN, math.ceil(_pose_distance(start_pose, goal_pose) / _LINE_STEP_M) + 1)
    axis_angle = _rotation_vector(start_pose[:3, :3].T @ goal_pose[:3, :3])
    shares = np.linspace(0.0, 1.0, count)
    poses = np.zeros((count, 4, 4))
    poses[:, 3, 3] = 1.0
    poses[:, :3, 3] = start_pose[:3, 3] + shares[:, None] * (goal_pose[:3, 3] - start_pose[:3, 3])
    poses[:, :3, :3] = start_pose[:3, :3] @ _rotation_matrices(axis_angle, shares)
    return poses


def _pose_distance(start_pose: FloatArray, goal_pose: FloatArray) -> float:
    shift = float(np.linalg.norm(goal_pose[:3, 3] - start_pose[:3, 3]))
    turn = float(np.linalg.norm(_rotation_vector(start_pose[:3, :3].T @ goal_pose[:3, :3])))
    return max(shift, turn * _TURN_TO_LENGTH_M)


def _line_excess(path: _LinePath, profile: ruckig.Trajectory, limits: JointLimits) -> float:
    """By how much a straight move must be slowed down for every joint bound to hold; at least 1."""
    times = np.linspace(0.0, profile.duration, _CHECK_SAMPLES)
    s, s_dot, s_ddot = (column[:, None] for column in _scalar_samples(profile, times))
    jerk_max = float(np.abs(np.diff(s_ddot[:, 0])).max() / (times[1] - times[0]))
    first, second, third = (path.spline.sample(s[:, 0], order) for order in (1, 2, 3))
    velocity = np.abs(first * s_dot) / limits.velocity
    acceleration = np.abs(second * s_dot**2 + first * s_ddot) / limits.acceleration
    jerk = (np.abs(third * s_dot**3 + 3.0 * second * s_dot * s_ddot) + np.abs(first) * jerk_max) / limits.jerk
    excess = max(float(velocity.max()), math.sqrt(float(acceleration.max())), math.cbrt(float(jerk.max())))
    return max(1.0, excess * _BETWEEN_SAMPLES)


def _scalar_samples(profile: ruckig.Trajectory, times: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    samples = np.array([profile.at_time(t) for t in times.tolist()])[:, :, 0]
    return samples[:, 0], samples[:, 1], samples[:, 2]


def _rotation_vector(rotation: FloatArray) -> FloatArray:
    """Axis times angle of a rotation matrix (Rodrigues), shape (3,), angle in [0, pi]."""
    skew = np.array([rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]])
    sine = 0.5 * float(np.linalg.norm(skew))
    angle = math.atan2(sine, 0.5 * (float(np.trace(rotation)) - 1.0))
    if sine > 1e-9:
        return skew * (0.5 * angle / sine)
    if angle < 1.0:
        return 0.5 * skew
    # Half a turn: the axis is the eigenvector that the symmetric part leaves.
    column = int(np.argmax(np.diag(rotation)))
    axis = rotation[:, column] + np.eye(3)[:, column]
    return np.asarray(axis / np.linalg.norm(axis) * angle)


def _rotation_matrices(axis_angle: FloatArray, shares: FloatArray) -> FloatArray:
    """Rotations by shares of a turn, (k, 3, 3): inverse of `_rotation_vector`."""
    angle = float(np.linalg.norm(axis_angle))
    if angle < 1e-12:
        return np.broadcast_to(np.eye(3), (len(shares), 3, 3))
    x, y, z = axis_angle / angle
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    sine, rest = np.sin(angle * shares)[:, None, None], (1.0 - np.cos(angle * shares))[:, None, None]
    return np.asarray(np.eye(3) + sine * cross + rest * (cross @ cross))
