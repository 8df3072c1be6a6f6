"""Straight beginnings and ends of a smoothed move, made as fast as their joints' jerk allows.

Averaging over a window bounds the jerk of the sharpest swing of a move, so that its begin and end, where the
acceleration changes by half as much, take twice as long as they need. Where the joints begin on a straight way there is
only one coordinate: its time-optimal profile into the move (Ruckig) takes the place of what the average made of it.
"""

from __future__ import annotations

import numpy as np
import ruckig

from workcell_control.motion.arrays import FloatArray
from workcell_control.motion.limits import JointLimits
from workcell_control.motion.trajectory import JointTrajectory, TrajectoryError, profile_of, sample_times

_STRAIGHT_RAD = 1e-9
_ROWS_MIN = 4
_PLACES = 4
"""How many places on the straight way are tried to go over into the move at."""
_WORTH_S = 1e-3
_JERK_SHARE = 0.998
"""What is left of the jerk limit for where the profile meets the move, by rounding only nearly."""


def hastened(trajectory: JointTrajectory, limits: JointLimits, share: float = 1.0) -> JointTrajectory:
    """The same way with a faster begin and end, where they are straight; it stays on its path.

    Args:
        trajectory: From rest to rest, its acceleration linear between samples.
        limits: Of the joints, kept by the trajectory.
        share: Of the acceleration on the straight way that may be used, since tool and torques bound that, too.
    """
    begun = _begun(trajectory, limits, share)
    ended = _begun(_reversed(begun), limits, share)
    return trajectory if ended.duration_s >= trajectory.duration_s else _reversed(ended)


def _reversed(trajectory: JointTrajectory) -> JointTrajectory:
    """Backwards in time."""
    return JointTrajectory(
        trajectory.duration_s - trajectory.time_s[::-1],
        trajectory.position[::-1],
        -trajectory.velocity[::-1],
        trajectory.acceleration[::-1],
    )


def _begun(trajectory: JointTrajectory, limits: JointLimits, share: float) -> JointTrajectory:
    """With a faster begin."""
    shift = trajectory.position - trajectory.position[0]
    direction = _direction(shift)
    if direction is None:
        return trajectory
    along = shift @ direction
    apart = np.abs(shift - along[:, None] * direction).max(axis=1)
    straight = int(np.argmax(apart > _STRAIGHT_RAD)) if (apart > _STRAIGHT_RAD).any() else len(apart) - 1
    if straight <= _ROWS_MIN:
        return trajectory
    speed, push = trajectory.velocity[:straight] @ direction, trajectory.acceleration[:straight] @ direction
    bounds = _along(direction, limits)
    # Not faster and not pushed harder than before: a tool's speed and acceleration, and torques, bound that, too.
    bounds[0] = min(bounds[0], float(np.abs(speed).max()))
    bounds[1] = share * min(bounds[1], float(np.abs(push).max()))
    best, best_gain_s = trajectory, _WORTH_S
    for row in np.unique(np.linspace(_ROWS_MIN, straight - 1, _PLACES).astype(int)).tolist():
        profile = _profile(float(along[row]), float(speed[row]), float(push[row]), bounds)
        gain_s = 0.0 if profile is None else float(trajectory.time_s[row]) - profile.duration
        if profile is not None and gain_s > best_gain_s:
            best, best_gain_s = _replaced(trajectory, row, profile, direction), gain_s
    return best


def _direction(shift: FloatArray) -> FloatArray | None:
    """In which the joints begin to move, a unit vector; None where they hardly do."""
    far = shift[min(_ROWS_MIN, len(shift) - 1)]
    length = float(np.linalg.norm(far))
    return None if length < _STRAIGHT_RAD else far / length


def _along(direction: FloatArray, limits: JointLimits) -> list[float]:
    """Velocity, acceleration and jerk limits along a direction of the joints."""
    share = np.maximum(np.abs(direction), 1e-9)
    jerk = limits.jerk * _JERK_SHARE
    return [float((limit / share).min()) for limit in (limits.velocity, limits.acceleration, jerk)]


def _profile(length: float, speed: float, push: float, bounds: list[float]) -> ruckig.Trajectory | None:
    """From rest into a state of motion; None where the bounds leave no way."""
    request = ruckig.InputParameter(1)
    request.current_position, request.target_position = [0.0], [length]
    request.target_velocity, request.target_acceleration = [speed], [push]
    request.max_velocity = [max(bounds[0], speed)]
    request.max_acceleration, request.max_jerk = [max(bounds[1], abs(push))], [bounds[2]]
    try:
        profile = profile_of(request)
    except TrajectoryError:
        return None
    return profile if profile.duration > 0.0 else None


def _replaced(
    trajectory: JointTrajectory, row: int, profile: ruckig.Trajectory, direction: FloatArray
) -> JointTrajectory:
    """With a profile along a direction in place of the samples before a row."""
    times = sample_times(profile, float(trajectory.time_s[1]))[:-1]
    states = np.array([profile.at_time(time_s) for time_s in times.tolist()])[:, :, 0]
    position, velocity, acceleration = (states[:, order, None] * direction for order in range(3))
    later = slice(row, None)
    return JointTrajectory(
        np.concatenate([times, trajectory.time_s[later] - trajectory.time_s[row] + profile.duration]),
        np.vstack([trajectory.position[0] + position, trajectory.position[later]]),
        np.vstack([velocity, trajectory.velocity[later]]),
        np.vstack([acceleration, trajectory.acceleration[later]]),
    )
