"""Running means and spreads per quantity, blind to what is unknown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from workcell_sensors.prognosis.detector import State, checked_shape
from workcell_sensors.reading import FloatArray


class RunningMoments:
    """Mean and standard deviation per quantity (n,) of all samples so far (Welford, Technometrics 4, 1962).

    >>> moments = RunningMoments(1)
    >>> for value in (1.0, 2.0, 3.0):
    ...     moments.learn_one(np.array([value]))
    >>> float(moments.mean[0]), float(moments.std()[0])
    (2.0, 1.0)
    """

    def __init__(self, n: int) -> None:
        self.count = np.zeros(n)
        self.mean = np.zeros(n)
        self._squares = np.zeros(n)

    def learn_one(self, sample: FloatArray) -> None:
        """Takes a sample (n,) in; NaN where a quantity is unknown."""
        known = np.isfinite(sample)
        self.count += known
        difference = np.where(known, sample - self.mean, 0.0)
        self.mean += difference / np.maximum(self.count, 1.0)
        self._squares += np.where(known, difference * (sample - self.mean), 0.0)

    def std(self) -> FloatArray:
        """Returns the standard deviations (n,), 0 where fewer than two samples are known."""
        deviation: FloatArray = np.sqrt(self._squares / np.maximum(self.count - 1.0, 1.0))
        return deviation

    def snapshot(self) -> State:
        """Returns the state."""
        return {"count": self.count.tolist(), "mean": self.mean.tolist(), "squares": self._squares.tolist()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes over a state.

        Raises:
            ValueError: it is of another number of quantities.
        """
        shape = self.count.shape
        self.count = checked_shape("count", np.array(state["count"], dtype=np.float64), shape)
        self.mean = checked_shape("mean", np.array(state["mean"], dtype=np.float64), shape)
        self._squares = checked_shape("squares", np.array(state["squares"], dtype=np.float64), shape)


class SampleRing:
    """The last `size` samples (n,), oldest first; before that many came, those there are."""

    def __init__(self, n: int, size: int) -> None:
        if n < 1 or size < 1:
            raise ValueError(f"n is {n} and size {size}; valid: 1 and more")
        self._rows = np.full((size, n), np.nan)
        self.count = 0
        """Samples kept."""

    @property
    def is_full(self) -> bool:
        """Whether as many samples came as are kept."""
        return self.count == len(self._rows)

    def learn_one(self, sample: FloatArray) -> None:
        """Keeps a sample (n,), and drops the oldest of a full ring."""
        self._rows[:-1] = self._rows[1:]
        self._rows[-1] = sample
        self.count = min(self.count + 1, len(self._rows))

    def last(self, count: int) -> FloatArray:
        """Returns the newest `count` samples (<= count, n)."""
        return self._rows[len(self._rows) - min(count, self.count) :]

    def before(self, steps: int) -> FloatArray:
        """Returns the sample (n,) that came `steps` before the newest; NaN where there was none."""
        found: FloatArray = self._rows[-1 - steps]
        return found

    def snapshot(self) -> State:
        """Returns the state; NaN becomes None, which JSON can say."""
        rows = [[value if np.isfinite(value) else None for value in row] for row in self._rows.tolist()]
        return {"count": self.count, "rows": rows}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes over a state.

        Raises:
            ValueError: it is of a ring of another shape.
        """
        self._rows = checked_shape("rows", np.array(state["rows"], dtype=np.float64), self._rows.shape)
        self.count = int(state["count"])


def known_mean(samples: FloatArray) -> FloatArray:
    """Returns the mean (n,) of samples (m, n) over those known; NaN where none is."""
    known = np.isfinite(samples)
    total = np.where(known, samples, 0.0).sum(axis=0)
    with np.errstate(invalid="ignore"):
        mean: FloatArray = total / known.sum(axis=0)
    return mean
