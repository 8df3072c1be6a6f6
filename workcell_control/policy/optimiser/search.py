"""Finds the best setting that may be gone to from the one in force: one step of the governor away, and safe.

The safe set grows step by step from where the cell is, as in SafeOpt (Sui et al., "Safe Exploration for Optimization
with Gaussian Processes", ICML 2015): only settings whose probability of a violation is bounded are considered, each
is within one step of the last, and what is learned there widens the set. Instead of expanding it everywhere, it is
expanded towards the goal (Turchetta et al., "Safe Exploration for Interactive Machine Learning", NeurIPS 2019): an
optimistic value leads the way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workcell_control.governance.rules import Direction, Rule
from workcell_control.motion.limits import ACCELERATION_QUANTUM_M_S2
from workcell_control.policy.optimiser.setting import COLUMN, NAMES

FloatArray = npt.NDArray[np.float64]

QUANTUM: Mapping[str, float] = {
    "speed_scale": 0.01,
    "acceleration_scale": 0.05,
    "jerk_scale": 0.05,
    "part_acceleration_max_m_s2": ACCELERATION_QUANTUM_M_S2,
    "grip_vacuum_pa": 1e3,
    "grip_dwell_s": 0.02,
    "settle_s": 0.02,
    "exposure_s": 1e-4,
}
"""Settings are proposed in these steps: the planner remembers moves, and less makes no difference."""
POINTS = 7
"""Values tried of each parameter, over all its range."""
NEAR_STEPS = 2
"""Steps of the quantum that are tried next to the best so far, either way."""
ROUNDS = 6


@dataclass(frozen=True)
class Reach:
    """How far each parameter may go from the setting in force, in the order of `NAMES`, shape (8,) each."""

    low: FloatArray
    high: FloatArray


@dataclass(frozen=True)
class Appraisal:
    """What settings are worth: `score` to be made large, and the probability of a violation; shape (n,) each."""

    score: FloatArray
    violation: FloatArray


Appraise = Callable[[FloatArray], Appraisal]


def reach_of(
    current: FloatArray, rules: Mapping[str, Rule], fixed: frozenset[str], floors: Mapping[str, float]
) -> Reach:
    """The box of settings that the governor would let pass without a person.

    Args:
        current: setting in force, shape (8,).
        rules: by parameter.
        fixed: parameters that were changed too recently to be changed again, unless towards safety.
        floors: least values besides the envelopes'.
    """
    low, high = current.copy(), current.copy()
    for index, name in enumerate(NAMES):
        rule, value = rules[name], float(current[index])
        floor = max(rule.low, floors.get(name, rule.low), rule.ask_below or rule.low)
        ceiling = min(rule.high, rule.ask_above or rule.high)
        step = 0.0 if name in fixed else rule.max_step
        down = floor if rule.safer is Direction.DOWN else value - step
        up = ceiling if rule.safer is Direction.UP else value + step
        low[index] = min(max(down, floor), value)
        high[index] = max(min(up, ceiling), value)
    return Reach(low, high)


def best_setting(current: FloatArray, reach: Reach, appraise: Appraise, violation_max: float) -> FloatArray:
    """Coordinate ascent over the box: the best safe setting, or the safest where none is safe, shape (8,)."""
    best = current
    best_rank = _ranks(appraise(current[None]), violation_max)[0]
    for _ in range(ROUNDS):
        candidates = _around(best, reach)
        ranks = _ranks(appraise(candidates), violation_max)
        top = int(np.argmax(ranks))
        if ranks[top] <= best_rank:
            break
        best, best_rank = candidates[top], ranks[top]
    return best


def _ranks(appraisal: Appraisal, violation_max: float) -> FloatArray:
    """Safe settings by score, all others below them by how unsafe they are."""
    unsafe = -_UNSAFE * (1.0 + np.maximum(appraisal.violation - violation_max, 0.0))
    return np.where(appraisal.violation <= violation_max, appraisal.score, unsafe)


def _around(centre: FloatArray, reach: Reach) -> FloatArray:
    """Settings that differ from the centre in one parameter, and in those that go together."""
    rows = []
    for index, name in enumerate(NAMES):
        for value in _values(reach.low[index], centre[index], reach.high[index], QUANTUM[name]):
            row = centre.copy()
            row[index] = value
            rows.append(row)
    # The same peak speed costs least time with a low limit and full acceleration: one is exchanged for the other.
    speed, acceleration = COLUMN["speed_scale"], COLUMN["acceleration_scale"]
    fastest = reach.high[speed]
    for slower in _values(reach.low[speed], centre[speed], fastest, QUANTUM["speed_scale"]):
        for stronger in np.unique([centre[acceleration], reach.high[acceleration]]):
            row = centre.copy()
            row[speed], row[acceleration] = slower, stronger
            rows.append(row)
    for share in _SHARES:
        # Speed, acceleration and jerk make a move faster together; the bound of the part bears it.
        for group in _GROUPS:
            row = centre.copy()
            for name in group:
                index = COLUMN[name]
                end = reach.high[index] if share > 0.0 else reach.low[index]
                row[index] = _rounded(centre[index] + abs(share) * (end - centre[index]), QUANTUM[name], reach, index)
            rows.append(row)
    return np.array(rows)


def _values(low: float, centre: float, high: float, quantum: float) -> FloatArray:
    """Some over all the range, and those next to the centre; an end that is no multiple of the quantum as it is."""
    near = centre + quantum * np.arange(-NEAR_STEPS, NEAR_STEPS + 1)
    grid = np.round(np.concatenate([np.linspace(low, high, POINTS), near]) / quantum) * quantum
    return np.unique(np.clip(grid, low, high))


def _rounded(value: float, quantum: float, reach: Reach, index: int) -> float:
    return float(min(max(np.round(value / quantum) * quantum, reach.low[index]), reach.high[index]))


_UNSAFE = 1e6
_SHARES = (1.0, 0.5, -0.5, -1.0)
_MOTION = ("speed_scale", "acceleration_scale", "jerk_scale")
_GROUPS = (_MOTION, (*_MOTION, "part_acceleration_max_m_s2"), ("grip_vacuum_pa", "part_acceleration_max_m_s2"))
