"""How hard a suction grip may be accelerated."""

from __future__ import annotations

import math
from dataclasses import dataclass

GRAVITY_M_S2 = 9.80665


@dataclass(frozen=True)
class SuctionGrip:
    """A flat cup that holds a part from above."""

    cup_radius_m: float
    part_mass_kg: float
    friction: float = 0.5
    """Between cup and part; holds the part against acceleration along the cup's lip."""
    safety: float = 1.5
    """Factor that the holding force keeps above the load."""

    def __post_init__(self) -> None:
        for name in ("cup_radius_m", "part_mass_kg", "friction", "safety"):
            if getattr(self, name) <= 0.0:
                raise ValueError(f"suction grip {name} = {getattr(self, name)}: expected more than 0")

    def acceleration_max(self, vacuum_pa: float) -> float:
        """Largest acceleration in any direction, [m/s^2], at a vacuum of `vacuum_pa` below ambient.

        The theoretical holding force F = m (g + a / mu) S of a horizontal cup moved sideways, solved for
        a (VDI 2740, as in vacuum makers' handbooks). It is the severest direction where mu < 1. Zero where
        the vacuum does not even carry the part's weight with the safety factor.
        """
        force = vacuum_pa * math.pi * self.cup_radius_m**2
        spare = force / (self.part_mass_kg * self.safety) - GRAVITY_M_S2
        return max(0.0, spare * min(1.0, self.friction))
