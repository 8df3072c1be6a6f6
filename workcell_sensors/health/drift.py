"""Slow drift of a tag away from how it used to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from workcell_sensors.reading import FloatArray

LEARNED = ("count", "mean", "squares", "up", "down")
SCORE_MAX = 10.0
"""Beyond it a larger score says nothing more, and would only take longer to forget."""


class DriftBank:
    """Two-sided CUSUM per tag on a measure that comes at a steady rate, e.g. the window's mean every second.

    During the first `grace_period` measures of a tag it learns mean and standard deviation (Welford);
    afterwards it sums what exceeds `slack` standard deviations on either side (Page, Biometrika 41, 1954). A score of
    1 or more is drift; it ends at `SCORE_MAX`.

    >>> bank = DriftBank(1, grace_period=4)
    >>> for value in (1.0, 1.1, 0.9, 1.0, 1.0, 3.0):
    ...     bank.learn_many(np.array([value]))
    >>> bool(bank.score_many()[0] > 1.0)
    True
    """

    def __init__(
        self, n: int, grace_period: int = 120, slack: float = 1.0, limit: float = 10.0, floor: float = 0.01
    ) -> None:
        if grace_period < 2:
            raise ValueError("a baseline takes at least two measures")
        self._grace_period = grace_period
        self._slack = slack
        self._limit = limit
        self._floor = floor
        self._count = np.zeros(n, dtype=np.int64)
        self._mean = np.zeros(n)
        self._squares = np.zeros(n)
        self._up = np.zeros(n)
        self._down = np.zeros(n)

    def learn_many(self, measures: FloatArray) -> None:
        """Takes one measure per tag (n,); NaN where a tag has none."""
        known = np.isfinite(measures)
        learning = known & (self._count < self._grace_period)
        self._count[learning] += 1
        difference = np.where(learning, measures - self._mean, 0.0)
        self._mean += difference / np.maximum(self._count, 1)
        self._squares += np.where(learning, difference * (measures - self._mean), 0.0)
        watching = known & ~learning
        deviation = np.where(watching, (measures - self._mean) / self._scale(), 0.0)
        most = SCORE_MAX * self._limit
        self._up = np.where(watching, np.clip(self._up + deviation - self._slack, 0.0, most), self._up)
        self._down = np.where(watching, np.clip(self._down - deviation - self._slack, 0.0, most), self._down)

    def score_many(self) -> FloatArray:
        """Returns the drift score per tag (n,), positive upwards, negative downwards; 0 while learning."""
        up, down = self._up / self._limit, self._down / self._limit
        score: FloatArray = np.where(up >= down, up, -down)
        return score

    def snapshot(self) -> dict[str, list[float]]:
        """Returns all that was learned, as JSON holds it."""
        return {name: getattr(self, f"_{name}").tolist() for name in LEARNED}

    def restore(self, state: Mapping[str, Sequence[float]]) -> None:
        """Takes over what `snapshot` gave; one of another number of tags is passed over."""
        if len(state["mean"]) == len(self._mean):
            for name in LEARNED:
                column = getattr(self, f"_{name}")
                setattr(self, f"_{name}", np.array(state[name], dtype=column.dtype))

    def _scale(self) -> FloatArray:
        variance = self._squares / np.maximum(self._count - 1, 1)
        # A steady baseline has next to no spread; a share of its size keeps the smallest change from being drift.
        floor = self._floor * np.maximum(np.abs(self._mean), 1e-6)
        scale: FloatArray = np.maximum(np.sqrt(variance), floor)
        return scale
