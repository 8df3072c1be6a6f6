"""One component's life: from healthy to failed, as far as it has come and as far as it can be foreseen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from workcell_sensors.prognosis.component import ComponentSpec
from workcell_sensors.prognosis.detector import State
from workcell_sensors.prognosis.failure_risk import LOG_ODDS_MAX, FailureRisk, log_odds
from workcell_sensors.prognosis.indicator import CycleIndicator
from workcell_sensors.prognosis.remaining_life import DamageTrend, RemainingLife

HEALTHY_CYCLES = 20
"""The first cycles with a figure say what healthy is."""
RISK_PRIOR = (-1.0, 6.0, 0.0)
"""Before any failure was seen, the trend's own log-odds are taken at a little under their word."""


@dataclass(frozen=True)
class ComponentHealth:
    """What is known of a component after a cycle."""

    component: str
    health_index: float
    """1 as at first, 0 where it is taken to fail; NaN while healthy is being learned."""
    indicator: float
    healthy: float
    """The indicator of the first cycles."""
    remaining: RemainingLife
    failure_probability: float
    """Of a failure within the horizon."""
    cycles: int


class ComponentLife:
    """Follows one component from cycle to cycle."""

    def __init__(self, spec: ComponentSpec, horizon_cycles: int) -> None:
        self.spec = spec
        self._horizon = horizon_cycles
        self.indicator = CycleIndicator()
        self._risk = FailureRisk(RISK_PRIOR, horizon_cycles)
        self.restart()

    def restart(self) -> None:
        """Begins anew with a component that was serviced; what outcomes taught of the risk is kept."""
        self._healthy_sum = 0.0
        self._healthy_count = 0
        self._latest = math.nan
        self._trend = DamageTrend(1.0, grace_period=30, spread_floor=0.03)

    @property
    def healthy(self) -> float:
        """The indicator of the healthy component; NaN while it is being learned."""
        return self._healthy_sum / self._healthy_count if self._healthy_count >= HEALTHY_CYCLES else math.nan

    @property
    def damage(self) -> float:
        """0 as at first, 1 where it is taken to fail; NaN where the last cycle said nothing."""
        return (self._latest / self.healthy - 1.0) / (self.spec.failure_ratio - 1.0)

    def learn_cycle(self) -> None:
        """Ends a cycle: its figure moves the healthy level at first, the trend afterwards."""
        self._latest = self.indicator.take()
        if self._healthy_count < HEALTHY_CYCLES:
            if math.isfinite(self._latest) and self._latest > 0.0:
                self._healthy_sum += self._latest
                self._healthy_count += 1
            return
        self._trend.learn_one(self.damage)

    def learn_outcome(self, failed: bool) -> None:
        """Takes in whether the cycle ended in this component's failure, once `learn_cycle` has ended it."""
        self._risk.learn_one(self._features(), failed)

    def odds(self) -> float:
        """Log-odds, by the trend alone, that the damage reaches its limit within the horizon."""
        return log_odds(self._trend.probability_within(self._horizon))

    def health(self) -> ComponentHealth:
        """Returns what is known."""
        known = self._healthy_count >= HEALTHY_CYCLES
        level = self._trend.level() if known else math.nan
        return ComponentHealth(
            component=self.spec.component,
            health_index=min(max(1.0 - level, 0.0), 1.0) if math.isfinite(level) else math.nan,
            indicator=self._latest,
            healthy=self.healthy,
            remaining=self._trend.remaining(),
            failure_probability=self._risk.score_one(self._features()) if known else math.nan,
            cycles=self._healthy_count + self._trend.cycles,
        )

    def _features(self) -> tuple[float, float]:
        return (self.odds() / LOG_ODDS_MAX, min(max(self._trend.level(), 0.0), 2.0))

    def snapshot(self) -> State:
        """Returns the state."""
        return {
            "indicator": self.indicator.snapshot(),
            "healthy": [self._healthy_sum, self._healthy_count],
            "latest": self._latest if math.isfinite(self._latest) else None,
            "trend": self._trend.snapshot(),
            "risk": self._risk.snapshot(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes over a state.

        Raises:
            ValueError: it is of another form.
        """
        self.indicator.restore(state["indicator"])
        self._healthy_sum, self._healthy_count = float(state["healthy"][0]), int(state["healthy"][1])
        self._latest = math.nan if state["latest"] is None else float(state["latest"])
        self._trend.restore(state["trend"])
        self._risk.restore(state["risk"])
