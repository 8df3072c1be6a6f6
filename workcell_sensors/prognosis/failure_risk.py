"""The probability of a failure within the next cycles, learned online from what robots came to."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workcell_sensors.prognosis.calibration import Calibration
from workcell_sensors.prognosis.detector import State, checked_shape
from workcell_sensors.reading import FloatArray

LOG_ODDS_MAX = 8.0


def log_odds(probability: float) -> float:
    """Returns log(p / (1 - p)), held within what still tells apart.

    >>> log_odds(0.5), log_odds(0.0)
    (0.0, -8.0)
    """
    least = 1.0 / (1.0 + math.exp(LOG_ODDS_MAX))
    inside = min(max(probability, least), 1.0 - least)
    return max(min(math.log(inside / (1.0 - inside)), LOG_ODDS_MAX), -LOG_ODDS_MAX)


class FailureRisk:
    """Logistic regression that learns one cycle at a time, followed by a calibration of its own outcomes.

    A cycle's outcome is known once `horizon_cycles` more have passed without failure, or as soon as one failed. Weights
    have a Gaussian posterior, updated by one Newton step per outcome (Laplace's approximation; Spiegelhalter and
    Lauritzen, Networks 20, 1990) and widened again by `drift` so that old outcomes fade. `prior` is what is believed of
    the weights before any outcome, the intercept first.

    >>> risk = FailureRisk(prior=(-3.0, 0.0), horizon_cycles=3)
    >>> for cycle in range(400):
    ...     phase = cycle % 20
    ...     risk.learn_one((float(phase >= 17),), failed=phase == 19)
    >>> risk.score_one((0.0,)) < 0.2, risk.score_one((1.0,)) > 0.5
    (True, True)
    """

    def __init__(
        self,
        prior: Sequence[float],
        horizon_cycles: int,
        prior_spread: float = 1.0,
        drift: float = 1e-4,
        calibration: Calibration | None = None,
    ) -> None:
        if horizon_cycles < 1 or prior_spread <= 0.0 or drift < 0.0:
            raise ValueError("horizon_cycles must be 1 at least, prior_spread positive, drift 0 or more")
        self.horizon_cycles = horizon_cycles
        self._weights = np.array(prior, dtype=np.float64)
        self._covariance = prior_spread**2 * np.eye(len(self._weights))
        self._drift = drift
        self._calibration = Calibration() if calibration is None else calibration
        self._open: deque[tuple[float, ...]] = deque()
        self.outcomes = 0
        """Cycles whose outcome is known."""
        self.failures = 0

    def score_one(self, features: Sequence[float]) -> float:
        """Returns the probability that one of the next `horizon_cycles` fails, given the last cycle's features."""
        return self._calibration.score_one(self._raw(self._row(features)))

    def learn_one(self, features: Sequence[float], failed: bool) -> None:
        """Takes in the features of a finished cycle and whether it failed; features unknown (NaN) are passed over."""
        if failed:
            self.failures += 1
            while self._open:
                self._resolve(self._open.popleft(), True)
        elif len(self._open) >= self.horizon_cycles:
            self._resolve(self._open.popleft(), False)
        row = tuple(float(value) for value in features)
        self._open.append(row)

    def _row(self, features: Sequence[float]) -> FloatArray:
        row = np.array([1.0, *features])
        if len(row) != len(self._weights):
            raise ValueError(f"{len(features)} features; valid: {len(self._weights) - 1}")
        return row

    def _raw(self, row: FloatArray) -> float:
        """Probability before calibration, averaged over what the weights leave open (MacKay, 1992)."""
        if not np.isfinite(row).all():
            row = np.where(np.isfinite(row), row, 0.0)
        spread = float(row @ self._covariance @ row)
        return float(_logistic(float(row @ self._weights) / math.sqrt(1.0 + math.pi * spread / 8.0)))

    def _resolve(self, features: tuple[float, ...], failed: bool) -> None:
        row = self._row(features)
        if not np.isfinite(row).all():
            return
        self.outcomes += 1
        self._calibration.learn_one(self._raw(row), failed)
        self._covariance += self._drift * np.eye(len(row))
        given = _logistic(float(row @ self._weights))
        gain = self._covariance @ row
        curvature = max(given * (1.0 - given), 1e-6)
        self._covariance -= np.outer(gain, gain) * (curvature / (1.0 + curvature * float(row @ gain)))
        self._weights = self._weights + self._covariance @ row * (float(failed) - given)

    def snapshot(self) -> State:
        """Returns the state."""
        return {
            "weights": self._weights.tolist(),
            "covariance": self._covariance.tolist(),
            "open": [[value if math.isfinite(value) else None for value in row] for row in self._open],
            "outcomes": self.outcomes,
            "failures": self.failures,
            "calibration": self._calibration.snapshot(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes over a state.

        Raises:
            ValueError: it is of other features.
        """
        n = len(self._weights)
        self._weights = checked_shape("weights", np.array(state["weights"], dtype=np.float64), (n,))
        self._covariance = checked_shape("covariance", np.array(state["covariance"], dtype=np.float64), (n, n))
        self._open = deque(tuple(math.nan if value is None else float(value) for value in row) for row in state["open"])
        self.outcomes, self.failures = int(state["outcomes"]), int(state["failures"])
        self._calibration.restore(state["calibration"])


def _logistic(log_odds_of: float) -> float:
    return 1.0 / (1.0 + math.exp(-min(max(log_odds_of, -40.0), 40.0)))
