"""What is believed of one number that is never read: a prior over a grid of its values, and what outcomes said of it.

Each outcome is likelier under some values than under others; what old ones said fades by a factor per new one, so that
a number that changes is found again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


class GridBelief:
    """Bayes' rule over n values.

    Args:
        log_prior: log probability of each value before any outcome, up to a constant, shape (n,).
        forgetting: share of what outcomes said that is left after each new one.
        floor: least likelihood of any outcome: some have other reasons, and no single one is believed altogether.
    """

    def __init__(self, log_prior: FloatArray, forgetting: float, floor: float) -> None:
        self._log_prior = log_prior
        self._log_likelihood: FloatArray = np.zeros_like(log_prior)
        self._forgetting = forgetting
        self._floor = floor

    @property
    def weights(self) -> FloatArray:
        """Probability of each value, shape (n,)."""
        log = self._log_prior + self._log_likelihood
        weights = np.exp(log - log.max())
        normalised: FloatArray = weights / weights.sum()
        return normalised

    def learn(self, likelihood: FloatArray) -> None:
        """Takes in an outcome by its probability under each value, shape (n,)."""
        said = np.log(np.clip(likelihood, self._floor, 1.0))
        self._log_likelihood = self._forgetting * self._log_likelihood + said

    def snapshot(self) -> dict[str, Any]:
        """What outcomes said, as JSON values."""
        return {"log_likelihood": self._log_likelihood.tolist()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes a snapshot back.

        Raises:
            ValueError: it is of another grid.
        """
        values = np.array(state["log_likelihood"], dtype=np.float64)
        if values.shape != self._log_prior.shape or not np.isfinite(values).all():
            raise ValueError(f"a belief over {values.shape} values: expected {self._log_prior.shape}, all finite")
        self._log_likelihood = values
