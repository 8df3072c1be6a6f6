"""Straight tool paths: sampled by inverse kinematics, put on one path coordinate, timed by jerk-limited profiles."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import ruckig

from workcell_control.motion.arrays import FloatArray, evenly
from workcell_control.motion.cubic import CubicSpline
from workcell_control.motion.kinematics import Arm
from workcell_control.motion.limits import JointLimits
from workcell_control.motion.trajectory import (
    JointTrajectory,
    TrajectoryError,
    profile_of,
    sample_times,
)

_PERIOD_S = 0.04
_LINE_STEP_M = 0.01
_LINE_SAMPLES_MIN = 9
_LINE_JOINT_STEP_MAX_RAD = 0.2
_TURN_TO_LENGTH_M = 0.1
"""Path length that one radian of tool rotation counts for on a straight line."""
_PUSH_SHARE = 0.998
"""Of a bound of the tool's acceleration: the spline is the line only nearly."""
_CHECK_SAMPLES = 101
_BETWEEN_SAMPLES = 1.005
"""By how much more a bound may be exceeded between the samples that are checked."""


def line_move(
    line: ToolLine,
    limits: JointLimits,
    *,
    speed_max_m_s: float = math.inf,
    acceleration_max_m_s2: float = math.inf,
    period_s: float = _PERIOD_S,
) -> JointTrajectory:
    """Move the tool along a line from rest to rest.

    Args:
        line: Where to go.
        limits: Bounds of the joints to respect, already scaled.
        speed_max_m_s: Bound of the tool's speed.
        acceleration_max_m_s2: Bound of the tool's acceleration.
        period_s: Longest time between samples.
    """
    path = _line_path(line)
    _, slope, _, _ = path.spline.orders(path.grid)
    slope_max = np.maximum(np.abs(slope).max(axis=0), 1e-9)
    request = ruckig.InputParameter(1)
    request.current_position = [0.0]
    request.target_position = [path.length]
    request.max_velocity = [min(float((limits.velocity / slope_max).min()), speed_max_m_s)]
    push_max = float((limits.acceleration / slope_max).min())
    request.max_acceleration = [min(push_max, _PUSH_SHARE * acceleration_max_m_s2)]
    request.max_jerk = [float((limits.jerk / slope_max).min())]
    profile = profile_of(request)
    # The profile's bounds know the path's slope; what its curvature adds is taken back by slowing down,
    # which is exact: a factor k divides velocity, acceleration and jerk by k, k^2 and k^3.
    factor = _line_excess(path, profile, limits)
    # Also where the jerk changes: quintics through samples on both sides of it would overshoot.
    times = sample_times(profile, period_s / factor)
    s, s_dot, s_ddot = _scalar_samples(profile, times)
    position, first, second, _ = path.spline.orders(s)
    trajectory = JointTrajectory(
        times, position, first * s_dot[:, None], second * s_dot[:, None] ** 2 + first * s_ddot[:, None]
    )
    return trajectory.dilated(factor) if factor > 1.0 else trajectory


@dataclass(frozen=True)
class ToolLine:
    """A straight line of the tool as configurations, evenly spaced along it.

    `position` has shape (k, n), k at least 9; `length_m` counts a turn of the tool as the way it is worth.
    """

    position: FloatArray
    length_m: float

    def reversed(self) -> ToolLine:
        """The same line from its end to its start."""
        return ToolLine(self.position[::-1], self.length_m)


def tool_line(arm: Arm, start: FloatArray, goal_pose: FloatArray, goal: FloatArray | None = None) -> ToolLine | None:
    """The configurations on the straight line from `start` to a tool pose, on one branch; None where it has no length.

    The tool's orientation turns about one fixed axis.

    Args:
        arm: The arm.
        start: Configuration at the start, shape (n,).
        goal_pose: Tool pose at the end, shape (4, 4).
        goal: The configuration there, where it is known: the line is first looked for between the two.

    Raises:
        TrajectoryError: the line leaves the arm's reach or limits, or passes a singularity.
    """
    start_pose = arm.fk(start)
    way = _way_between(start_pose, goal_pose)
    if way.length_m < 1e-9:
        return None
    poses = _poses_along(start_pose, way)
    positions = _followed_at_once(arm, np.asarray(start, dtype=np.float64), poses, goal)
    if positions is None:
        positions = _followed_stepwise(arm, start, poses)
    return ToolLine(positions, way.length_m)


def _followed_at_once(arm: Arm, start: FloatArray, poses: FloatArray, goal: FloatArray | None) -> FloatArray | None:
    """All poses from seeds between the ends' configurations: nearly always enough, and much faster than in turn."""
    if goal is None:
        ends = arm.ik(poses[-1], start)
        if not ends:
            return None
        goal = ends[0]
    found = start + evenly(1.0, len(poses))[:, None] * (goal - start)
    found[1:-1] = arm.ik_along(poses[1:-1], found[1:-1])
    steps = np.abs(found[1:] - found[:-1]).max(axis=1)
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


