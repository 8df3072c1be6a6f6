"""Keeps the twin like the cell: estimates the cell's condition from what its sensors say."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from workcell_control.policy.payload import PayloadEstimate

CARRYING = ("transfer", "settle", "inspect")
"""Activities with a part on the cup all the while; in `place` it is let go."""
HELD_SHARE_MIN = 0.25
"""Share of the set point below which a cup holds nothing, so that its level tells nothing of a leak."""
LEAK_MAX = 3.0
SMOOTHING = 0.3
"""Share of a new observation in a running estimate."""


@dataclass(frozen=True)
class PumpModel:
    """What the twin knows of the vacuum circuit; conductances as a share of the pump's."""

    vacuum_max_pa: float = 88e3
    regulator_band_pa: float = 60e3
    sealed_leak: float = 0.05

    def leak(self, level_pa: float, set_point_pa: float) -> float:
        """Returns the extra leak at which a steady level is held at a set point.

        In balance the pump's drive u and the leaks L share the flow: p = p_max u / (u + L); the drive is
        what a healthy cup needs plus the deviation over the regulator's band.
        """
        if level_pa <= 0.0 or set_point_pa <= 0.0:
            return 0.0
        share = min(set_point_pa / self.vacuum_max_pa, 0.999)
        healthy = self.sealed_leak * share / (1.0 - share)
        drive = min(max(healthy + (set_point_pa - level_pa) / self.regulator_band_pa, 0.0), 1.0)
        total = drive * (self.vacuum_max_pa - level_pa) / level_pa
        return max(total - self.sealed_leak, 0.0)


@dataclass(frozen=True)
class Condition:
    """The cell's condition as the twin sees it; 1 (leak: 0) is nominal."""

    leak: float = 0.0
    """Extra leak of the cup as a share of the pump's capacity."""
    mass: float = 1.0
    """Mass of the parts relative to nominal."""
    light: float = 1.0
    """Light relative to what the inspection was taught at."""

    def rounded(self) -> Condition:
        """Returns the condition on a coarse grid, so that noise does not make every forecast a new one."""
        return Condition(_to_grid(self.leak, 5), _to_grid(self.mass, 10), _to_grid(self.light, 5))

    def harder(self) -> Condition:
        """Returns a condition no easier, on a grid coarser still: what holds there holds for a while."""
        return replace(self, leak=_up_to_grid(self.leak, 2.5), mass=_up_to_grid(self.mass, 4))


def _to_grid(value: float, parts: int) -> float:
    """Returns the nearest multiple of a whole number's inverse."""
    return round(value * parts) / parts


def _up_to_grid(value: float, parts: float) -> float:
    """Returns the next multiple of a number's inverse that is not below."""
    return math.ceil(value * parts - _ROUNDING) / parts


_ROUNDING = 1e-9


class Mirror:
    """Follows vacuum, payload and light of the real cell."""

    def __init__(self, part_mass_kg: float, weigh_lever_m: float, exposure_taught_s: float, pump: PumpModel) -> None:
        self._nominal_kg = part_mass_kg
        self._payload = PayloadEstimate(part_mass_kg, weigh_lever_m)
        self._exposure_taught_s = exposure_taught_s
        self._pump = pump
        self._exposure_s = exposure_taught_s
        self.condition = Condition()

    def rounded(self) -> Condition:
        """Returns the condition on a coarse grid, the light by how bright the boards look at the exposure in force.

        The policy turns the exposure up as the light fades: what does not look different is not another condition.
        """
        ratio = self._exposure_s / self._exposure_taught_s
        coarse = replace(self.condition, light=self.condition.light * ratio).rounded()
        return replace(coarse, light=coarse.light / ratio)

    def note_readings(self, activity: str, readings: dict[str, float], set_point_pa: float | None) -> None:
        """Takes in a scan of readings; vacuum counts only while a part is carried."""
        self._payload.see(activity, readings)
        vacuum_pa = readings.get("gripper/vacuum")
        if vacuum_pa is None or set_point_pa is None or activity not in CARRYING:
            return
        if vacuum_pa >= HELD_SHARE_MIN * set_point_pa:
            leak = min(self._pump.leak(vacuum_pa, set_point_pa), LEAK_MAX)
            blended = self.condition.leak + SMOOTHING * (leak - self.condition.leak)
            self.condition = replace(self.condition, leak=blended)

    def note_image(self, light_level: float, exposure_s: float) -> None:
        """Takes in how bright the last board looked and at what exposure."""
        self._exposure_s = exposure_s
        light = light_level * self._exposure_taught_s / exposure_s
        self.condition = replace(self.condition, light=min(max(light, 0.05), 3.0))

    def end_cycle(self) -> None:
        """Takes in that a cycle has ended."""
        self._payload.end_cycle()
        mass = min(max(self._payload.mass_kg / self._nominal_kg, 0.2), 5.0)
        self.condition = replace(self.condition, mass=mass)
