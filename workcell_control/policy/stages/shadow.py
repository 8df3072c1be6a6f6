"""What a candidate's parameters would have been worth, from cycles that ran with others.

Bayesian linear regression of a cycle's value on the parameters in force, with forgetting (Bishop, "Pattern Recognition
and Machine Learning", 2006, section 3.3; West and Harrison, "Bayesian Forecasting and Dynamic Models", 1997, section
6.3 for the discount). The interval is that of the difference between two sets: it is as wide as the prior for a
parameter that was never changed, which is what shadow cycles can honestly say of it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from workcell_control.governance.rules import Governance
from workcell_control.policy.policy import ExpectedGain

FORGETTING = 0.98
"""Weight of what was known before, per cycle: some 50 cycles of memory."""
PRIOR_SPREAD = 1.0
"""Standard deviation, before any cycle, of what moving a parameter over its whole envelope brings, in cycle values."""
NOISE_START = 0.05
"""Standard deviation of a cycle's value around its mean, in cycle values, before it was seen."""
MEAN_SHARE = 0.05
"""Share of a new cycle in the mean value and time."""
NORMAL_90 = 1.645

FloatArray = npt.NDArray[np.float64]
Values = Mapping[str, Mapping[str, float]]


class ShadowScore:
    """Learns what parameters are worth from live cycles and foresees what others would be."""

    def __init__(self, governance: Governance, nodes: tuple[str, ...]) -> None:
        self._rules = [(node, name, rule) for node in nodes for name, rule in governance.rules.get(node, {}).items()]
        size = len(self._rules) + 1
        self._precision: FloatArray = np.eye(size) / PRIOR_SPREAD**2
        self._prior = self._precision.copy()
        self._moment: FloatArray = np.zeros(size)
        self._noise = NOISE_START**2
        self._scale_eur = 0.0
        self._value_eur = self._time_s = 0.0
        self.count = 0

    def learn_one(self, in_force: Values, value_eur: float, time_s: float) -> None:
        """Takes in what a cycle was worth, and how long it took, with the parameters it ran with."""
        if not self._scale_eur:
            self._scale_eur = max(abs(value_eur), 1e-9)
        share = max(MEAN_SHARE, 1.0 / (self.count + 1))
        self._value_eur += share * (value_eur - self._value_eur)
        self._time_s += share * (time_s - self._time_s)
        row = self._row(in_force)
        # What a longer cycle would have earned meanwhile is taken off.
        value = (value_eur - self._value_eur / self._time_s * (time_s - self._time_s)) / self._scale_eur
        if self.count:
            surprise = value - float(row @ self._mean())
            self._noise += (1.0 - FORGETTING) * (surprise**2 - self._noise)
        # Forgetting ends at the prior: what was never seen stays as unknown as it was.
        self._precision = (
            FORGETTING * self._precision + (1.0 - FORGETTING) * self._prior + np.outer(row, row) / self._noise
        )
        self._moment = FORGETTING * self._moment + row * (value / self._noise)
        self.count += 1

    def gain(self, in_force: Values, candidate: Values) -> ExpectedGain:
        """Returns what a cycle with the candidate's set would be worth over one with the set in force."""
        step = self._row(candidate) - self._row(in_force)
        mean = float(step @ self._mean())
        variance = float(step @ np.linalg.solve(self._precision, step))
        half = NORMAL_90 * math.sqrt(max(variance, 0.0))
        scale_eur = self._scale_eur
        return ExpectedGain(mean * scale_eur, (mean - half) * scale_eur, (mean + half) * scale_eur, "EUR/cycle")

    def _mean(self) -> FloatArray:
        return np.asarray(np.linalg.solve(self._precision, self._moment), dtype=np.float64)

    def _row(self, values: Values) -> FloatArray:
        """Returns the parameters as shares of their envelopes, -0.5..0.5, and a constant."""
        shares = [
            (values.get(node, {}).get(name, rule.safe) - rule.low) / (rule.high - rule.low) - 0.5
            if rule.high > rule.low
            else 0.0
            for node, name, rule in self._rules
        ]
        return np.array([*shares, 1.0])
