"""Time-optimal, jerk-limited trajectories of the joints, sampled for a trajectory controller.

Profiles come from Ruckig (Berscheid and Kroeger, "Jerk-limited Real-time Trajectory Generation with
Arbitrary Target States", RSS 2021).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import ruckig

from workcell_control.motion.arrays import FloatArray, frozen_array
from workcell_control.motion.limits import JointLimits

DEFAULT_PERIOD_S = 0.04
"""Sample period: with position, velocity and acceleration per sample the controller's quintic is faithful."""
_VIA_SPEED_FACTORS = (0.0, 0.5, 1.0, 1.4)
_STANDSTILL = 1e-9


class TrajectoryError(ValueError):
    """No trajectory exists for the request; the text says which bound is in the way."""


@dataclass(frozen=True)
class JointState:
    """Position [rad], velocity [rad/s] and acceleration [rad/s^2] of n joints, each of shape (n,)."""

    position: FloatArray
    velocity: FloatArray
    acceleration: FloatArray

    def __post_init__(self) -> None:
        for name in ("position", "velocity", "acceleration"):
            object.__setattr__(self, name, frozen_array(getattr(self, name)))

    @staticmethod
    def at_rest(position: FloatArray | Sequence[float]) -> JointState:
        """The state standing still at `position`."""
        zero = np.zeros(len(position))
        return JointState(frozen_array(position), zero, zero)

    @property
    def is_at_rest(self) -> bool:
        """Whether neither velocity nor acceleration differs from zero."""
        return not (np.abs(self.velocity).max() > _STANDSTILL or np.abs(self.acceleration).max() > _STANDSTILL)


@dataclass(frozen=True)
class JointTrajectory:
    """k samples of n joints: `time_s` (k,) rising from 0, the others (k, n); read-only arrays."""

    time_s: FloatArray
    position: FloatArray
    velocity: FloatArray
    acceleration: FloatArray

    def __post_init__(self) -> None:
        for name in ("time_s", "position", "velocity", "acceleration"):
            object.__setattr__(self, name, frozen_array(getattr(self, name)))

    @property
    def duration_s(self) -> float:
        """Time of the last sample."""
        return float(self.time_s[-1])

    @property
    def start(self) -> JointState:
        """State at time 0."""
        return JointState(self.position[0], self.velocity[0], self.acceleration[0])

    @property
    def end(self) -> JointState:
        """State at the last sample."""
        return JointState(self.position[-1], self.velocity[-1], self.acceleration[-1])

    def dilated(self, factor: float) -> JointTrajectory:
        """The same path `factor` times slower: velocity / factor, acceleration / factor^2, jerk / factor^3."""
        return JointTrajectory(
            self.time_s * factor, self.position, self.velocity / factor, self.acceleration / factor**2
        )

    def then(self, following: JointTrajectory) -> JointTrajectory:
        """This trajectory and then `following`, whose first sample repeats this one's last."""
        return JointTrajectory(
            np.concatenate([self.time_s, following.time_s[1:] + self.duration_s]),
            np.vstack([self.position, following.position[1:]]),
            np.vstack([self.velocity, following.velocity[1:]]),
            np.vstack([self.acceleration, following.acceleration[1:]]),
        )

    def position_at(self, time_s: float) -> FloatArray:
        """Joint position at `time_s` by the quintic between samples, as a trajectory controller follows it."""
        k = int(np.clip(np.searchsorted(self.time_s, time_s, side="right") - 1, 0, len(self.time_s) - 2))
        span = float(self.time_s[k + 1] - self.time_s[k])
        if span <= 0.0:
            return np.array(self.position[k + 1])
        u = min(max((time_s - float(self.time_s[k])) / span, 0.0), 1.0)
        p0, v0, a0 = self.position[k], self.velocity[k] * span, self.acceleration[k] * span**2
        p1, v1, a1 = self.position[k + 1], self.velocity[k + 1] * span, self.acceleration[k + 1] * span**2
        d = p1 - p0
        c3 = 10.0 * d - 6.0 * v0 - 4.0 * v1 - 1.5 * a0 + 0.5 * a1
        c4 = -15.0 * d + 8.0 * v0 + 7.0 * v1 + 1.5 * a0 - a1
        c5 = 6.0 * d - 3.0 * (v0 + v1) - 0.5 * (a0 - a1)
        result: FloatArray = p0 + u * (v0 + u * (0.5 * a0 + u * (c3 + u * (c4 + u * c5))))
        return result


def joint_move(
    start: JointState,
    goal: FloatArray,
    limits: JointLimits,
    *,
    goal_velocity: FloatArray | None = None,
    period_s: float = DEFAULT_PERIOD_S,
) -> JointTrajectory:
    """The fastest move of all joints from `start` to `goal`, all arriving together.

    Args:
        start: May be moving, also faster than `limits` (it is then braked first).
        goal: Joint positions, shape (n,).
        limits: Bounds to respect, already scaled.
        goal_velocity: Velocity on arrival, zero where not given.
        period_s: Sample period.

    Raises:
        TrajectoryError: the goal lies outside the position limits, or no profile exists.
    """
    _demand_inside(goal, limits)
    request = _profile_request(start, limits)
    request.target_position = goal.tolist()
    if goal_velocity is not None:
        request.target_velocity = goal_velocity.tolist()
    return _sampled(profile_of(request), period_s)


