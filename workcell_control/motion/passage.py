"""Moves along a path from rest to rest: timed, smoothed, and verified against every bound at every sample."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np

from workcell_control.motion.arrays import FloatArray, evenly
from workcell_control.motion.dynamics import ArmDynamics, tool_bounds, tool_rows
from workcell_control.motion.kinematics import Arm
from workcell_control.motion.limits import JointLimits, MotionScales
from workcell_control.motion.path import JointPath, blend_reach, blended, straight_leg
from workcell_control.motion.retiming import RateBounds, retimed
from workcell_control.motion.smoothing import smoothed
from workcell_control.motion.thinning import ACCELERATION_ERROR, VELOCITY_ERROR
from workcell_control.motion.timing import (
    grid_of,
    joined,
    joint_bounds,
    points_on,
    rate_squares,
    time_path,
)
from workcell_control.motion.trajectory import JointTrajectory, TrajectoryError, standing

PASSAGE_PERIOD_S = 0.005
"""Sample period: the smoothing costs one of them, and the tool's acceleration is looked at as often."""
_GRID_STEP_RAD = 0.04
_GRID_STEP_QUICK_RAD = 0.08
_TORQUE_SHARE = 0.97
"""Share of the torque limits that is planned with; torques are verified at every few samples."""
_TORQUE_STRIDE = 8
_TORQUE_NEAR = 0.8
"""From this share at every few samples on the torques of all are looked at."""
_TORQUE_NEARLY = 0.995
"""Share of the torque limits that a move is retimed with."""
_TORQUE_FAR = 0.5
"""Below this share of the limits a smoothed move is retimed without them; what it takes then is verified."""
_TOOL_SHARE = 0.9995
_TORQUE_MAX = 0.999
"""Share of the limits that a sample may take, so that they hold between samples."""
_EXCESS_TOLERANCE = 1e-9
_THINNED = MotionScales(1.0 - VELOCITY_ERROR, 1.0 - ACCELERATION_ERROR, 1.0)
"""What is left of the joints' limits for `thinned` to keep them."""
_CORRECTIONS_MAX = 12
_BETWEEN_PER_S2 = 80.0
"""Share by which the tool's acceleration may exceed that of samples between them, by the square of the time between."""
_WITHIN = (1e-6, 0.25, 0.5, 0.75, 1.0 - 1e-6)
"""Shares of an interval at which a retimed move is looked at."""
_TORQUE_STEP = 1.002
_TOLERANCE_TRIES = 16
_SHARE_OF_SMOOTHING = 0.6
_GENTLER = 0.75


@dataclass(frozen=True)
class MotionBounds:
    """What bounds a move besides where it goes."""

    limits: JointLimits
    """Of the joints, already scaled."""
    tool_acceleration_max_m_s2: float = math.inf
    """Such as the grip allows."""
    dynamics: ArmDynamics | None = None
    """Gives the torques to keep within the description's effort limits; None leaves them out."""
    is_retimed: bool = False
    """Whether to look for the fastest timing on the smoothed way, at several times the cost: for repeated moves."""


def move_along(
    arm: Arm, path: JointPath, bounds: MotionBounds, *, period_s: float = PASSAGE_PERIOD_S
) -> JointTrajectory:
    """The fastest move along `path` from rest to rest that the bounds allow.

    Args:
        arm: The arm.
        path: Where to go. Smoothing rounds it by at most acceleration * window^2 / 24, a few thousandths of [rad].
        bounds: What to respect.
        period_s: Sample period.
    """
    if path.length <= 0.0:
        return standing(path.sample(path.knots[:1])[0])
    bounds = replace(bounds, limits=bounds.limits.scaled(_THINNED))
    move, rate_square_max = _timed(arm, path, bounds, period_s, with_torque=False)
    torque = _torque_peak(move, bounds.dynamics)
    if torque > _TORQUE_SHARE:
        move, rate_square_max = _timed(arm, path, bounds, period_s, with_torque=True)
        torque = _torque_peak(move, bounds.dynamics)
    if bounds.is_retimed:
        move, torque = _retimed(arm, move, bounds, rate_square_max, torque)
    return _corrected(arm, move, bounds, torque)


def move_through(
    arm: Arm, positions: FloatArray, tolerance_rad: float, bounds: MotionBounds, *, period_s: float = PASSAGE_PERIOD_S
) -> JointTrajectory:
    """A move from rest through waypoints to rest, passing each within a tolerance without stopping.

    Args:
        arm: The arm.
        positions: Configurations, shape (k, n), k at least 2, no two neighbours the same.
        tolerance_rad: Largest distance at which a waypoint is passed, of the joint positions as a vector.
        bounds: What to respect.
        period_s: Sample period.

    Raises:
        TrajectoryError: the tolerance is too small for a move that does not stop.
    """
    share, gentle = 1.0, bounds
    for _ in range(_TOLERANCE_TRIES):
        path = path_through(positions, share * tolerance_rad)
        trajectory = move_along(arm, path, gentle, period_s=period_s)
        missed_rad = max((_distance_to(trajectory, position) for position in positions[1:-1]), default=0.0)
        if missed_rad <= tolerance_rad:
            return trajectory
        share *= max(0.5, 0.9 * tolerance_rad / missed_rad)
        if share < _SHARE_OF_SMOOTHING:
            # What the smoothing takes off a corner falls with the third power of the acceleration.
            gentle = replace(gentle, limits=gentle.limits.scaled(MotionScales(1.0, _GENTLER, 1.0)))
    raise TrajectoryError(f"no move passes its waypoints within {tolerance_rad:g} rad; stop at them instead")


