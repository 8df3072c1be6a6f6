"""Electrical power, energy and its price."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PowerConfig:
    """Constant consumers in [W], efficiency of the drives' supply, and the base price in [EUR/kWh]."""

    controller_w: float = 85.0
    light_w: float = 12.0
    belt_w: float = 18.0
    supply_efficiency: float = 0.85
    tariff_eur_per_kwh: float = 0.28


@dataclass
class PowerState:
    """Last power [W] and energy since the start of the shift [J]."""

    power_w: float = 0.0
    energy_j: float = 0.0


class PowerMeter:
    """Meters what the cell draws."""

    def __init__(self, config: PowerConfig) -> None:
        self._config = config
        self.state = PowerState(power_w=config.controller_w + config.light_w + config.belt_w)

    def observe(self, drives_w: float, pump_w: float, duration_s: float) -> None:
        """Adds a window: drives and pump behind the supply, on top of the constant consumers."""
        config = self._config
        constant = config.controller_w + config.light_w + config.belt_w
        self.state.power_w = constant + (drives_w + pump_w) / config.supply_efficiency
        self.state.energy_j += self.state.power_w * duration_s

    def tariff_eur_per_kwh(self, factor: float) -> float:
        """The price at a factor on the base."""
        return self._config.tariff_eur_per_kwh * factor
