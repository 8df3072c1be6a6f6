"""What bounds a motion: joint limits, the scales that reduce them, and the grip's bound."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from workcell_control.motion.arrays import FloatArray, frozen_array

SCALE_QUANTUM = 0.005
"""Scales are planned in these steps, so that a slowly drifting policy still meets the cache."""
ACCELERATION_QUANTUM_M_S2 = 0.25
"""The planner rounds bounds of the tool's acceleration, such as a held part bears, down to these steps."""
_KNOWN_MAX = 64


def acceleration_steps(bound_m_s2: float) -> int:
    """How many steps of `ACCELERATION_QUANTUM_M_S2` a finite bound is planned with.

    Never none: a grip that carries nothing is the sequence's business, not a division by zero.
    """
    return max(1, int(bound_m_s2 / ACCELERATION_QUANTUM_M_S2 + 1e-9))


@dataclass(frozen=True)
class MotionScales:
    """Fractions of the joint limits to use, each in (0, 1]."""

    speed: float = 0.6
    acceleration: float = 0.5
    jerk: float = 0.5

    def __post_init__(self) -> None:
        for name in ("speed", "acceleration", "jerk"):
            value = getattr(self, name)
            if not 0.0 < value <= 1.0:
                raise ValueError(f"motion scale {name} = {value}: expected 0 < {name} <= 1")

    def quantised(self) -> MotionScales:
        """Round each scale down to `SCALE_QUANTUM`, never below one quantum: what is really used."""
        return _quantised(self)


@lru_cache(maxsize=_KNOWN_MAX)
def _quantised(scales: MotionScales) -> MotionScales:
    def down(value: float) -> float:
        steps = max(1, int(value / SCALE_QUANTUM + 1e-9))
        return min(1.0, steps * SCALE_QUANTUM)

    return MotionScales(down(scales.speed), down(scales.acceleration), down(scales.jerk))


@dataclass(frozen=True)
class JointLimits:
    """Limits of an arm with n joints; every array has shape (n,) and is read-only.

    Positions in [rad], velocity in [rad/s], acceleration in [rad/s^2], jerk in [rad/s^3].
    """

    lower: FloatArray
    upper: FloatArray
    velocity: FloatArray
    acceleration: FloatArray
    jerk: FloatArray
    _scaled: dict[MotionScales, JointLimits] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What was asked for before: a cell uses few scales, many times."""

    def __post_init__(self) -> None:
        count = len(self.lower)
        for name in ("lower", "upper", "velocity", "acceleration", "jerk"):
            array = frozen_array(getattr(self, name))
            if array.shape != (count,):
                raise ValueError(f"joint limit {name}: shape {array.shape}, expected ({count},)")
            object.__setattr__(self, name, array)
        if not np.all(self.lower < self.upper):
            raise ValueError("joint limits: every lower position must lie below the upper one")
        for name in ("velocity", "acceleration", "jerk"):
            if not np.all(getattr(self, name) > 0.0):
                raise ValueError(f"joint limit {name}: every value must be positive")

    def scaled(self, scales: MotionScales) -> JointLimits:
        """The same position range with reduced velocity, acceleration and jerk."""
        known = self._scaled.get(scales)
        if known is None:
            if len(self._scaled) >= _KNOWN_MAX:
                self._scaled.clear()
            known = JointLimits(
                self.lower,
                self.upper,
                self.velocity * scales.speed,
                self.acceleration * scales.acceleration,
                self.jerk * scales.jerk,
            )
            self._scaled[scales] = known
        return known

    def contains(self, position: FloatArray, tolerance_rad: float = 1e-9) -> bool:
        """Whether every joint of `position` (shape (n,) or (k, n)) is inside its range."""
        inside = (position >= self.lower - tolerance_rad) & (position <= self.upper + tolerance_rad)
        return bool(np.all(inside))
