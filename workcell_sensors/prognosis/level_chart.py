"""A control chart of moving means for several quantities at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workcell_sensors.prognosis.detector import State
from workcell_sensors.prognosis.moments import RunningMoments, SampleRing, known_mean
from workcell_sensors.reading import FloatArray


class Baseline:
    """How quantities are in a healthy machine: level, noise within a window, and wander from window to window."""

    def __init__(self, n: int) -> None:
        self._samples = RunningMoments(n)
        self._means = RunningMoments(n)

    @property
    def level(self) -> FloatArray:
        """Mean (n,) of the moving means."""
        return self._means.mean

    def learn_one(self, sample: FloatArray, mean: FloatArray | None) -> None:
        """Takes in a sample (n,) and the moving mean (n,) that ends with it, where there is one."""
        self._samples.learn_one(sample)
        if mean is not None:
            self._means.learn_one(mean)

    def scale(self, noise_share: float, wander_share: float) -> FloatArray:
        """Returns what of a deviation counts as one, (n,); infinite for a quantity that never moved.

        As in charts of means whose subgroups differ among themselves (D. J. Wheeler, "Understanding Statistical
        Process Control", 1992, on between-subgroup limits), both sources of spread count.
        """
        squares = (noise_share * self._samples.std()) ** 2 + (wander_share * self._means.std()) ** 2
        scale: FloatArray = np.where(squares > 0.0, np.sqrt(squares), np.inf)
        return scale

    def snapshot(self) -> State:
        """Returns the state."""
        return {"samples": self._samples.snapshot(), "means": self._means.snapshot()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes over a state."""
        self._samples.restore(state["samples"])
        self._means.restore(state["means"])


class LevelChart:
    """Tells when the moving mean of any quantity is no longer where the healthy machine had it.

    During the grace period it learns `Baseline`; afterwards the score is the largest deviation of a moving mean, in
    `limit` scales. A quantity's `caution` divides its deviation: what is known to wander by itself, such as a
    temperature, needs to go further.

    >>> chart = LevelChart(1, window=2, grace_period=6, limit=1.0)
    >>> for value in (1.0, 1.2, 1.0, 1.2, 1.0, 1.1):
    ...     chart.learn_one(np.array([value]))
    >>> round(chart.score_one(np.array([1.1])), 2), round(chart.score_one(np.array([2.0])), 2)
    (0.14, 6.28)
    """

    def __init__(
        self,
        n: int,
        window: int = 15,
        grace_period: int = 400,
        noise_share: float = 0.3,
        wander_share: float = 3.0,
        limit: float = 1.4,
        caution: Sequence[float] | None = None,
    ) -> None:
        if grace_period <= window:
            raise ValueError(f"grace_period is {grace_period}; valid: more than the window, {window}")
        self.grace_period = grace_period
        self._window = window
        self._noise_share = noise_share
        self._wander_share = wander_share
        self._limit = limit * (np.ones(n) if caution is None else np.array(caution, dtype=np.float64))
        self._ring = SampleRing(n, window)
        self._baseline = Baseline(n)
        self._learned = 0
        self._scale = np.full(n, np.inf)

    def score_one(self, sample: FloatArray) -> float:
        """Returns the largest deviation in units of its limit; 0 during the grace period."""
        if self._learned < self.grace_period:
            return 0.0
        return float(np.nanmax(self.deviations(sample), initial=0.0))

    def deviations(self, sample: FloatArray) -> FloatArray:
        """Returns each quantity's deviation (n,) in units of its limit; NaN where it is unknown."""
        mean = known_mean(np.vstack((self._ring.last(self._window - 1), sample)))
        deviation: FloatArray = np.abs(mean - self._baseline.level) / (self._scale * self._limit)
        return deviation

    def learn_one(self, sample: FloatArray) -> None:
        """Moves the window on, and during the grace period learns from it."""
        self._ring.learn_one(sample)
        if self._learned >= self.grace_period:
            return
        self._learned += 1
        self._baseline.learn_one(sample, known_mean(self._ring.last(self._window)) if self._ring.is_full else None)
        if self._learned == self.grace_period:
            self._scale = self._baseline.scale(self._noise_share, self._wander_share)

    def snapshot(self) -> State:
        """Returns the state."""
        return {"learned": self._learned, "ring": self._ring.snapshot(), "baseline": self._baseline.snapshot()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes over a state.

        Raises:
            ValueError: it is of a chart of another shape.
        """
        self._ring.restore(state["ring"])
        self._baseline.restore(state["baseline"])
        self._learned = int(state["learned"])
        is_ready = self._learned >= self.grace_period
        n = len(self._scale)
        self._scale = self._baseline.scale(self._noise_share, self._wander_share) if is_ready else np.full(n, np.inf)
