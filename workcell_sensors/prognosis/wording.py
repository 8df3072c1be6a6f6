"""A component's health in words and figures, as people and tools read it."""

from __future__ import annotations

import math

from workcell_sensors.prognosis.detector import ANOMALOUS
from workcell_sensors.prognosis.life import ComponentHealth
from workcell_sensors.prognosis.watch import Watch


def cycles_text(cycles: float) -> str:
    """Returns a number of cycles, or that none can be foreseen.

    >>> cycles_text(1234.4), cycles_text(math.inf)
    ('1234', 'unforeseeable')
    """
    return f"{cycles:.0f}" if math.isfinite(cycles) else "unforeseeable"


def health_text(health: ComponentHealth, horizon_cycles: int) -> str:
    """Returns the health in a line."""
    if not math.isfinite(health.health_index):
        return f"learning what healthy is, {health.cycles} cycles so far"
    life = health.remaining
    left = "no end in sight"
    if math.isfinite(life.low_cycles):
        left = f"{cycles_text(life.median_cycles)} cycles left"
        left += f" ({cycles_text(life.low_cycles)} to {cycles_text(life.high_cycles)})"
    risk = f"{health.failure_probability:.1%} risk of failure within {horizon_cycles} cycles"
    return f"health {health.health_index:.0%}, {left}, {risk}"


def watch_text(watch: Watch) -> str:
    """Returns in a line whether several quantities together are like themselves."""
    if watch.is_learning:
        return f"learning what the machine is like, {watch.cycles} cycles so far"
    return "unlike the cycles before" if watch.score >= ANOMALOUS else "as before"


def health_values(health: ComponentHealth, horizon_cycles: int) -> dict[str, object]:
    """Returns the figures of a status; infinite cycles mean that no end can be foreseen."""
    return {
        "health_index": round(health.health_index, 4),
        "remaining_cycles": round(health.remaining.median_cycles, 1),
        "remaining_cycles_low": round(health.remaining.low_cycles, 1),
        "remaining_cycles_high": round(health.remaining.high_cycles, 1),
        "failure_probability": round(health.failure_probability, 5),
        "horizon_cycles": horizon_cycles,
        "indicator": round(health.indicator, 5),
        "healthy": round(health.healthy, 5),
        "cycles": health.cycles,
    }
