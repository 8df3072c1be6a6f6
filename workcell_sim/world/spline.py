"""Piecewise polynomial through the points of a joint trajectory.

The degree of each segment follows joint_trajectory_controller: linear where an end has positions only, cubic
where both have velocities, quintic where both have accelerations as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

_COEFFICIENTS = 6


@dataclass(frozen=True, eq=False)
class Waypoint:
    """Where the joints are to be at a time; arrays have shape (joints,)."""

    time_s: float
    position_rad: FloatArray
    velocity_rad_s: FloatArray | None = None
    acceleration_rad_s2: FloatArray | None = None


class Samples(NamedTuple):
    """Position, velocity and acceleration at k times; each of shape (k, joints)."""

    position_rad: FloatArray
    velocity_rad_s: FloatArray
    acceleration_rad_s2: FloatArray


class Spline:
    """Segments from `knots_s[i]` to `knots_s[i + 1]`.

    Args:
        knots_s: increasing times, shape (segments + 1,).
        coefficients: of the position, low order first, shape (segments, 6, joints).
    """

    def __init__(self, knots_s: FloatArray, coefficients: FloatArray) -> None:
        self.knots_s = knots_s
        self.coefficients = coefficients
        self._knots: list[float] = knots_s.tolist()
        self._joints = coefficients.shape[2]
        self._last = len(coefficients) - 1
        # Position, velocity and acceleration side by side: one scheme evaluates all three.
        first = np.zeros_like(coefficients)
        first[:, :-1] = coefficients[:, 1:] * _ORDERS[1:, None]
        second = np.zeros_like(coefficients)
        second[:, :-1] = first[:, 1:] * _ORDERS[1:, None]
        self._all = np.ascontiguousarray(np.concatenate([coefficients, first, second], axis=2).transpose(1, 0, 2))

    @property
    def end_s(self) -> float:
        """Time of the last point."""
        return self._knots[-1]

    def sample(self, times_s: FloatArray) -> Samples:
        """Evaluates at increasing times of shape (k,); before the start and after the end the joints rest there.

        What is returned for a time does not depend on the times it is asked for with, not in its last bit either.
        """
        knots = self._knots
        inside = times_s
        if times_s[0] < knots[0] or times_s[-1] > knots[-1]:
            inside = np.minimum(np.maximum(times_s, knots[0]), knots[-1])
        segments = self.knots_s.searchsorted(inside, side="right") - 1
        if segments[-1] > self._last:
            np.minimum(segments, self._last, out=segments)
        coefficients = self._all[:, segments]
        offsets = (inside - self.knots_s[segments])[:, None]
        # Horner's scheme, row by row alike.
        values = coefficients[-1]
        for lower in coefficients[-2::-1]:
            values *= offsets
            values += lower
        if inside is not times_s:
            values[inside != times_s, self._joints :] = 0.0
        n = self._joints
        return Samples(values[:, :n], values[:, n : 2 * n], values[:, 2 * n :])


_ORDERS = np.arange(_COEFFICIENTS, dtype=np.float64)


def fit(points: Sequence[Waypoint]) -> Spline:
    """Lays a spline through two or more points of strictly increasing time."""
    knots_s = np.array([point.time_s for point in points])
    return Spline(knots_s, _quintics(points, np.diff(knots_s)) if _are_full(points) else _segments(points))


def _are_full(points: Sequence[Waypoint]) -> bool:
    """Whether all points have velocities and accelerations."""
    return all(point.velocity_rad_s is not None and point.acceleration_rad_s2 is not None for point in points)


def _quintics(points: Sequence[Waypoint], duration_s: FloatArray) -> FloatArray:
    """Coefficients of all segments at once where every one is a quintic, shape (segments, 6, joints)."""
    position = np.array([point.position_rad for point in points])
    velocity = np.array([point.velocity_rad_s for point in points])
    acceleration = np.array([point.acceleration_rad_s2 for point in points])
    coefficients = np.empty((len(points) - 1, _COEFFICIENTS, position.shape[1]))
    coefficients[:, 0], coefficients[:, 1] = position[:-1], velocity[:-1]
    higher = _higher(
        np.diff(position, axis=0), velocity[:-1], velocity[1:], acceleration[:-1], acceleration[1:], duration_s[:, None]
    )
    for order, values in enumerate(higher, start=2):
        coefficients[:, order] = values
    return coefficients


def _segments(points: Sequence[Waypoint]) -> FloatArray:
    return np.array([_segment(start, end) for start, end in pairwise(points)])


def _segment(start: Waypoint, end: Waypoint) -> FloatArray:
    """Coefficients of one segment, shape (6, joints); Hermite form, e.g. Biagiotti and Melchiorri 2008, ch. 2."""
    duration = end.time_s - start.time_s
    c = np.zeros((_COEFFICIENTS, start.position_rad.size))
    c[0] = start.position_rad
    step = end.position_rad - start.position_rad
    if start.velocity_rad_s is None or end.velocity_rad_s is None:
        c[1] = step / duration
        return c
    v0, v1 = start.velocity_rad_s, end.velocity_rad_s
    c[1] = v0
    if start.acceleration_rad_s2 is None or end.acceleration_rad_s2 is None:
        c[2] = (3.0 * step - (2.0 * v0 + v1) * duration) / duration**2
        c[3] = (-2.0 * step + (v0 + v1) * duration) / duration**3
        return c
    c[2:] = _higher(step, v0, v1, start.acceleration_rad_s2, end.acceleration_rad_s2, duration)
    return c


def _higher(
    step: FloatArray, v0: FloatArray, v1: FloatArray, a0: FloatArray, a1: FloatArray, duration: FloatArray | float
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Coefficients of the second to fifth order of quintics from their ends, of one segment or of many."""
    return (
        a0 / 2.0,
        (20.0 * step - (8.0 * v1 + 12.0 * v0) * duration - (3.0 * a0 - a1) * duration**2) / (2.0 * duration**3),
        (-30.0 * step + (14.0 * v1 + 16.0 * v0) * duration + (3.0 * a0 - 2.0 * a1) * duration**2) / (2.0 * duration**4),
        (12.0 * step - 6.0 * (v1 + v0) * duration + (a1 - a0) * duration**2) / (2.0 * duration**5),
    )
