"""Hotelling's T-squared of a sample, with a mean and covariance that follow the machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.special import fdtri  # scipy.stats takes a start-up as long again to load

from workcell_sensors.prognosis.detector import ANOMALOUS, State, checked_shape
from workcell_sensors.reading import FloatArray


class HotellingChart:
    """Tells when quantities no longer go together as they did, though each may be within its own range.

    Mean and covariance have a memory of `memory` samples; what is anomalous is not learned, so that a fault does not
    become the norm. The limit is that of a new observation from a normal population whose moments were estimated
    (Tracy, Young, Mason, "Multivariate control charts for individual observations", J. Quality Technology 24, 1992),
    at a false alarm share of `alpha`. The score is T-squared over its limit. A part of each variance, `shrinkage`,
    is moved to the diagonal, which keeps quantities that always went together from making the inverse infinite.

    >>> chart = HotellingChart(2, grace_period=50)
    >>> rng = np.random.default_rng(1)
    >>> for _ in range(60):
    ...     both = rng.standard_normal()
    ...     chart.learn_one(np.array([both, both + 0.1 * rng.standard_normal()]))
    >>> chart.score_one(np.array([1.0, 1.0])) < 1.0 < chart.score_one(np.array([1.0, -1.0]))
    True
    """

    def __init__(
        self, n: int, grace_period: int = 60, memory: int = 500, alpha: float = 0.001, shrinkage: float = 0.01
    ) -> None:
        if grace_period < 2 * n + 2:
            raise ValueError(f"grace_period is {grace_period}; valid for {n} quantities: {2 * n + 2} and more")
        self.grace_period = grace_period
        self._memory = memory
        self._alpha = alpha
        self._shrinkage = shrinkage
        self._learned = 0
        self._mean = np.zeros(n)
        self._covariance = np.zeros((n, n))

    def score_one(self, sample: FloatArray) -> float:
        """Returns T-squared of the known quantities over its limit; 0 during the grace period."""
        known = np.isfinite(sample)
        if self._learned < self.grace_period or not known.any():
            return 0.0
        count, n = min(self._learned, self._memory), int(known.sum())
        covariance = self._covariance[np.ix_(known, known)]
        spread = np.diag(covariance)
        covariance = (1.0 - self._shrinkage) * covariance + np.diag(self._shrinkage * spread + 1e-300)
        difference = sample[known] - self._mean[known]
        t_squared = float(difference @ np.linalg.lstsq(covariance, difference, rcond=None)[0])
        limit = n * (count + 1) * (count - 1) / (count * (count - n)) * fdtri(n, count - n, 1.0 - self._alpha)
        return max(t_squared / float(limit), 0.0)

    def learn_one(self, sample: FloatArray) -> None:
        """Takes a sample in, where all of it is known and it is not anomalous."""
        if not np.isfinite(sample).all() or self.score_one(sample) >= ANOMALOUS:
            return
        self._learned += 1
        share = 1.0 / min(self._learned, self._memory)
        difference = sample - self._mean
        self._mean = self._mean + share * difference
        self._covariance = (1.0 - share) * (self._covariance + share * np.outer(difference, difference))

    def snapshot(self) -> State:
        """Returns the state."""
        return {"learned": self._learned, "mean": self._mean.tolist(), "covariance": self._covariance.tolist()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes over a state.

        Raises:
            ValueError: it is of a chart of another shape.
        """
        n = len(self._mean)
        self._mean = checked_shape("mean", np.array(state["mean"], dtype=np.float64), (n,))
        self._covariance = checked_shape("covariance", np.array(state["covariance"], dtype=np.float64), (n, n))
        self._learned = int(state["learned"])