def move_through(
    start: JointState,
    waypoints: Sequence[FloatArray],
    limits: JointLimits,
    *,
    period_s: float = DEFAULT_PERIOD_S,
) -> JointTrajectory:
    """A move from `start` to the last of `waypoints` through the others without stopping where that is faster.

    The speed through a waypoint is the mean of the two neighbouring legs' mean speeds for joints that keep
    their direction and zero for those that turn, times the best of a few factors.

    Raises:
        TrajectoryError: as `joint_move`.
    """
    if len(waypoints) == 1:
        return joint_move(start, waypoints[0], limits, period_s=period_s)
    rest_speeds = _via_velocities(start, waypoints, limits)
    options = []
    for factor in _VIA_SPEED_FACTORS:
        state, legs = start, []
        for goal, velocity in zip(waypoints, [*rest_speeds, np.zeros(len(start.position))], strict=True):
            legs.append(joint_move(state, goal, limits, goal_velocity=velocity * factor, period_s=period_s))
            state = JointState(goal, velocity * factor, np.zeros(len(goal)))
        options.append(_joined(legs))
    inside = [option for option in options if limits.contains(option.position)]
    return min(inside or options[:1], key=lambda option: option.duration_s)


def brake(state: JointState, limits: JointLimits, *, period_s: float = DEFAULT_PERIOD_S) -> JointTrajectory:
    """The fastest way from a moving `state` to standing still, wherever that is.

    Every joint brakes on its own as hard as `limits` allow (use the unscaled ones).

    Raises:
        TrajectoryError: no profile exists.
    """
    if state.is_at_rest:
        return standing(state.position)
    request = _profile_request(state, limits)
    request.control_interface = ruckig.ControlInterface.Velocity
    request.synchronization = ruckig.Synchronization.No
    request.target_velocity = [0.0] * len(state.position)
    return _sampled(profile_of(request), period_s)


def _via_velocities(start: JointState, waypoints: Sequence[FloatArray], limits: JointLimits) -> list[FloatArray]:
    points = [start.position, *waypoints]
    means = []
    for a, b in itertools.pairwise(points):
        leg = joint_move(JointState.at_rest(a), b, limits)
        means.append((b - a) / max(leg.duration_s, 1e-6))
    return [np.where(u * v > 0.0, 0.5 * (u + v), 0.0) for u, v in itertools.pairwise(means)]


def _joined(legs: Sequence[JointTrajectory]) -> JointTrajectory:
    joined = legs[0]
    for leg in legs[1:]:
        joined = joined.then(leg)
    return joined


def _profile_request(start: JointState, limits: JointLimits) -> ruckig.InputParameter:
    request = ruckig.InputParameter(len(start.position))
    request.current_position = start.position.tolist()
    request.current_velocity = start.velocity.tolist()
    request.current_acceleration = start.acceleration.tolist()
    request.max_velocity = limits.velocity.tolist()
    request.max_acceleration = limits.acceleration.tolist()
    request.max_jerk = limits.jerk.tolist()
    return request


def profile_of(request: ruckig.InputParameter) -> ruckig.Trajectory:
    """Ruckig's profile, its refusals as `TrajectoryError`."""
    trajectory = ruckig.Trajectory(request.degrees_of_freedom)
    try:
        outcome = ruckig.Ruckig(request.degrees_of_freedom).calculate(request, trajectory)
    except ruckig.RuckigError as error:
        raise TrajectoryError(f"no jerk-limited profile: {error}") from error
    if outcome not in (ruckig.Result.Working, ruckig.Result.Finished):
        raise TrajectoryError(f"no jerk-limited profile: {outcome.name} for {request}")
    return trajectory


def _sampled(profile: ruckig.Trajectory, period_s: float) -> JointTrajectory:
    if profile.duration <= 0.0:
        return standing(np.array(profile.at_time(0.0)[0]))
    # Equal steps no longer than the period, so that the last one is not a sliver.
    count = max(2, math.ceil(profile.duration / period_s) + 1)
    times = np.linspace(0.0, profile.duration, count)
    samples = np.array([profile.at_time(t) for t in times.tolist()])
    return JointTrajectory(times, samples[:, 0], samples[:, 1], samples[:, 2])


def standing(position: FloatArray) -> JointTrajectory:
    """A trajectory of one sample: stay where you are."""
    zero = np.zeros((1, len(position)))
    return JointTrajectory(np.zeros(1), np.asarray(position, dtype=float)[None, :], zero, zero)


def _demand_inside(goal: FloatArray, limits: JointLimits) -> None:
    outside = np.flatnonzero((goal < limits.lower - 1e-9) | (goal > limits.upper + 1e-9))
    if len(outside):
        i = int(outside[0])
        raise TrajectoryError(
            f"goal of joint {i + 1} is {goal[i]:.4f} rad: valid {limits.lower[i]:.4f}..{limits.upper[i]:.4f}"
        )
