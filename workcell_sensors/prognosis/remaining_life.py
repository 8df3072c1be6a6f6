"""How many cycles until a damage measure reaches its limit, with an interval."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scipy.special import stdtr

from workcell_sensors.prognosis.detector import State

CYCLES_MAX = 1e6
"""Beyond it nothing is foreseen: a life is then infinite."""


@dataclass(frozen=True)
class RemainingLife:
    """Cycles until the limit; infinite where the damage may as well never get there."""

    median_cycles: float
    low_cycles: float
    high_cycles: float
    """Between low and high it ends with a probability of 80 %."""


UNKNOWN = RemainingLife(math.inf, math.inf, math.inf)
LOW, MEDIAN, HIGH = 0.1, 0.5, 0.9
WEIGHT_MIN = 3.0
"""A line with an interval takes as many cycles at least."""
PRIOR_WEIGHT, PRIOR_TIME2 = 1e-6, 1e-2
"""What the prior is worth, in cycles and in cycles squared: next to nothing."""


@dataclass(frozen=True)
class _Line:
    """Level now and rate per cycle, with their variances, covariance and degrees of freedom."""

    level: float
    rate: float
    level_variance: float
    covariance: float
    rate_variance: float
    freedom: float

    def reached(self, cycles: float, limit: float) -> float:
        """Probability that the line is at the limit after so many more cycles."""
        variance = self.level_variance + cycles * (2.0 * self.covariance + cycles * self.rate_variance)
        excess = self.level + cycles * self.rate - limit
        return float(stdtr(self.freedom, excess / math.sqrt(max(variance, 1e-300))))


class DamageTrend:
    """A straight line through the recent damage, and what it leaves open.

    Damage per cycle is fitted by least squares with exponential forgetting over `memory` cycles, under a weak prior
    of no damage and no growth. The line's level and rate then have a joint Student t distribution (Gelman et al.,
    "Bayesian Data Analysis", 2013, ch. 14.2), and the probability that the line has crossed the limit after n more
    cycles is that distribution at n: degradation with linear drift and an uncertain rate (Lu and Meeker,
    Technometrics 35, 1993).

    >>> trend = DamageTrend(limit=10.0, memory=50)
    >>> for cycle in range(40):
    ...     trend.learn_one(0.1 * cycle + (0.05 if cycle % 2 else -0.05))
    >>> life = trend.remaining()
    >>> life.low_cycles < 61.0 < life.high_cycles, round(life.median_cycles)
    (True, 61)
    """

    def __init__(self, limit: float, memory: int = 60, grace_period: int = 20, spread_floor: float = 0.01) -> None:
        """Sets the limit, and as `spread_floor` what of a measure's spread is never trusted to be less."""
        if limit <= 0.0 or memory < 2 or grace_period < 3 or spread_floor <= 0.0:
            raise ValueError("limit and spread_floor must be positive, memory 2 and grace_period 3 at least")
        self.limit = limit
        self.grace_period = grace_period
        self._keep = 1.0 - 1.0 / memory
        self._floor = spread_floor
        self.cycles = 0
        # Sums over past cycles, weighted by age; time counts backwards from the newest cycle, 0.
        self._weight = self._time = self._time2 = self._damage = self._time_damage = self._damage2 = 0.0

    def learn_one(self, damage: float) -> None:
        """Takes the damage of one more cycle; what is unknown (NaN) lets only time pass."""
        self.cycles += 1
        # One cycle later every past cycle lies one further back: t becomes t - 1.
        self._time2 += self._weight - 2.0 * self._time
        self._time_damage -= self._damage
        self._time -= self._weight
        for name in ("_weight", "_time", "_time2", "_damage", "_time_damage", "_damage2"):
            setattr(self, name, getattr(self, name) * self._keep)
        if math.isfinite(damage):
            self._weight += 1.0
            self._damage += damage
            self._damage2 += damage * damage

    def probability_within(self, cycles: float) -> float:
        """Returns how probable it is that the limit is reached within so many cycles; 0 during the grace period."""
        fit = self._fit()
        return 0.0 if fit is None else fit.reached(cycles, self.limit)

    def level(self) -> float:
        """Returns the damage as the line has it now; 0 during the grace period."""
        fit = self._fit()
        return 0.0 if fit is None else fit.level

    def rate(self) -> float:
        """Returns the growth of the damage per cycle; 0 during the grace period."""
        fit = self._fit()
        return 0.0 if fit is None else fit.rate

    def remaining(self) -> RemainingLife:
        """Returns the remaining life; unknown during the grace period."""
        fit = self._fit()
        if fit is None:
            return UNKNOWN
        return RemainingLife(*(self._quantile(fit, share) for share in (MEDIAN, LOW, HIGH)))

    def _fit(self) -> _Line | None:
        """The line as it now is; None during the grace period."""
        if self.cycles < self.grace_period or self._weight < WEIGHT_MIN:
            return None
        weight, time, time2 = self._weight + PRIOR_WEIGHT, self._time, self._time2 + PRIOR_TIME2
        determinant = weight * time2 - time * time
        level = (time2 * self._damage - time * self._time_damage) / determinant
        rate = (weight * self._time_damage - time * self._damage) / determinant
        squares = max(self._damage2 - level * self._damage - rate * self._time_damage, 0.0)
        freedom = max(self._weight - 2.0, 1.0)
        variance = (squares / freedom + self._floor**2) / determinant
        return _Line(level, rate, variance * time2, -variance * time, variance * weight, freedom)

    def _quantile(self, fit: _Line, share: float) -> float:
        """The least number of cycles after which the limit is reached with a probability of `share`, by bisection."""
        if fit.reached(0.0, self.limit) >= share:
            return 0.0
        if fit.reached(CYCLES_MAX, self.limit) < share:
            return math.inf
        low, high = 0.0, CYCLES_MAX
        while high - low > 0.01 * max(low, 1.0):
            middle = 0.5 * (low + high)
            low, high = (low, middle) if fit.reached(middle, self.limit) >= share else (middle, high)
        return high

    def snapshot(self) -> State:
        """Returns the state."""
        sums = [self._weight, self._time, self._time2, self._damage, self._time_damage, self._damage2]
        return {"cycles": self.cycles, "sums": sums}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes over a state."""
        self.cycles = int(state["cycles"])
        sums = [float(value) for value in state["sums"]]
        self._weight, self._time, self._time2, self._damage, self._time_damage, self._damage2 = sums
