"""Limits on the foreseen risk, refined by outcomes over a recording with the monitor's own learner."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from bench.cobotops_data import BoolArray, FloatArray, Recording, onsets
from bench.output import show
from workcell_sensors.health.outcome_threshold import OutcomeThreshold

PERIOD_S = 10.0
"""A stop counts as foretold by a warning of the period before it."""
SHIPPED = 0.5
"""Limit of the risk before anything was learned: more likely than not."""
STEP = 0.05
MISS_COST, FALSE_ALARM_COST = 5.0, 1.0
SCORED_FROM = 0.6
"""Share of the rows after which alarms are counted, for both limits alike."""


def refine_over(recording: Recording, risks: Mapping[tuple[str, str], FloatArray]) -> dict[str, dict[str, float]]:
    """Shows alarms per hour and missed events with the limit as shipped and as it is refined on the way.

    `risks` has the risk (m,) per label and kind of risk; NaN where there is none.
    """
    rows: list[list[object]] = []
    figures: dict[str, dict[str, float]] = {}
    for (label, kind), risk in risks.items():
        worst, harm, is_scored = _periods(recording, label, risk)
        shipped = np.full(len(worst), SHIPPED)
        for name, limits in (("as shipped", shipped), ("refined", refined_limits(worst, harm))):
            judged = _judged(worst[is_scored], harm[is_scored], limits[is_scored])
            figures[f"{label}, {kind}, {name}"] = judged
            rows.append([f"{label}, {kind}", name, *judged.values()])
    first = next(iter(figures.values()), {})
    title = f"{recording.name}: limits on the risk, last {1 - SCORED_FROM:.0%}, a miss costs {MISS_COST:g} false alarms"
    show(title, ["event and risk", "limit", *first], rows)
    return figures


def _periods(recording: Recording, label: str, risk: FloatArray) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Highest risk per period, whether the event began in the next, and whether it is scored; each (k,).

    Periods without a risk are left out.
    """
    place = np.floor((recording.times_s - recording.times_s[0]) / PERIOD_S).astype(np.intp)
    begins = set(place[onsets(recording, label)].tolist())
    scored_from = place[round(SCORED_FROM * len(place))]
    found = [
        (float(np.nanmax(values)), float(number + 1 in begins), number > scored_from)
        for number in np.unique(place)
        if np.isfinite(values := risk[place == number]).any()
    ]
    table = np.array(found, dtype=np.float64).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2] > 0.5


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
    warned, came = worst > limits, harm > 0.5
    hours = max(len(came), 1) * PERIOD_S / 3600.0
    missed = int((came & ~warned).sum())
    false = int((warned & ~came).sum())
    return {
        "alarms per hour": float(warned.sum() / hours),
        "false alarms per hour": false / hours,
        "events": float(came.sum()),
        "missed": float(missed),
        "cost per hour": (MISS_COST * missed + FALSE_ALARM_COST * false) / hours,
    }
