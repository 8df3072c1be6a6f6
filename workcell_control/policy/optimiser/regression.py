"""Bayesian linear regression that forgets: a Gaussian process whose kernel is that of its features.

With features that are a cycle's physics, few cycles say much, and what they do not say shows in the variance. Weights
have a normal prior; the information of old cycles decays towards the prior by a factor per new one (exponential
forgetting; Kulhavy and Zarrop, "On a general concept of forgetting", 1993). The noise is learned too: the predictive
distribution is taken as normal with the running noise of one-step-ahead errors (West and Harrison, "Bayesian
Forecasting and Dynamic Models", 1997, ch. 4).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

OUTLIER_DEVIATIONS = 6.0
IMPOSSIBLE_DEVIATIONS = 1e4
"""So many standard deviations of the prior away it is a fault of what told it, and never believed."""
OUTLIERS_BELIEVED = 3
"""So many surprises in a row are no outliers but a change: they are believed, and the past is forgotten faster."""
SURPRISE_FORGETTING = 0.02


class Prediction(NamedTuple):
    """Mean and standard deviation of each row; `std` includes the noise, `model_std` does not."""

    mean: FloatArray
    std: FloatArray
    model_std: FloatArray


@dataclass(frozen=True)
class Prior:
    """What is known of an outcome before any cycle.

    Attributes:
        mean, std: of each feature's weight.
        noise: standard deviation of the outcome about what its features say.
        forgetting: share of the information that is left after each cycle.
        noise_weight: how many cycles the noise's prior is worth.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    noise: float
    forgetting: float = 0.98
    noise_weight: float = 10.0

    def __post_init__(self) -> None:
        if len(self.mean) != len(self.std) or not self.mean:
            raise ValueError(f"{len(self.mean)} means and {len(self.std)} deviations: expected as many of each")
        if min(*self.std, self.noise) <= 0.0 or not 0.0 < self.forgetting <= 1.0:
            raise ValueError("deviations must be above 0 and forgetting in (0, 1]")


class ForgetfulRegression:
    """One outcome over its features.

    >>> line = ForgetfulRegression(Prior(mean=(0.0, 0.0), std=(10.0, 10.0), noise=0.1, forgetting=1.0))
    >>> for x in (0.0, 1.0, 2.0, 3.0):
    ...     line.learn([1.0, x], 2.0 + 0.5 * x)
    True
    True
    True
    True
    >>> round(float(line.predict(np.array([[1.0, 4.0]])).mean[0]), 2)
    4.0
    """

    def __init__(self, prior: Prior) -> None:
        self._prior = prior
        self._prior_precision = np.diag(1.0 / np.square(prior.std))
        self._precision = self._prior_precision.copy()
        self._mean = np.array(prior.mean)
        self._noise_sq = prior.noise**2
        self._noise_weight = prior.noise_weight
        self._outliers = 0

    @property
    def noise(self) -> float:
        """Standard deviation of the noise as seen so far."""
        return math.sqrt(self._noise_sq)

    def predict(self, features: FloatArray) -> Prediction:
        """What rows of features (n, k) lead to."""
        mean = features @ self._mean
        solved = np.linalg.solve(self._precision, features.T)
        model_sq = np.einsum("nk,kn->n", features, solved) * self._scale
        return Prediction(mean, np.sqrt(model_sq + self._noise_sq), np.sqrt(model_sq))

    def learn(self, features: Sequence[float] | FloatArray, value: float) -> bool:
        """Takes in one outcome; False where no machine does that, or such an outlier that it is not believed yet."""
        row = np.asarray(features, dtype=np.float64)
        if not (math.isfinite(value) and np.isfinite(row).all() and self._is_possible(row, value)):
            return False
        expected = self.predict(row[None])
        error = value - float(expected.mean[0])
        is_outlier = abs(error) > OUTLIER_DEVIATIONS * float(expected.std[0])
        self._outliers = self._outliers + 1 if is_outlier else 0
        if is_outlier and self._outliers < OUTLIERS_BELIEVED:
            return False
        self._forget(SURPRISE_FORGETTING if is_outlier else self._prior.forgetting)
        self._learn_noise(error, float(expected.model_std[0]))
        weight = self._prior.noise**2  # of one outcome, in the prior's units
        information = self._precision @ self._mean + row * (value / weight)
        self._precision = self._precision + np.outer(row, row) / weight
        self._mean = np.linalg.solve(self._precision, information)
        return True

    def _is_possible(self, row: FloatArray, value: float) -> bool:
        """Whether the prior, which no outcome moves, leaves room for it however often it is told."""
        spread = math.hypot(self._prior.noise, *(row * self._prior.std))
        return abs(value - float(row @ self._prior.mean)) <= IMPOSSIBLE_DEVIATIONS * spread < math.inf

    def snapshot(self) -> dict[str, Any]:
        """All that was learned, as JSON values."""
        return {
            "mean": self._mean.tolist(),
            "precision": self._precision.tolist(),
            "noise_sq": self._noise_sq,
            "noise_weight": self._noise_weight,
            "outliers": self._outliers,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes a snapshot back.

        Raises:
            ValueError: it is of another model.
        """
        mean, precision = np.array(state["mean"]), np.array(state["precision"])
        if mean.shape != self._mean.shape or precision.shape != self._precision.shape:
            raise ValueError(f"a model of {mean.shape} weights: expected {self._mean.shape}")
        if not (np.isfinite(mean).all() and np.isfinite(precision).all() and math.isfinite(state["noise_sq"])):
            raise ValueError("a model with weights that are not finite")
        self._mean, self._precision = mean, precision
        self._noise_sq, self._noise_weight = float(state["noise_sq"]), float(state["noise_weight"])
        self._outliers = int(state["outliers"])

    @property
    def _scale(self) -> float:
        """What learned noise makes of the weights' variance; never less than the prior had it."""
        return max(self._noise_sq / self._prior.noise**2, 1.0)

    def _forget(self, share: float) -> None:
        """Lets the information decay towards the prior; the mean moves along."""
        prior = self._prior_precision
        information = share * (self._precision @ self._mean) + (1.0 - share) * (prior @ np.array(self._prior.mean))
        self._precision = share * self._precision + (1.0 - share) * prior
        self._mean = np.linalg.solve(self._precision, information)

    def _learn_noise(self, error: float, model_std: float) -> None:
        # The weights' own uncertainty explains its share of an error.
        seen_sq = error**2 * self._noise_sq / (self._noise_sq + model_std**2)
        self._noise_weight = min(self._noise_weight * self._prior.forgetting + 1.0, NOISE_WEIGHT_MAX)
        floor_sq = (NOISE_SHARE_MIN * self._prior.noise) ** 2
        self._noise_sq = max(self._noise_sq + (seen_sq - self._noise_sq) / self._noise_weight, floor_sq)


NOISE_WEIGHT_MAX = 60.0
NOISE_SHARE_MIN = 0.3
