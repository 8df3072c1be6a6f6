"""What could be known in hindsight: the best setting for each condition, and the best fixed one, by search.

Settings are tried in the simulator on seeds that are never scored, all on the same parts, grips and noise (common
random numbers). The oracle is told the conditions of the whole shift and goes to the best setting of each stretch at
once, without steps or intervals; like everybody it keeps to the envelope and to what may happen without a person, and
like the optimiser it may break the safety constraint in one cycle of a hundred.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bench.loop.shop import CYCLES, DEFAULT, Shift, Shop
from workcell_control.policy.optimiser.setting import NODE_OF, Setting
from workcell_sim.world.scenario import Event, Scenario

TRIAL_SEEDS = (1000, 1001)
TRIALS = ((1000, 20), (1000, 60), (1001, 120))
"""Seeds and cycles of a trial, a race: what does not do better than the best so far in one does not run the next. The
last is of another seed, since luck with the grips is no merit."""
STRETCH_S = 100.0
"""What changes slowly is cut into such stretches."""
SHIFT_S = 1250.0
"""No policy takes longer for its cycles."""
HEDGE_TRIAL = (1002, 1200)
"""Seed and cycles in which a reserve against rare losses is found."""
HEDGES = (1.0, 0.92, 0.84, 0.75, 0.65, 0.55, 0.45)
"""Shares of a part's acceleration that are tried then."""
COARSE: Mapping[str, tuple[float, ...]] = {
    # What makes parts acceptable first, then what all moves bear, then what a part bears at that speed.
    "exposure_s": (0.004, 0.005, 0.0065, 0.008, 0.01),
    "part_acceleration_max_m_s2": (0.75, 1.0, 1.5, 2.0, 2.75, 3.5, 4.5, 6.0, 8.0),
    "speed_scale": (0.3, 0.4, 0.5, 0.6, 0.7, 0.85, 1.0),
    "acceleration_scale": (0.6, 0.8, 1.0),
    "jerk_scale": (0.7, 1.0),
    "settle_s": (0.05, 0.1),
    "grip_dwell_s": (0.05, 0.1),
}
"""The first pass over the parameters: over all that they may be."""
FINE: Mapping[str, tuple[float, ...]] = {
    "exposure_s": (-7e-4, -3e-4, 3e-4, 7e-4),
    "part_acceleration_max_m_s2": (-0.5, -0.25, 0.25, 0.5),
    "speed_scale": (-0.05, -0.025, 0.025, 0.05),
    "acceleration_scale": (-0.1, -0.05, 0.05, 0.1),
    "jerk_scale": (-0.15, 0.15),
    "settle_s": (-0.025, 0.025),
    "grip_dwell_s": (-0.025, 0.025),
}
"""The second pass: around the best so far."""
START = replace(DEFAULT, acceleration_scale=1.0, jerk_scale=1.0, grip_dwell_s=0.1, settle_s=0.08, grip_vacuum_pa=70e3)
"""Waits as short as the optimiser may make them, and all that joints and, without a person, pump can do: a search
begins here. The grip stays at its strongest: that costs next to nothing, and weaker ones only bear less."""

Measure = Callable[[Setting], float]
"""What a setting is worth, or how far from feasible it is: the larger the better."""


@dataclass(frozen=True)
class Schedule:
    """The oracle's settings: from each time on, the one that stands beside it."""

    times_s: tuple[float, ...]
    settings: tuple[Setting, ...]

    def at(self, time_s: float) -> Setting:
        """The setting of a time."""
        index = sum(begin_s <= time_s for begin_s in self.times_s) - 1
        return self.settings[max(index, 0)]


@dataclass(frozen=True)
class Hindsight:
    """What whoever knows the whole shift would do."""

    schedule: Schedule
    fixed: Setting


def hindsight(shop: Shop, scenario: Scenario, kept: Path | None) -> Hindsight:
    """Searches for both, or takes them from a file that an earlier search wrote: no learner has a part in them.

    Args:
        shop: the cell's files.
        scenario: of the shift.
        kept: the file, where what is not yet in it is added; None to keep nothing.
    """
    known: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8")) if kept is not None and kept.exists() else {}
    if scenario.name not in known:
        schedule = oracle(shop, scenario)
        fixed = best_fixed(shop, scenario, schedule)
        known[scenario.name] = asdict(Hindsight(schedule, fixed))
        if kept is not None:
            kept.write_text(json.dumps(known, indent=1), encoding="utf-8")
    found = known[scenario.name]
    settings = tuple(Setting(**setting) for setting in found["schedule"]["settings"])
    return Hindsight(Schedule(tuple(found["schedule"]["times_s"]), settings), Setting(**found["fixed"]))


def oracle(shop: Shop, scenario: Scenario) -> Schedule:
    """The best setting of every stretch of a shift; stretches with equal conditions share theirs."""
    times_s = stretches_s(scenario)
    known: dict[tuple[Event, ...], Setting] = {}
    best, settings = START, []
    for begin_s, end_s in zip(times_s, (*times_s[1:], SHIFT_S), strict=True):
        # A stretch is judged by its end: conditions mostly become worse.
        now = frozen_at(scenario, begin_s + 0.95 * (end_s - begin_s))
        if now.events not in known:
            known[now.events] = _best_for(shop, now, best)
        best = known[now.events]
        settings.append(best)
    return Schedule(times_s, tuple(settings))


