"""Velocity, acceleration and jerk of what an arm was commanded, against limits."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
TOLERANCE = 1.005
"""A sample above its limit by less than this share counts as rounding."""


@dataclass
class LimitShares:
    """Largest shares of the limits, and how many samples were beyond them.

    Args:
        velocity, acceleration, jerk: limits, shape (n,).
    """

    velocity: FloatArray
    acceleration: FloatArray
    jerk: FloatArray
    samples: int = 0
    largest: dict[str, float] = field(default_factory=lambda: {"velocity": 0.0, "acceleration": 0.0, "jerk": 0.0})
    beyond: dict[str, int] = field(default_factory=lambda: {"velocity": 0, "acceleration": 0, "jerk": 0})

    def add(self, velocity: FloatArray, acceleration: FloatArray, jerk: FloatArray | None) -> None:
        """Takes m samples, each of shape (m, n); without jerk where the arm's own safety braked."""
        self.samples += len(velocity)
        self._note("velocity", velocity, self.velocity)
        self._note("acceleration", acceleration, self.acceleration)
        if jerk is not None:
            self._note("jerk", jerk, self.jerk)

    def _note(self, name: str, values: FloatArray, limit: FloatArray) -> None:
        if not values.size:
            return
        share = np.abs(values / limit).max(axis=1)
        self.largest[name] = max(self.largest[name], float(share.max()))
        self.beyond[name] += int((share > TOLERANCE).sum())
