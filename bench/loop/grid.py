"""What could be known in hindsight: the best setting for each condition, and the best fixed one, by grid search.

Settings are tried in the simulator on seeds that are never scored. The oracle is told the conditions of the whole
shift and goes to the best setting of each stretch at once, without steps or intervals; like everybody it keeps to the
envelope and to what may happen without a person.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from bench.loop.shop import CYCLES, DEFAULT, Shift, Shop
from workcell_control.policy.optimiser.setting import Setting
from workcell_sim.world.scenario import Scenario

TRIAL_SEED = 1000
TRIAL_CYCLES = 20
CONFIRM_CYCLES = 100
"""So many more cycles without a violation must follow before a setting is taken for safe."""
STRETCH_S = 120.0
SHIFT_S = 1250.0
"""No policy takes longer for its cycles."""
VALUES: Mapping[str, tuple[float, ...]] = {
    # What makes parts acceptable first, then what all moves bear, then what a part bears at that speed.
    "exposure_s": (0.004, 0.005, 0.0065, 0.008, 0.01, 0.0125),
    "grip_vacuum_pa": (55e3, 70e3),
    "speed_scale": (0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7, 1.0),
    "part_acceleration_max_m_s2": (0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 7.0),
}
"""The grid, parameter by parameter; it is searched along each in turn."""
START = replace(DEFAULT, acceleration_scale=1.0, jerk_scale=1.0, grip_dwell_s=0.1, settle_s=0.08, grip_vacuum_pa=70e3)
"""Waits as short as the optimiser may make them, and all that the joints can do: a search begins here."""


@dataclass(frozen=True)
class Schedule:
    """The oracle's settings: from each time on, the one that stands beside it."""

    times_s: tuple[float, ...]
    settings: tuple[Setting, ...]

    def at(self, time_s: float) -> Setting:
        """The setting of a time."""
        index = sum(begin_s <= time_s for begin_s in self.times_s) - 1
        return self.settings[max(index, 0)]


def frozen_at(scenario: Scenario, time_s: float) -> Scenario:
    """A scenario in which what holds at a time holds throughout."""
    events = tuple(
        replace(event, at_s=0.0, ramp_s=0.0, hold_s=math.inf, magnitude=_magnitude(event.magnitude, level, event.kind))
        for event in scenario.events
        if event.kind != "protective_stop" and (level := event.level(time_s)) > 0.0
    )
    return replace(scenario, events=events)


def _magnitude(magnitude: float, level: float, kind: str) -> float:
    is_factor = kind in ("light_drift", "heavy_lot", "tariff_peak", "starved_infeed")
    return 1.0 + level * (magnitude - 1.0) if is_factor else level * magnitude


def appraise(shop: Shop, scenario: Scenario, setting: Setting, above: float) -> float:
    """Value of an hour of a setting under constant conditions; minus infinity where it breaks the constraint.

    What comes out above a value is tried for longer, so that luck with the grips does not pass for safety.
    """
    world = shop.world(scenario, TRIAL_SEED)
    cycles = [world.run(setting) for _ in range(TRIAL_CYCLES)]
    value = shop.sum_up(cycles).value
    allowed = shop.options.violation_probability_max
    if any(cycle.is_violation for cycle in cycles):
        return -math.inf
    if value > above:
        further = sum(world.run(setting).is_violation for _ in range(CONFIRM_CYCLES))
        return value if further <= 0.5 * allowed * CONFIRM_CYCLES else -math.inf
    return value


def best_for(shop: Shop, scenario: Scenario, start: Setting) -> Setting:
    """The grid's best setting under constant conditions, parameter by parameter."""
    best, value = start, appraise(shop, scenario, start, math.inf)
    for name, values in VALUES.items():
        for candidate in (replace(best, **{name: number}) for number in values if number != getattr(best, name)):
            found = appraise(shop, scenario, candidate, value)
            if found > value:
                best, value = candidate, found
    return best


def oracle(shop: Shop, scenario: Scenario) -> Schedule:
    """The best setting of every stretch of a shift; stretches with equal conditions share theirs."""
    times_s, settings = [], []
    known: dict[tuple[object, ...], Setting] = {}
    start = START
    for index in range(math.ceil(SHIFT_S / STRETCH_S)):
        # A stretch is judged by its end: conditions mostly become worse.
        now = frozen_at(scenario, (index + 0.95) * STRETCH_S)
        if now.events not in known:
            # Gentle first: from a setting that loses parts no single step may lead to one that does not.
            gentle = replace(START, part_acceleration_max_m_s2=0.75, speed_scale=0.3, exposure_s=start.exposure_s)
            known[now.events] = best_for(shop, now, gentle)
        start = known[now.events]
        times_s.append(index * STRETCH_S)
        settings.append(start)
    return Schedule(tuple(times_s), tuple(settings))


def run_schedule(shop: Shop, scenario: Scenario, seed: int, schedule: Schedule) -> Shift:
    """A shift under the oracle."""
    world = shop.world(scenario, seed)
    return shop.sum_up([world.run(schedule.at(world.time_s)) for _ in range(CYCLES)])


def fixed_candidates(schedule: Schedule) -> list[Setting]:
    """Settings that might be best for a whole shift: the oracle's own, and one that all its stretches bear."""
    found = set(schedule.settings) | {DEFAULT}
    gentlest = min(setting.part_acceleration_max_m_s2 for setting in schedule.settings)
    slowest = min(setting.speed_scale for setting in schedule.settings)
    for exposure_s in {0.004, 0.0055} | {schedule.settings[-1].exposure_s}:
        for speed in {slowest, 0.7}:
            found.add(replace(START, exposure_s=exposure_s, part_acceleration_max_m_s2=gentlest, speed_scale=speed))
    return sorted(found, key=lambda setting: tuple(setting.array()))


def best_fixed(shop: Shop, scenario: Scenario, candidates: list[Setting], keep: int) -> list[Setting]:
    """The candidates that are best over a shift of a seed that is not scored."""
    values = [shop.run(scenario, TRIAL_SEED, None, setting).value for setting in candidates]
    order = sorted(range(len(candidates)), key=lambda index: -values[index])
    return [candidates[index] for index in order[:keep]]
