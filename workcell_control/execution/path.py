"""The path of a move under way, sampled as its controller does, and its rest at another rate."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np

from workcell_control.execution.rate import PathPlace, RateRamp
from workcell_control.motion.arrays import FloatArray
from workcell_control.motion.trajectory import JointTrajectory, quintic_tail

_GRID_S = 0.002
_PERIOD_S = 0.02
PLAIN = RateRamp(PathPlace(0.0), 1.0, 1.0)
"""As planned, from the path's begin."""


class PathUnderWay:
    """A trajectory as the controller follows it: quintics between the samples."""

    def __init__(self, trajectory: JointTrajectory) -> None:
        self._trajectory = trajectory
        span = np.diff(trajectory.time_s)[:, None]
        start, end = slice(None, -1), slice(1, None)
        p0, v0, a0 = _in_spans(trajectory, start, span)
        p1, v1, a1 = _in_spans(trajectory, end, span)
        # Of the powers of the share u of a span, shape (6, k - 1, n).
        self._coefficients = np.stack([p0, v0, 0.5 * a0, *quintic_tail(p1 - p0, v0, v1, a0, a1)])

    @property
    def trajectory(self) -> JointTrajectory:
        """The trajectory itself."""
        return self._trajectory

    @property
    def duration_s(self) -> float:
        """Time that the path takes as it was planned."""
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
        """Time in [s] along the path at which it comes nearest to joint positions (n,)."""
        grid, places = self._places
        return float(grid[int(np.square(places - position).sum(axis=1).argmin())])

    @cached_property
    def _places(self) -> tuple[FloatArray, FloatArray]:
        """Times all along the path, and where it is then: looked through again and again while it is followed."""
        grid = np.linspace(0.0, self.duration_s, max(2, round(self.duration_s / _GRID_S)))
        return grid, self.sample(grid)[0]

    def along(self, ramp: RateRamp) -> JointTrajectory:
        """What is left from the ramp's begin on; its time begins there. It ends at the path's end or standing.

        Raises:
            ValueError: the ramp begins outside the path, takes no time or turns back.
        """
        if not 0.0 <= ramp.begin.path_s <= self.duration_s or ramp.ramp_s <= 0.0 or not ramp.is_forward():
            raise ValueError(f"{ramp} on a path of {self.duration_s} s")
        duration_s = ramp.duration_s(self.duration_s)
        times = self._times(ramp, duration_s)
        path_s, rate, slope = ramp.at(times)
        position, velocity, acceleration = self.sample(np.minimum(path_s, self.duration_s))
        rate, slope = rate[:, None], slope[:, None]
        return JointTrajectory(times, position, rate * velocity, rate**2 * acceleration + slope * velocity)

    def _times(self, ramp: RateRamp, duration_s: float) -> FloatArray:
        """Even times, and those at which the path's own samples and the ramp's end are passed."""
        even = np.linspace(0.0, duration_s, max(2, math.ceil(duration_s / _PERIOD_S) + 1))
        passed = np.interp(self._trajectory.time_s, ramp.at(even)[0], even, left=-1.0, right=duration_s + 1.0)
        times = np.unique(np.concatenate([even, passed, [ramp.ramp_s]]))
        times = times[(times >= 0.0) & (times <= duration_s)]
        times = times[np.diff(times, prepend=-1.0) > _GRID_S]
        return np.asarray(np.append(times[times < duration_s - _GRID_S], duration_s))


def _in_spans(trajectory: JointTrajectory, side: slice, span: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The samples at one side of each span, with the span as the unit of time."""
    velocity, acceleration = trajectory.velocity[side] * span, trajectory.acceleration[side] * span**2
    return trajectory.position[side], velocity, acceleration
