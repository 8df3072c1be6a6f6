"""Finds the moments at which quantities begin to be otherwise than they were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workcell_sensors.prognosis.detector import ANOMALOUS, State
from workcell_sensors.prognosis.level_chart import Baseline
from workcell_sensors.prognosis.moments import SampleRing, known_mean
from workcell_sensors.reading import FloatArray


class ChangePoints:
    """Compares a short window with the segment before it; a change ends the segment and begins the next.

    What counts as a deviation is learned during the grace period. The level of a segment is the mean of its first
    `settle` samples, followed with a memory of `memory` samples, `window` samples late so that the beginning of a
    change is not learned. No change is told while a segment settles.

    >>> points = ChangePoints(1, window=2, settle=3, grace_period=12)
    >>> found = []
    >>> for step in range(40):
    ...     sample = np.array([(1.0 if step < 25 else 3.0) + 0.1 * (step % 2)])
    ...     if points.score_one(sample) >= ANOMALOUS:
    ...         found.append(step)
    ...     points.learn_one(sample)
    >>> found
    [25]
    """

    def __init__(
        self,
        n: int,
        window: int = 8,
        settle: int = 20,
        memory: int = 200,
        grace_period: int = 400,
        noise_share: float = 0.3,
        wander_share: float = 1.0,
        limit: float = 2.5,
        caution: Sequence[float] | None = None,
    ) -> None:
        if grace_period <= window + settle:
            raise ValueError(f"grace_period is {grace_period}; valid: more than window and settle, {window + settle}")
        self.grace_period = grace_period
        self._window = window
        self._settle = settle
        self._memory = memory
        self._shares = (noise_share, wander_share)
        self._limit = limit * (np.ones(n) if caution is None else np.array(caution, dtype=np.float64))
        self._ring = SampleRing(n, max(window + 1, settle))
        self._baseline = Baseline(n)
        self._scale = np.full(n, np.inf)
        self._learned = 0
        self._age = 0
        self._level = np.full(n, np.nan)

    def score_one(self, sample: FloatArray) -> float:
        """Returns how far the window that ends with the sample is from its segment; 1 or more is a change."""
        if self._learned < self.grace_period or self._age < self._window + self._settle:
            return 0.0
        mean = known_mean(np.vstack((self._ring.last(self._window - 1), sample)))
        return float(np.nanmax(np.abs(mean - self._level) / (self._scale * self._limit), initial=0.0))

    def learn_one(self, sample: FloatArray) -> None:
        """Takes a sample in: into the segment, or as the first of the next."""
        changed = self.score_one(sample) >= ANOMALOUS
        self._ring.learn_one(sample)
        self._age = 0 if changed else self._age + 1
        if self._age == self._window + self._settle:
            self._level = known_mean(self._ring.last(self._settle))
        elif self._age > self._window + self._settle:
            self._follow(self._ring.before(self._window))
        if self._learned < self.grace_period:
            self._learned += 1
            window = self._ring.last(self._window)
            self._baseline.learn_one(sample, known_mean(window) if len(window) == self._window else None)
            if self._learned == self.grace_period:
                self._scale = self._baseline.scale(*self._shares)

    def _follow(self, sample: FloatArray) -> None:
        share = 1.0 / min(self._age - self._window, self._memory)
        moved = np.where(np.isfinite(self._level), self._level + share * (sample - self._level), sample)
        self._level = np.where(np.isfinite(sample), moved, self._level)

    def snapshot(self) -> State:
        """Returns the state."""
        return {
            "learned": self._learned,
            "age": self._age,
            "level": [value if np.isfinite(value) else None for value in self._level.tolist()],
            "ring": self._ring.snapshot(),
            "baseline": self._baseline.snapshot(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes over a state.

        Raises:
            ValueError: it is of a detector of another shape.
        """
        self._ring.restore(state["ring"])
        self._baseline.restore(state["baseline"])
        self._learned, self._age = int(state["learned"]), int(state["age"])
        self._level = np.array(state["level"], dtype=np.float64)
        is_ready = self._learned >= self.grace_period
        n = len(self._level)
        self._scale = self._baseline.scale(*self._shares) if is_ready else np.full(n, np.inf)
