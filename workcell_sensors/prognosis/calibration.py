"""Makes probabilities mean what they say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from workcell_sensors.prognosis.detector import State, checked_shape


class Calibration:
    """Corrects a probability by how often what was given it came true (histogram binning, Zadrozny and Elkan, 2001).

    The bins are even in log-odds, since failures are rare. Each begins with the belief that the given probability is
    right, worth `trust` outcomes; outcomes lose weight with a memory of `memory` of them.

    >>> calibration = Calibration(trust=2.0)
    >>> for step in range(100):
    ...     calibration.learn_one(0.5, step % 10 == 0)
    >>> round(calibration.score_one(0.5), 2)
    0.11
    """

    def __init__(self, bins: int = 12, trust: float = 20.0, memory: int = 2000, log_odds_max: float = 6.0) -> None:
        if bins < 1 or trust <= 0.0 or memory < 1:
            raise ValueError("bins and memory must be 1 at least, trust positive")
        self._edges = np.linspace(-log_odds_max, log_odds_max, bins - 1)
        self._trust = trust
        self._keep = 1.0 - 1.0 / memory
        self._seen = np.zeros(bins)
        self._true = np.zeros(bins)

    def score_one(self, probability: float) -> float:
        """Returns the corrected probability."""
        place = self._place(probability)
        return float((self._trust * probability + self._true[place]) / (self._trust + self._seen[place]))

    def learn_one(self, probability: float, came_true: bool) -> None:
        """Takes in what became of a case that had been given a probability."""
        place = self._place(probability)
        self._seen *= self._keep
        self._true *= self._keep
        self._seen[place] += 1.0
        self._true[place] += came_true

    def _place(self, probability: float) -> int:
        inside = min(max(probability, 1e-12), 1.0 - 1e-12)
        return int(np.searchsorted(self._edges, np.log(inside / (1.0 - inside))))

    def snapshot(self) -> State:
        """Returns the state."""
        return {"seen": self._seen.tolist(), "true": self._true.tolist()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes over a state.

        Raises:
            ValueError: it has another number of bins.
        """
        self._seen = checked_shape("seen", np.array(state["seen"], dtype=np.float64), self._seen.shape)
        self._true = checked_shape("true", np.array(state["true"], dtype=np.float64), self._true.shape)
