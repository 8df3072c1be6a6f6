"""Time-optimal, jerk-limited trajectories of the joints, sampled for a trajectory controller.

Profiles come from Ruckig (Berscheid and Kroeger, "Jerk-limited Real-time Trajectory Generation with
Arbitrary Target States", RSS 2021).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import ruckig

from workcell_control.motion.arrays import FloatArray, evenly, frozen_array
from workcell_control.motion.limits import JointLimits

DEFAULT_PERIOD_S = 0.1
"""Longest time between samples."""
_SWITCH_APART_S = 2e-9
_SHORT_S = 1e-3
_JOIN_PLACES = 16
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
        k = min(max(int(np.searchsorted(self.time_s, time_s, side="right")) - 1, 0), len(self.time_s) - 2)
        span = float(self.time_s[k + 1] - self.time_s[k]) if k >= 0 else 0.0
        if span < _SHORT_S:
            return np.array(self.states_at(np.array([time_s]))[0][0])
        u = min(max((time_s - float(self.time_s[k])) / span, 0.0), 1.0)
        # The quintic's Hermite form: what each of both ends' values weighs.
        left = 1.0 - u
        begin, end = left**3 * (1.0 + u * (3.0 + 6.0 * u)), u**3 * (10.0 + u * (6.0 * u - 15.0))
        begin_rate, end_rate = u * left**3 * (1.0 + 3.0 * u), u**3 * left * (3.0 * u - 4.0)
        begin_bend, end_bend = 0.5 * u**2 * left**3, 0.5 * u**3 * left**2
        weights = (begin, end, span * begin_rate, span * end_rate, span**2 * begin_bend, span**2 * end_bend)
        values = (self.position, self.velocity, self.acceleration)
        rows = np.concatenate([value[k : k + 2] for value in values])
        return np.asarray(np.array(weights) @ rows)

    def states_at(self, times_s: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Position, velocity, acceleration and jerk at times of shape (m,), each (m, n), by the same quintics.

        Both ends are held beyond them.
        """
        if len(self.time_s) == 1:
            rows = np.broadcast_to(self.position, (len(times_s), self.position.shape[1]))
            zero = np.zeros_like(rows)
            return rows, zero, zero, zero
        k = np.clip(np.searchsorted(self.time_s, times_s, side="right") - 1, 0, len(self.time_s) - 2)
        span = (self.time_s[k + 1] - self.time_s[k])[:, None]
        u = np.clip((times_s - self.time_s[k])[:, None] / span, 0.0, 1.0)
        p0, v0, a0 = self.position[k], self.velocity[k] * span, self.acceleration[k] * span**2
        v1, a1 = self.velocity[k + 1] * span, self.acceleration[k + 1] * span**2
        c3, c4, c5 = quintic_tail(self.position[k + 1] - p0, v0, v1, a0, a1)
        # In a very short time rounding of the positions would drown what the accelerations say.
        is_short = span < _SHORT_S
        if is_short.any():
            c3 = np.where(is_short, (a1 - a0) / 6.0, c3)
            c4, c5 = np.where(is_short, 0.0, c4), np.where(is_short, 0.0, c5)
        position = p0 + u * (v0 + u * (0.5 * a0 + u * (c3 + u * (c4 + u * c5))))
        velocity = v0 + u * (a0 + u * (3.0 * c3 + u * (4.0 * c4 + u * 5.0 * c5)))
        acceleration = a0 + u * (6.0 * c3 + u * (12.0 * c4 + u * 20.0 * c5))
        jerk = 6.0 * c3 + u * (24.0 * c4 + u * 60.0 * c5)
        return position, velocity / span, acceleration / span**2, jerk / span**3