def path_through(positions: FloatArray, tolerance_rad: float) -> JointPath:
    """Straight legs in joint space through waypoints, their corners rounded within a tolerance."""
    legs = [straight_leg(a, b) for a, b in itertools.pairwise(positions)]
    corners = zip(positions[:-2], positions[1:-1], positions[2:], strict=True)
    return blended(legs, [blend_reach(*corner, tolerance_rad) for corner in corners])


def _distance_to(trajectory: JointTrajectory, position: FloatArray) -> float:
    return float(np.sqrt(np.square(trajectory.position - position).sum(axis=1).min()))


def _timed(
    arm: Arm, path: JointPath, bounds: MotionBounds, period_s: float, *, with_torque: bool
) -> tuple[JointTrajectory, FloatArray | None]:
    """The smoothed move, and the largest square of a rate at each sample that the path's own bound would bear."""
    grid = grid_of(path, _GRID_STEP_RAD if bounds.is_retimed else _GRID_STEP_QUICK_RAD)
    points = points_on(path, grid)
    rows = [joint_bounds(points, bounds.limits.acceleration)]
    if math.isfinite(bounds.tool_acceleration_max_m_s2):
        rows.append(tool_bounds(arm, points, bounds.tool_acceleration_max_m_s2))
    if with_torque and bounds.dynamics is not None:
        rows.append(bounds.dynamics.path_bounds(points, _TORQUE_SHARE))
    timing = time_path(grid, joined(rows), rate_squares(path, grid, points, bounds.limits.velocity))
    duration_s = float(timing.times_s[-1])
    count = max(1, math.ceil(duration_s / period_s))
    step_s = duration_s / count
    places = timing.at(evenly(duration_s, count + 1))
    move = smoothed(path.sample(places), step_s, bounds.limits.jerk)
    return move, _rate_square_max(path, places, step_s, len(move.time_s)) if bounds.is_retimed else None


def _rate_square_max(path: JointPath, places: FloatArray, step_s: float, count: int) -> FloatArray | None:
    """What the bound of the path's rate leaves at each of `count` samples of the smoothed move; None where it has none.

    The move is an average over as many steps as it has more than the places it is made of.
    """
    if not np.isfinite(path.rate_max).any():
        return None
    pieces = path.pieces_of(0.5 * (places[1:] + places[:-1]))
    used = np.diff(places) / step_s / path.rate_max[pieces]
    window = count - len(places) + 1
    mean = np.convolve(np.concatenate([[0.0], used, [0.0]]), np.full(window, 1.0 / window))[:count]
    return np.asarray(1.0 / np.maximum(mean, 1e-2) ** 2)


def _retimed(
    arm: Arm, move: JointTrajectory, bounds: MotionBounds, rate_square_max: FloatArray | None, torque: float
) -> tuple[JointTrajectory, float]:
    """The move as fast as all bounds allow, and the torque that it takes then, as `_torque_peak`.

    Where the smoothed move takes little torque, the faster one is first looked for without regard to it.
    """
    for with_torque in (False, True) if torque < _TORQUE_FAR else (True,):
        faster = retimed(move, bounds.limits, _rate_bounds(arm, move, bounds, rate_square_max, with_torque))
        torque = _torque_peak(faster, bounds.dynamics)
        if torque <= _TORQUE_MAX:
            break
    return faster, torque


def _rate_bounds(
    arm: Arm, move: JointTrajectory, bounds: MotionBounds, rate_square_max: FloatArray | None, with_torque: bool
) -> RateBounds:
    tool_max = bounds.tool_acceleration_max_m_s2
    return RateBounds(
        [bounds.dynamics.rate_rows(move, _TORQUE_NEARLY)] if with_torque and bounds.dynamics is not None else [],
        tool_rows(arm, move, _TOOL_SHARE * tool_max) if math.isfinite(tool_max) else None,
        rate_square_max,
    )


