"""How fast time runs along a path: the rate, its ramps, and where they lead."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workcell_control.motion.arrays import FloatArray

_LONGEST_S = 600.0
_OVERSHOOT = 1.02
RATE_MIN = 1e-3
"""Slower than this counts as standing."""


@dataclass(frozen=True)
class PathPlace:
    """Where on a path an arm is in [s] of the path's own time, at which rate, and how that changes in [1/s]."""

    path_s: float
    rate: float = 1.0
    slope: float = 0.0


@dataclass(frozen=True)
class RateRamp:
    """The rate goes from where it is to `rate_end` within `ramp_s` by a cubic of time, without a corner.

    With rate r and slope r' along a path q(s): velocity r q', acceleration r^2 q'' + r' q'.
    """

    begin: PathPlace
    rate_end: float
    ramp_s: float

    def at(self, time_s: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Path time [s], rate and slope [1/s] at times (m,) since the ramp began."""
        begin, ramp_s = self.begin, self.ramp_s
        u = np.clip(time_s / ramp_s, 0.0, 1.0)
        first = begin.slope * ramp_s
        step = self.rate_end - begin.rate
        c2, c3 = 3.0 * step - 2.0 * first, first - 2.0 * step
        rate = begin.rate + u * (first + u * (c2 + u * c3))
        slope = np.where(time_s < ramp_s, (first + u * (2.0 * c2 + 3.0 * u * c3)) / ramp_s, 0.0)
        path_s = u * ramp_s * (begin.rate + u * (first / 2.0 + u * (c2 / 3.0 + u * c3 / 4.0)))
        after_s = np.maximum(time_s - ramp_s, 0.0) * self.rate_end
        return begin.path_s + path_s + after_s, rate, slope

    def place_at(self, time_s: float) -> PathPlace:
        """The place at one time since the ramp began."""
        path_s, rate, slope = self.at(np.array([max(time_s, 0.0)]))
        return PathPlace(float(path_s[0]), float(rate[0]), float(slope[0]))

    def is_forward(self) -> bool:
        """Whether the rate never turns back, and exceeds neither both of its ends nor 1 by more than a little."""
        _, rate, _ = self.at(np.linspace(0.0, self.ramp_s, 21))
        highest = max(1.0, self.begin.rate, self.rate_end)
        return bool(rate.min() >= -1e-9 and rate.max() <= _OVERSHOOT * highest)

    def duration_s(self, path_end_s: float) -> float:
        """Time until the path's end is reached, or the arm stands on the way there."""
        ramp_end_s = float(self.at(np.array([self.ramp_s]))[0][0])
        if ramp_end_s < path_end_s:
            if self.rate_end < RATE_MIN:
                return self.ramp_s
            return min(self.ramp_s + (path_end_s - ramp_end_s) / self.rate_end, _LONGEST_S)
        low, high = 0.0, self.ramp_s
        while high - low > 1e-9:
            middle = 0.5 * (low + high)
            low, high = (middle, high) if self.place_at(middle).path_s < path_end_s else (low, middle)
        return high
