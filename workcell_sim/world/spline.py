"""Piecewise polynomial through the points of a joint trajectory.

The degree of each segment follows joint_trajectory_controller: linear where an end has positions only, cubic
where both have velocities, quintic where both have accelerations as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, eq=False)
class Spline:
    """Segments from `knots_s[i]` to `knots_s[i + 1]`; `coefficients` has shape (segments, 6, joints), low order first."""

    knots_s: FloatArray
    coefficients: FloatArray

    @property
    def end_s(self) -> float:
        """Time of the last point."""
        return float(self.knots_s[-1])

    @property
    def final_position_rad(self) -> FloatArray:
        """Position of the last point, shape (joints,)."""
        return self.sample(self.knots_s[-1:]).position_rad[0]

    def sample(self, times_s: FloatArray) -> Samples:
        """Evaluates at times of shape (k,); before the start and after the end the joints rest there."""
        segment = np.searchsorted(self.knots_s, times_s, side="right") - 1
        segment = np.minimum(np.maximum(segment, 0), len(self.coefficients) - 1)
        t = np.minimum(np.maximum(times_s, self.knots_s[0]), self.knots_s[-1]) - self.knots_s[segment]
        if segment[0] == segment[-1]:
            c = self.coefficients[segment[0]]
            powers = t[:, None] ** _EXPONENTS
            samples = Samples(powers @ c, powers[:, :5] @ (c[1:] * _FIRST), powers[:, :4] @ (c[2:] * _SECOND))
        else:
            samples = self._sample_across(segment, t)
        outside = (times_s < self.knots_s[0]) | (times_s > self.knots_s[-1])
        if outside.any():
            samples.velocity_rad_s[outside] = 0.0
            samples.acceleration_rad_s2[outside] = 0.0
        return samples

    def _sample_across(self, segment: npt.NDArray[np.int64], t: FloatArray) -> Samples:
        c = self.coefficients[segment]
        powers = t[:, None] ** _EXPONENTS
        return Samples(
            np.einsum("ki,kij->kj", powers, c),
            np.einsum("ki,kij->kj", powers[:, :5], c[:, 1:] * _FIRST),
            np.einsum("ki,kij->kj", powers[:, :4], c[:, 2:] * _SECOND),
        )


_EXPONENTS = np.arange(_COEFFICIENTS, dtype=np.float64)
_FIRST = np.arange(1.0, _COEFFICIENTS)[:, None]
_SECOND = (np.arange(1.0, 5.0) * np.arange(2.0, 6.0))[:, None]


def fit(points: Sequence[Waypoint]) -> Spline:
    """Lays a spline through two or more points of strictly increasing time."""
    segments = [_segment(start, end) for start, end in zip(points, points[1:], strict=False)]
    return Spline(np.array([point.time_s for point in points]), np.array(segments))


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
    a0, a1 = start.acceleration_rad_s2, end.acceleration_rad_s2
    c[2] = a0 / 2.0
    c[3] = (20.0 * step - (8.0 * v1 + 12.0 * v0) * duration - (3.0 * a0 - a1) * duration**2) / (2.0 * duration**3)
    c[4] = (-30.0 * step + (14.0 * v1 + 16.0 * v0) * duration + (3.0 * a0 - 2.0 * a1) * duration**2) / (
        2.0 * duration**4
    )
    c[5] = (12.0 * step - 6.0 * (v1 + v0) * duration + (a1 - a0) * duration**2) / (2.0 * duration**5)
    return c