def _corrected(arm: Arm, trajectory: JointTrajectory, bounds: MotionBounds, torque: float) -> JointTrajectory:
    """Takes back by going slower what the grid between its places, or the averaging of torques, let through.

    Args:
        arm: The arm.
        trajectory: What may exceed bounds a little.
        bounds: To keep.
        torque: `torque_excess` of the trajectory.
    """
    # Velocity and acceleration fall exactly with the factor and its square, those of the tool, too.
    factor = max(_slowing(trajectory, bounds), _tool_slowing(arm, trajectory, bounds))
    if factor > 1.0 + _EXCESS_TOLERANCE:
        trajectory = trajectory.dilated(factor)
        torque = _torque_peak(trajectory, bounds.dynamics)
    for _ in range(_CORRECTIONS_MAX):
        if torque <= _TORQUE_MAX:
            break
        trajectory = trajectory.dilated(max(_TORQUE_STEP, math.sqrt(torque)))
        torque = _torque_peak(trajectory, bounds.dynamics)
    return trajectory


def _slowing(trajectory: JointTrajectory, bounds: MotionBounds) -> float:
    """The dilation that velocity, acceleration and jerk of the joints ask for."""
    limits = bounds.limits
    if bounds.is_retimed:
        velocity, acceleration, jerk = _peaks_within(trajectory)
        jerk_share = float((jerk / limits.jerk).max())
    else:
        # What the smoothing alone makes has its jerk bounded by construction, and its acceleration is linear.
        velocity, acceleration = _velocity_peaks(trajectory), np.abs(trajectory.acceleration).max(axis=0)
        jerk_share = 0.0
    shares = float((velocity / limits.velocity).max()), float((acceleration / limits.acceleration).max())
    return max(1.0, shares[0], math.sqrt(shares[1]), math.cbrt(jerk_share))


def _peaks_within(trajectory: JointTrajectory) -> tuple[FloatArray, ...]:
    """Largest velocity, acceleration and jerk of each joint, shape (n,) each, at several times of every interval."""
    times = trajectory.time_s[:-1] + np.array(_WITHIN)[:, None] * np.diff(trajectory.time_s)
    return tuple(np.abs(values).max(axis=0) for values in trajectory.states_at(times.ravel())[1:])


def _velocity_peaks(trajectory: JointTrajectory) -> FloatArray:
    """Largest speed of each joint, shape (n,), also where the acceleration passes zero between samples."""
    at_samples = np.abs(trajectory.velocity).max(axis=0)
    before, after = trajectory.acceleration[:-1], trajectory.acceleration[1:]
    spans = (trajectory.time_s[1:] - trajectory.time_s[:-1])[:, None]
    share = np.where(before * after < 0.0, before / np.where(before == after, 1.0, before - after), 0.0)
    between = np.abs(trajectory.velocity[:-1] + 0.5 * before * share * spans)
    return np.asarray(np.maximum(at_samples, between.max(axis=0)))


def _tool_slowing(arm: Arm, trajectory: JointTrajectory, bounds: MotionBounds) -> float:
    if not math.isfinite(bounds.tool_acceleration_max_m_s2):
        return 1.0
    spans = trajectory.time_s[1:] - trajectory.time_s[:-1]
    tool = _tool_accelerations(arm, trajectory.position, trajectory.velocity, trajectory.acceleration)
    near = np.maximum(tool[1:], tool[:-1])
    if bounds.is_retimed:
        # Its rate changes between samples, too: it is looked at twice as often.
        middle = trajectory.states_at(trajectory.time_s[:-1] + 0.5 * spans)
        near = np.maximum(near, _tool_accelerations(arm, *middle[:3]))
        spans = 0.5 * spans
    peak = float((near * (1.0 + _BETWEEN_PER_S2 * spans**2)).max())
    return max(1.0, math.sqrt(peak / bounds.tool_acceleration_max_m_s2))


def tool_acceleration_peak(arm: Arm, trajectory: JointTrajectory) -> float:
    """Largest acceleration of the tool's origin at any sample, [m/s^2]."""
    tool = _tool_accelerations(arm, trajectory.position, trajectory.velocity, trajectory.acceleration)
    return float(tool.max())


def _tool_accelerations(arm: Arm, position: FloatArray, velocity: FloatArray, acceleration: FloatArray) -> FloatArray:
    tool = arm.tool_motion(position, velocity, acceleration).acceleration
    return np.asarray(np.sqrt((tool * tool).sum(axis=1)))


def _torque_peak(trajectory: JointTrajectory, dynamics: ArmDynamics | None) -> float:
    """`torque_excess`, of every sample only where it matters."""
    coarse = torque_excess(trajectory, dynamics, _TORQUE_STRIDE)
    return coarse if coarse < _TORQUE_NEAR else torque_excess(trajectory, dynamics)


def torque_excess(trajectory: JointTrajectory, dynamics: ArmDynamics | None, stride: int = 1) -> float:
    """Largest share of a torque limit that any joint uses at every `stride`-th sample; 0 without dynamics."""
    if dynamics is None:
        return 0.0
    rows = slice(None, None, stride)
    torques = dynamics.torques(trajectory.position[rows], trajectory.velocity[rows], trajectory.acceleration[rows])
    return float((np.abs(torques).max(axis=0) / dynamics.torque_max).max())
