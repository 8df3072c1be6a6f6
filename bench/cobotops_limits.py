"""Limits on the foreseen risk, refined by outcomes over a recording with the monitor's own learner."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bench.cobotops_data import FloatArray, Recording, onsets
from bench.output import show
from workcell_sensors.health.outcome_threshold import OutcomeThreshold

PERIOD_S = 10.0
"""A stop counts as foretold by a warning of the period before it."""
SHIPPED = 0.5
"""Limit of the risk before anything was learned: more likely than not."""
STEP = 0.05
MISS_COST, FALSE_ALARM_COST = 5.0, 1.0
SCORED_FROM = 0.6
"""Share of the recording after which alarms are counted, for both limits alike."""


def refine_over(recording: Recording, risks: Mapping[str, FloatArray]) -> dict[str, dict[str, float]]:
    """Shows, per label, alarms per hour and missed events with the limit as shipped and as it is refined on the way."""
    rows: list[list[object]] = []
    figures: dict[str, dict[str, float]] = {}
    for label, risk in risks.items():
        worst, harm = _periods(recording, label, risk)
        shipped = np.full(len(worst), SHIPPED)
        for name, limits in (("as shipped", shipped), ("refined", refined_limits(worst, harm))):
            figures[f"{label}, {name}"] = judged = _judged(worst, harm, limits)
            rows.append([label, name, *judged.values()])
    first = next(iter(figures.values()), {})
    title = f"{recording.name}: limits on the risk, last {1 - SCORED_FROM:.0%}, a miss costs {MISS_COST:g} false alarms"
    show(title, ["event", "limit", *first], rows)
    return figures


def _periods(recording: Recording, label: str, risk: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Highest risk per period, and whether the event began in the next; periods without rows are left out."""
    place = np.floor((recording.times_s - recording.times_s[0]) / PERIOD_S).astype(np.intp)
    begins = set(place[onsets(recording, label)].tolist())
    found = [
        (float(np.nanmax(values)), float(number + 1 in begins))
        for number in np.unique(place)
        if np.isfinite(values := risk[place == number]).any()
    ]
    return np.array([worst for worst, _ in found]), np.array([harm for _, harm in found])


def refined_limits(worst: FloatArray, harm: FloatArray) -> FloatArray:
    """Returns the limit in force in each period (m,), moved a step at a time by what was known when it began."""
    learner = OutcomeThreshold(below=False, low=0.0, high=1.0, miss_cost=MISS_COST, false_alarm_cost=FALSE_ALARM_COST)
    limit, limits = SHIPPED, np.zeros(len(worst))
    for period in range(len(worst)):
        # What became of the period before the last is known now; of the last it is known when this one ends.
        if period > 1:
            known = period - 2
            learner.learn_one(float(worst[known]), bool(harm[known]), present=limits[known])
            (wanted,) = learner.score_one(present=(limit,), home=(SHIPPED,))
            limit = min(max(wanted, limit - STEP), limit + STEP)
        limits[period] = limit
    return limits


def _judged(worst: FloatArray, harm: FloatArray, limits: FloatArray) -> dict[str, float]:
    scored = slice(round(SCORED_FROM * len(worst)), None)
    warned, came = (worst > limits)[scored], harm[scored] > 0.5
    hours = len(came) * PERIOD_S / 3600.0
    missed = int((came & ~warned).sum())
    false = int((warned & ~came).sum())
    return {
        "alarms per hour": float(warned.sum() / hours),
        "false alarms per hour": false / hours,
        "events": float(came.sum()),
        "missed": float(missed),
        "cost per hour": (MISS_COST * missed + FALSE_ALARM_COST * false) / hours,
    }