def run_schedule(shop: Shop, scenario: Scenario, seed: int, schedule: Schedule) -> Shift:
    """A shift under the oracle."""
    world = shop.world(scenario, seed)
    return shop.sum_up([world.run(schedule.at(world.time_s)) for _ in range(CYCLES)])


def best_fixed(shop: Shop, scenario: Scenario, schedule: Schedule) -> Setting:
    """The setting that is best when it stays for a whole shift: the best of the oracle's, made better step by step."""
    measures = tuple(_shift_measure(shop, scenario, seed) for seed in TRIAL_SEEDS)
    slowest = min(setting.speed_scale for setting in schedule.settings)
    gentlest = min(setting.part_acceleration_max_m_s2 for setting in schedule.settings)
    brightest = max(setting.exposure_s for setting in schedule.settings)
    bearable = replace(
        START, speed_scale=slowest, part_acceleration_max_m_s2=gentlest, exposure_s=(brightest + START.exposure_s) / 2.0
    )
    candidates = list(dict.fromkeys((*schedule.settings, bearable, replace(bearable, speed_scale=0.7), DEFAULT)))
    start = max(candidates, key=measures[0])
    return _climb(shop, start, measures, (_around,))


def stretches_s(scenario: Scenario) -> tuple[float, ...]:
    """When stretches begin: where an event begins, changes or ends, and within what changes slowly."""
    edges_s = {0.0}
    for event in scenario.events:
        full_s = event.at_s + event.ramp_s
        parts = max(math.ceil(event.ramp_s / STRETCH_S), 1)
        edges_s |= {event.at_s + event.ramp_s * part / parts for part in range(parts + 1)}
        if math.isfinite(event.hold_s):
            edges_s |= {full_s + event.hold_s + event.ramp_s * part / parts for part in range(parts + 1)}
    return tuple(sorted(edge_s for edge_s in edges_s if edge_s < SHIFT_S))


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


def _best_for(shop: Shop, scenario: Scenario, before: Setting) -> Setting:
    """The best setting under constant conditions.

    Args:
        shop: the cell's files.
        scenario: the conditions.
        before: best setting of the stretch before.
    """
    measures = tuple(_constant_measure(shop, scenario, seed, cycles) for seed, cycles in TRIALS)
    # From a setting that loses every part no single step may lead to one that does not, nor from slow to fast.
    rough = [
        replace(before, speed_scale=speed, part_acceleration_max_m_s2=bound_m_s2)
        for speed in (0.3, 0.6, 1.0)
        for bound_m_s2 in (0.75, 2.25)
    ]
    start = max((before, *rough), key=measures[-1])
    best = _climb(shop, start, measures, (_everywhere, _around))
    # What few trials find bears no loss in these few: more of them tell how much reserve pays.
    bound_m_s2 = best.part_acceleration_max_m_s2
    reserves = [replace(best, part_acceleration_max_m_s2=round(share * bound_m_s2, 2)) for share in HEDGES]
    return max(reserves, key=_constant_measure(shop, scenario, *HEDGE_TRIAL))


def _constant_measure(shop: Shop, scenario: Scenario, seed: int, cycles: int) -> Measure:
    allowed = max(round(shop.options.violation_probability_max * cycles), 1)

    def measure(setting: Setting) -> float:
        world = shop.world(scenario, seed)
        found = shop.sum_up([world.run(setting) for _ in range(cycles)])
        # No value is as low as the least of all excesses.
        return found.value if found.violations <= allowed else -1e6 * found.violations / cycles

    return measure


def _shift_measure(shop: Shop, scenario: Scenario, seed: int) -> Measure:
    return lambda setting: shop.run(scenario, seed, None, setting).value


Tried = Callable[[str, float], Iterator[float]]
"""From a parameter's name and best value so far, the values to be tried of it."""


def _climb(shop: Shop, start: Setting, measures: tuple[Measure, ...], passes: tuple[Tried, ...]) -> Setting:
    """Coordinate ascent: what is better by one measure after the other takes the best one's place."""
    best, scores = start, [measure(start) for measure in measures]
    for tried in passes:
        for name in COARSE:
            for value in tried(name, getattr(best, name)):
                candidate = replace(best, **{name: _allowed(shop, name, value)})
                found = _better(candidate, measures, scores) if candidate != best else None
                if found is not None:
                    best, scores = candidate, found
    return best


def _better(candidate: Setting, measures: tuple[Measure, ...], scores: list[float]) -> list[float] | None:
    found = []
    for measure, score in zip(measures, scores, strict=True):
        found.append(measure(candidate))
        if found[-1] <= score:
            return None
    return found


def _everywhere(name: str, _: float) -> Iterator[float]:
    yield from COARSE[name]


def _around(name: str, centre: float) -> Iterator[float]:
    yield from (round(centre + step, 6) for step in FINE[name])


def _allowed(shop: Shop, name: str, value: float) -> float:
    """A value within the envelope and what may happen without a person."""
    rule = shop.governance.rules[NODE_OF[name]][name]
    return min(max(value, rule.low, rule.ask_below or rule.low), rule.high, rule.ask_above or rule.high)
