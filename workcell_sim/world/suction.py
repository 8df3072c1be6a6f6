"""How a suction cup holds a part, and when it lets go.

The cup pulls with F = level * area. Against it stand the part's weight and inertia: with the proper acceleration a
of the cup (z out of the cup), the part needs a normal pull of -m a_z and a shear of m |a_xy|. Friction holds the
shear up to mu (F - pull); beyond it the part slides, beyond a pull of F it comes off. For a horizontal cup this is
the sizing rule of cup makers, F >= m (g + a / mu).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SuctionConfig:
    """Cup and its contact with the part."""

    cup_radius_m: float = 0.005
    # Effective share of the cup's area under load (lip deformation).
    area_share: float = 1.0
    friction: float = 0.5
    friction_spread: float = 0.06
    # Spread of the seal from pick to pick: log-normal factor on the leak of the closed cup.
    seal_spread: float = 0.2
    slip_loses_part_m: float = 0.004
    seal_gap_max_m: float = 0.004


@dataclass
class Grip:
    """A part at the cup: its own friction and seal, and how far it slid, in the cup's frame."""

    friction: float
    seal: float
    slip_m: FloatArray
    slip_velocity_m_s: FloatArray


@dataclass(frozen=True)
class HoldResult:
    """Whether the part is still held, and the least spare force of the tick in [N]."""

    is_held: bool
    margin_n: float


def new_grip(config: SuctionConfig, rng: np.random.Generator) -> Grip:
    """Draws the friction and seal of one pick."""
    friction = config.friction * max(1.0 + config.friction_spread * float(rng.standard_normal()), 0.2)
    seal = math.exp(config.seal_spread * float(rng.standard_normal()))
    return Grip(friction, seal, np.zeros(2), np.zeros(2))


def hold_force(level_pa: float, config: SuctionConfig) -> float:
    """Pull of the cup in [N]: vacuum times effective area."""
    return level_pa * math.pi * config.cup_radius_m**2 * config.area_share


def hold(
    grip: Grip,
    config: SuctionConfig,
    force_n: float,
    mass_kg: float,
    acceleration_m_s2: FloatArray,
    vibration_m_s2: float,
    dt_s: float,
) -> HoldResult:
    """Holds a part through a tick; updates the slip of `grip`.

    Args:
        acceleration_m_s2: proper acceleration of the cup in its frame at the tick's k steps, shape (k, 3).
        vibration_m_s2: RMS vibration at the tool; it adds to the shear.
        dt_s: length of one step.
    """
    pull = -mass_kg * acceleration_m_s2[:, 2]
    lateral = np.hypot(acceleration_m_s2[:, 0], acceleration_m_s2[:, 1])
    contact = force_n - pull
    spare = np.minimum(grip.friction * contact - mass_kg * (lateral + vibration_m_s2), contact)
    margin = float(spare.min())
    if margin < 0.0 and float(contact.min()) <= 0.0:
        return HoldResult(False, margin)
    if margin >= 0.0 and not grip.slip_velocity_m_s.any():
        return HoldResult(True, margin)
    _slide(grip, spare / mass_kg, acceleration_m_s2[:, :2], dt_s)
    return HoldResult(float(np.hypot(*grip.slip_m)) < config.slip_loses_part_m, margin)


def _slide(grip: Grip, spare_m_s2: FloatArray, lateral: FloatArray, dt_s: float) -> None:
    """Lets the part slide against the cup's acceleration; friction brings it back to rest."""
    for spare, push in zip(spare_m_s2, lateral, strict=True):
        speed = float(np.hypot(*grip.slip_velocity_m_s))
        if spare < 0.0:
            size = float(np.hypot(*push))
            direction = -push / size if size > 0.0 else np.zeros(2)
            grip.slip_velocity_m_s = grip.slip_velocity_m_s - spare * dt_s * direction
        elif speed > 0.0:
            grip.slip_velocity_m_s = grip.slip_velocity_m_s * max(1.0 - spare * dt_s / speed, 0.0)
        grip.slip_m = grip.slip_m + grip.slip_velocity_m_s * dt_s
