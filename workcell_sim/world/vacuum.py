"""Vacuum of the gripper: pump, volume, leaks and the proportional regulator of the pump's drive.

All vacuum levels are pressures below ambient in [Pa]. Isothermal ideal gas in a volume V: with a pump of free flow
Q0 that falls linearly to zero at its ultimate vacuum p_max, and leaks of conductance C,

    V dp/dt = p_atm (u Q0 (1 - p / p_max) - C p)        (O'Hanlon, "A User's Guide to Vacuum Technology", 2003, ch. 4)

which is linear over a tick and solved exactly. The drive u is a feed-forward of the set point plus a proportional
term, so a leak leaves a lower level than the set point, and a higher set point buys some of it back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class VacuumConfig:
    """Constants of pump and cup; a conductance is given as a share of Q0 / p_max."""

    atmosphere_pa: float = 101325.0
    pump_flow_m3_s: float = 1.7e-4
    pump_vacuum_max_pa: float = 88e3
    volume_m3: float = 2.6e-5
    sealed_leak: float = 0.05
    open_leak: float = 14.0
    regulator_band_pa: float = 60e3
    vent_time_constant_s: float = 0.025
    pump_idle_a: float = 0.12
    pump_full_a: float = 1.4
    supply_v: float = 24.0


@dataclass
class VacuumState:
    """Level below ambient, set point (0 is off) and drive of the pump 0..1."""

    level_pa: float = 0.0
    set_point_pa: float = 0.0
    drive: float = 0.0


class Vacuum:
    """The vacuum circuit of one cup."""

    def __init__(self, config: VacuumConfig) -> None:
        self.config = config
        self.state = VacuumState()

    @property
    def is_on(self) -> bool:
        """Whether the pump is commanded on."""
        return self.state.set_point_pa > 0.0

    @property
    def pump_current_a(self) -> float:
        """Current of the pump at its drive."""
        config = self.config
        if not self.is_on:
            return 0.0
        return config.pump_idle_a + (config.pump_full_a - config.pump_idle_a) * self.state.drive

    def set(self, set_point_pa: float) -> None:
        """Sets the vacuum to hold, 0 to vent; clipped to what the pump can reach."""
        self.state.set_point_pa = min(max(set_point_pa, 0.0), self.config.pump_vacuum_max_pa)

    def advance(self, dt_s: float, leak: float) -> None:
        """Moves on by a tick. `leak` is the sum of all leak conductances as a share of Q0 / p_max."""
        config, state = self.config, self.state
        if not self.is_on:
            state.drive = 0.0
            state.level_pa *= math.exp(-dt_s / config.vent_time_constant_s)
            return
        state.drive = self._regulate()
        gain_per_s = config.atmosphere_pa * config.pump_flow_m3_s / (config.volume_m3 * config.pump_vacuum_max_pa)
        decay_per_s = gain_per_s * (state.drive + leak)
        final_pa = config.pump_vacuum_max_pa * state.drive / (state.drive + leak) if state.drive + leak > 0.0 else 0.0
        state.level_pa = final_pa + (state.level_pa - final_pa) * math.exp(-decay_per_s * dt_s)

    def _regulate(self) -> float:
        """Drive 0..1: what holds the set point at a healthy cup, plus the proportional term."""
        config, state = self.config, self.state
        share = min(state.set_point_pa / config.pump_vacuum_max_pa, 0.999)
        healthy = config.sealed_leak * share / (1.0 - share)
        wanted = healthy + (state.set_point_pa - state.level_pa) / config.regulator_band_pa
        return min(max(wanted, 0.0), 1.0)