def _line_path(line: ToolLine) -> _LinePath:
    spline = CubicSpline(line.length_m, line.position)
    return _LinePath(line.length_m, evenly(line.length_m, _CHECK_SAMPLES), spline)


@dataclass(frozen=True)
class _Way:
    """From one pose to another: shift (3,), axis times angle (3,) in the first one's axes, and what both count for."""

    shift: FloatArray
    turn: FloatArray
    length_m: float


def _way_between(start_pose: FloatArray, goal_pose: FloatArray) -> _Way:
    shift = goal_pose[:3, 3] - start_pose[:3, 3]
    turn = _rotation_vector(start_pose[:3, :3].T @ goal_pose[:3, :3])
    length_m = max(math.sqrt(float(shift @ shift)), math.sqrt(float(turn @ turn)) * _TURN_TO_LENGTH_M)
    return _Way(shift, turn, length_m)


def _poses_along(start_pose: FloatArray, way: _Way) -> FloatArray:
    """Poses (k, 4, 4) on the straight line, at most 10 mm (or 0.1 rad) apart, ends included."""
    count = max(_LINE_SAMPLES_MIN, math.ceil(way.length_m / _LINE_STEP_M) + 1)
    shares = evenly(1.0, count)
    poses = np.zeros((count, 4, 4))
    poses[:, 3, 3] = 1.0
    poses[:, :3, 3] = start_pose[:3, 3] + shares[:, None] * way.shift
    turned = _rotation_matrices(way.turn, shares)
    poses[:, :3, :3] = start_pose[:3, :3] if turned is None else start_pose[:3, :3] @ turned
    return poses


def _line_excess(path: _LinePath, profile: ruckig.Trajectory, limits: JointLimits) -> float:
    """By how much a straight move must be slowed down for every joint bound to hold; at least 1."""
    times = evenly(profile.duration, _CHECK_SAMPLES)
    s, s_dot, s_ddot = (column[:, None] for column in _scalar_samples(profile, times))
    jerk_max = float(np.abs(s_ddot[1:] - s_ddot[:-1]).max() / (times[1] - times[0]))
    _, first, second, third = path.spline.orders(s[:, 0])
    velocity = np.abs(first * s_dot) / limits.velocity
    acceleration = np.abs(second * s_dot**2 + first * s_ddot) / limits.acceleration
    jerk = (np.abs(third * s_dot**3 + 3.0 * second * s_dot * s_ddot) + np.abs(first) * jerk_max) / limits.jerk
    excess = max(float(velocity.max()), math.sqrt(float(acceleration.max())), math.cbrt(float(jerk.max())))
    return max(1.0, excess * _BETWEEN_SAMPLES)


def _scalar_samples(profile: ruckig.Trajectory, times: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Position, velocity and acceleration of a profile from rest, by its phases of constant jerk."""
    ((phases,),) = profile.profiles
    begins = np.cumsum([0.0, *phases.t])
    phase = begins[1:-1].searchsorted(times, side="right")
    since = times - begins[phase]
    position, velocity, push, jerk = (np.array(values)[phase] for values in (phases.p, phases.v, phases.a, phases.j))
    return (
        position + since * (velocity + since * (0.5 * push + since * (jerk / 6.0))),
        velocity + since * (push + since * (0.5 * jerk)),
        push + since * jerk,
    )


def _rotation_vector(rotation: FloatArray) -> FloatArray:
    """Axis times angle of a rotation matrix (Rodrigues), shape (3,), angle in [0, pi]."""
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation.tolist()
    skew = np.array([zy - yz, xz - zx, yx - xy])
    sine = 0.5 * math.sqrt(float(skew @ skew))
    angle = math.atan2(sine, 0.5 * (xx + yy + zz - 1.0))
    if sine > 1e-9:
        return skew * (0.5 * angle / sine)
    if angle < 1.0:
        return 0.5 * skew
    # Half a turn: the axis is the eigenvector that the symmetric part leaves.
    column = int(np.argmax(np.diag(rotation)))
    axis = rotation[:, column] + np.eye(3)[:, column]
    return np.asarray(axis / np.linalg.norm(axis) * angle)


def _rotation_matrices(axis_angle: FloatArray, shares: FloatArray) -> FloatArray | None:
    """Rotations by shares of a turn, (k, 3, 3): inverse of `_rotation_vector`; None for no turn at all."""
    angle = math.sqrt(float(axis_angle @ axis_angle))
    if angle < 1e-12:
        return None
    x, y, z = axis_angle / angle
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    sine, rest = np.sin(angle * shares)[:, None, None], (1.0 - np.cos(angle * shares))[:, None, None]
    return np.asarray(np.eye(3) + sine * cross + rest * (cross @ cross))