def quintic_tail(
    step: FloatArray, v0: FloatArray, v1: FloatArray, a0: FloatArray, a1: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Coefficients of u^3, u^4 and u^5 of quintics over a span that is their unit of time.

    Args:
        step: From the position at the begin to that at the end.
        v0: Velocity at the begin.
        v1: Velocity at the end.
        a0: Acceleration at the begin.
        a1: Acceleration at the end.
    """
    c3 = 10.0 * step - 6.0 * v0 - 4.0 * v1 - 1.5 * a0 + 0.5 * a1
    c4 = -15.0 * step + 8.0 * v0 + 7.0 * v1 + 1.5 * a0 - a1
    return c3, c4, 6.0 * step - 3.0 * (v0 + v1) - 0.5 * (a0 - a1)


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
        period_s: Longest time between samples.

    Raises:
        TrajectoryError: the goal lies outside the position limits, or no profile exists.
    """
    _demand_inside(goal, limits)
    request = _profile_request(start, limits)
    request.target_position = goal.tolist()
    if goal_velocity is not None:
        request.target_velocity = goal_velocity.tolist()
    return _sampled(profile_of(request), period_s)


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
    """Samples wherever a joint's jerk changes: between them every joint's position is a cubic of time.

    A controller that interpolates by quintics of position, velocity and acceleration follows it exactly.
    """
    if profile.duration <= 0.0:
        return standing(np.array(profile.at_time(0.0)[0]))
    times = sample_times(profile, period_s)
    samples = np.array([profile.at_time(t) for t in times.tolist()])
    return JointTrajectory(times, samples[:, 0], samples[:, 1], samples[:, 2])


def sample_times(profile: ruckig.Trajectory, period_s: float) -> FloatArray:
    """Times no further apart than a period, and those at which any joint's jerk changes."""
    (joints,) = profile.profiles
    switches = np.cumsum([[*joint.brake.t, *joint.t, *joint.accel.t] for joint in joints], axis=1)
    even = evenly(profile.duration, max(2, math.ceil(profile.duration / period_s) + 1))
    times = np.concatenate([even, switches.ravel()])
    times.sort()
    times = times[(times >= 0.0) & (times <= profile.duration)]
    is_apart = np.ones(len(times), dtype=bool)
    np.greater(times[1:] - times[:-1], _SWITCH_APART_S, out=is_apart[1:])
    times = times[is_apart]
    times[-1] = profile.duration
    return np.asarray(times)


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


def join(
    state: JointState, planned: JointTrajectory, limits: JointLimits, *, period_s: float = DEFAULT_PERIOD_S
) -> JointTrajectory:
    """A move that begins exactly in the measured `state`, moving or not, and goes over into a planned one.

    Of several places on the planned move the one is taken at which the way through it ends first.

    Args:
        state: Where the arm is, and how it moves; may be faster than `limits` (it is then braked first).
        planned: The move to go over into, to the end of which the result leads.
        limits: Bounds of the way there, already scaled.
        period_s: Longest time between samples of the way there.

    Raises:
        TrajectoryError: no profile leads even to the planned move's end.
    """
    best = joint_move(state, planned.end.position, limits, period_s=period_s)
    times = np.linspace(0.0, planned.duration_s, _JOIN_PLACES, endpoint=False)
    for time_s, row in zip(times.tolist(), zip(*planned.states_at(times)[:3], strict=True), strict=True):
        target = JointState(*row)
        left_s = planned.duration_s - time_s
        try:
            way = _way_to(state, target, limits, period_s)
        except TrajectoryError:
            continue  # that state cannot be entered within the limits
        if way.duration_s + left_s < best.duration_s and limits.contains(way.position):
            best = way.then(_rest_of(planned, time_s))
    return best


def _way_to(state: JointState, target: JointState, limits: JointLimits, period_s: float) -> JointTrajectory:
    request = _profile_request(state, limits)
    request.target_position = target.position.tolist()
    request.target_velocity = target.velocity.tolist()
    request.target_acceleration = target.acceleration.tolist()
    return _sampled(profile_of(request), period_s)


def _rest_of(planned: JointTrajectory, time_s: float) -> JointTrajectory:
    """The part of a trajectory from a time on, that time counting as zero."""
    position, velocity, acceleration, _ = planned.states_at(np.array([time_s]))
    later = planned.time_s > time_s + _SWITCH_APART_S
    return JointTrajectory(
        np.concatenate([[0.0], planned.time_s[later] - time_s]),
        np.concatenate([position, planned.position[later]]),
        np.concatenate([velocity, planned.velocity[later]]),
        np.concatenate([acceleration, planned.acceleration[later]]),
    )
