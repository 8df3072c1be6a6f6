"""What every run of the benchmark shares: the cell's files, motions that were planned once, and one shift of cycles."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from workcell_control.cell.cell_parameters import CellParameters
from workcell_control.governance.rules import Governance, load_governance
from workcell_control.policy.optimiser.guarded import GuardedOptimiser
from workcell_control.policy.optimiser.options import load_options
from workcell_control.policy.optimiser.setting import Setting
from workcell_control.policy.policy import Policy
from workcell_control.policy.reflex import ReflexPolicy, Tooling
from workcell_control.policy.value import Prices, load_prices, per_hour_eur, value_of
from workcell_sensors.health.threshold import load_thresholds
from workcell_sensors.tags import load_tags
from workcell_sim.cycle.closed_loop import ClosedLoop
from workcell_sim.cycle.cycle_world import CycleTruth, CycleWorld
from workcell_sim.cycle.monitor_levels import VibrationLevels
from workcell_sim.cycle.motions import MotionLibrary
from workcell_sim.cycle.verdict_table import load_table
from workcell_sim.world.scenario import Scenario, load_scenario
from workcell_sim.world.world_config import load_world_config

SCENARIOS = {
    "leak": "vacuum_leak",
    "wear": "joint_wear",
    "light": "light_drift",
    "heavy lot": "heavy_lot",
    "tariff": "tariff_peak",
    "all at once": "all_at_once",
}
DRIFTS = ("leak", "wear", "light", "heavy lot", "all at once")
"""Scenarios in which the machine, its parts or its surroundings change; a price alone is not a drift."""
CYCLES = 300
LEARNING = 150
"""Cycles after which the learned value is compared with the oracle's."""
DEFAULT = Setting(0.6, 0.5, 0.5, 7.0, 55e3, 0.2, 0.2, 0.004)
"""The cell's own, config/cell.yaml."""
MONITOR_WINDOW_S = 10.0
EARLIER_SEED = 2000
"""Of the shift that a warm start remembers; it is never scored."""


@dataclass(frozen=True)
class Shift:
    """The figures of one shift; values in EUR/h."""

    value: float
    """Over the whole shift."""
    learned: float
    """After `LEARNING` cycles."""
    cycles: int
    violations: int
    """Lost parts and protective stops."""
    drops: int
    escapes: int


class Shop:
    """The cell's files, read once."""

    def __init__(self) -> None:
        self.governance: Governance = load_governance("config/governance.yaml")
        self.prices: Prices = load_prices("config/value.yaml")
        self.options = load_options("config/optimiser.yaml")
        self.config = load_world_config("config/station.yaml", "urdf/ur5e.yaml", "urdf/cell.urdf.xacro")
        self.motions = MotionLibrary(self.config, CellParameters())
        self.verdicts = load_table()
        self.tooling = Tooling(cup_radius_m=0.005, part_mass_kg=0.12, weigh_lever_m=0.5, friction=0.5)
        thresholds = load_thresholds("config/thresholds.yaml", load_tags("config/tags.yaml"))
        self._vibration = thresholds["arm/joint_1/vibration"]

    def scenario(self, name: str) -> Scenario:
        """A scenario by the benchmark's name, or by that of its file."""
        return load_scenario(f"config/scenarios/{SCENARIOS.get(name, name)}.yaml")

    def optimiser(self) -> GuardedOptimiser:
        """A fresh optimiser over fresh rules."""
        return GuardedOptimiser(self.tooling, self.governance, self.prices, self.options)

    def warm_optimiser(self) -> GuardedOptimiser:
        """One that remembers a shift of another day, in which nothing happened: what `policy_learned_file` keeps."""
        optimiser = self.optimiser()
        optimiser.restore(self._earlier_shift)
        return optimiser

    @cached_property
    def _earlier_shift(self) -> dict[str, Any]:
        optimiser = self.optimiser()
        self.run(load_scenario("config/scenarios/calm.yaml"), EARLIER_SEED, optimiser)
        return optimiser.snapshot()

    def reflex(self) -> ReflexPolicy:
        """Fresh reflex rules."""
        rules = self.governance.rules
        intervals_s = {node: {name: rule.min_interval_s for name, rule in rules[node].items()} for node in rules}
        return ReflexPolicy(self.tooling, intervals_s)

    def world(self, scenario: Scenario, seed: int) -> CycleWorld:
        """A cell at the beginning of a shift."""
        return CycleWorld(self.config, scenario, seed, self.motions, self.verdicts)

    def loop(self, scenario: Scenario, seed: int, policy: Policy | None, setting: Setting = DEFAULT) -> ClosedLoop:
        """A policy around such a cell."""
        levels = VibrationLevels(self._vibration, MONITOR_WINDOW_S, 6)
        return ClosedLoop(self.world(scenario, seed), policy, self.governance, setting, levels, seed)

    def run(self, scenario: Scenario, seed: int, policy: Policy | None, setting: Setting = DEFAULT) -> Shift:
        """One shift under a policy, or under a fixed setting."""
        loop = self.loop(scenario, seed, policy, setting)
        return self.sum_up([loop.run_cycle() for _ in range(CYCLES)])

    def sum_up(self, cycles: list[CycleTruth]) -> Shift:
        """The figures of a shift's cycles, in order."""
        values = [value_of(cycle.outcome, self.prices, cycle.seen.tariff_eur_per_kwh) for cycle in cycles]
        return Shift(
            value=per_hour_eur(values),
            learned=per_hour_eur(values[LEARNING:]),
            cycles=len(cycles),
            violations=sum(cycle.is_violation for cycle in cycles),
            drops=round(sum(cycle.outcome.drop for cycle in cycles)),
            escapes=round(sum(cycle.outcome.escape for cycle in cycles)),
        )


def mean(shifts: list[Shift], name: str) -> float:
    """Mean of a figure over shifts."""
    return float(np.mean([getattr(shift, name) for shift in shifts]))
