"""Slows a move down that is under way: the same path, its rest at a lower rate."""

from __future__ import annotations

import numpy as np

from workcell_control.motion.arrays import FloatArray
from workcell_control.motion.trajectory import JointTrajectory

_GRID_S = 0.002
_PERIOD_S = 0.04


class PathUnderWay:
    """A trajectory as the controller follows it: quintics between the samples."""

    def __init__(self, trajectory: JointTrajectory) -> None:
        self._trajectory = trajectory
        span = np.diff(trajectory.time_s)[:, None]
        start, end = slice(None, -1), slice(1, None)
        p0, v0, a0 = _in_spans(trajectory, start, span)
        p1, v1, a1 = _in_spans(trajectory, end, span)
        d = p1 - p0
        c3 = 10.0 * d - 6.0 * v0 - 4.0 * v1 - 1.5 * a0 + 0.5 * a1
        c4 = -15.0 * d + 8.0 * v0 + 7.0 * v1 + 1.5 * a0 - a1
        c5 = 6.0 * d - 3.0 * (v0 + v1) - 0.5 * (a0 - a1)
        # Of the powers of the share u of a span, shape (6, k - 1, n).
        self._coefficients = np.stack([p0, v0, 0.5 * a0, c3, c4, c5])

    @property
    def duration_s(self) -> float:
        """Time that the path takes."""
        return self._trajectory.duration_s

    def sample(self, time_s: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Position, velocity and acceleration at times (m,), each of shape (m, n)."""
        knots = self._trajectory.time_s
        k = np.clip(np.searchsorted(knots, time_s, side="right") - 1, 0, len(knots) - 2)
        span = (knots[k + 1] - knots[k])[:, None]
        u = np.clip((time_s - knots[k])[:, None] / span, 0.0, 1.0)
        c0, c1, c2, c3, c4, c5 = self._coefficients[:, k]
        position = c0 + u * (c1 + u * (c2 + u * (c3 + u * (c4 + u * c5))))
        velocity = c1 + u * (2.0 * c2 + u * (3.0 * c3 + u * (4.0 * c4 + u * 5.0 * c5)))
        acceleration = 2.0 * c2 + u * (6.0 * c3 + u * (12.0 * c4 + u * 20.0 * c5))
        return position, velocity / span, acceleration / span**2

    def time_at(self, position: FloatArray) -> float:
        """Time in [s] along the trajectory at which it comes nearest to joint positions (n,)."""
        grid = np.linspace(0.0, self._trajectory.duration_s, max(2, round(self._trajectory.duration_s / _GRID_S)))
        distance = np.linalg.norm(self.sample(grid)[0] - position, axis=1)
        return float(grid[int(np.argmin(distance))])

    def slowed(self, from_s: float, factor: float, ramp_s: float) -> JointTrajectory:
        """What is left from `from_s` on, in the end `factor` times slower; its time begins there.

        The rate along the path falls from 1 to 1 / `factor` over `ramp_s`, by a cubic without corners. With the rate
        r the velocity is r times that of the path, the acceleration r^2 times it and the change of r times the
        path's velocity.

        Raises:
            ValueError: `from_s` lies outside the trajectory, `factor` below 1, or `ramp_s` is not positive.
        """
        end_s = self._trajectory.duration_s
        if not 0.0 <= from_s < end_s or factor < 1.0 or ramp_s <= 0.0:
            raise ValueError(f"slowed from {from_s} s of {end_s} s by {factor} over {ramp_s} s")
        loss = 1.0 - 1.0 / factor
        duration_s = _duration_s(end_s - from_s, loss, ramp_s)
        times = np.linspace(0.0, duration_s, max(2, round(duration_s / _PERIOD_S) + 1))
        ramped = np.minimum(times / ramp_s, 1.0)
        # Integral, value and slope of the rate 1 - loss (3 u^2 - 2 u^3), u = t / ramp.
        along = times - loss * (ramp_s * (ramped**3 - 0.5 * ramped**4) + np.maximum(times - ramp_s, 0.0))
        rate = (1.0 - loss * ramped**2 * (3.0 - 2.0 * ramped))[:, None]
        slope = (-6.0 * loss / ramp_s * ramped * (1.0 - ramped))[:, None]
        at = np.minimum(from_s + along, end_s)
        position, velocity, acceleration = self.sample(at)
        return JointTrajectory(times, position, rate * velocity, rate**2 * acceleration + slope * velocity)


def _duration_s(left_s: float, loss: float, ramp_s: float) -> float:
    """Time in which a rate that falls by `loss` over `ramp_s` covers `left_s` of the path."""
    in_ramp_s = ramp_s * (1.0 - 0.5 * loss)
    if left_s >= in_ramp_s:
        return ramp_s + (left_s - in_ramp_s) / (1.0 - loss)
    # It ends within the ramp: found by halving.
    low, high = left_s, min(ramp_s, left_s / (1.0 - loss))
    for _ in range(60):
        middle = 0.5 * (low + high)
        u = middle / ramp_s
        is_short = middle - loss * ramp_s * (u**3 - 0.5 * u**4) < left_s
        low, high = (middle, high) if is_short else (low, middle)
    return high


def _in_spans(trajectory: JointTrajectory, side: slice, span: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The samples at one side of each span, with the span as the unit of time."""
    velocity, acceleration = trajectory.velocity[side] * span, trajectory.acceleration[side] * span**2
    return trajectory.position[side], velocity, acceleration
