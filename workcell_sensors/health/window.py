"""Features of each tag over a sliding time window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workcell_sensors.reading import NS_PER_S, FloatArray, IndexArray

SHORTEST_S = 1e-9
"""A sample that held for less has only rounding to thank for it."""


@dataclass(frozen=True, eq=False)
class Features:
    """Time-weighted statistics per tag, each (n,); NaN where the window holds nothing."""

    mean: FloatArray
    rms: FloatArray
    std: FloatArray
    slope: FloatArray
    """Least-squares slope in SI unit per second."""
    low: FloatArray
    high: FloatArray


class WindowBank:
    """Sliding windows of `window_s` over `n` tags, O(1) per sample.

    A sample counts for as long as it was the newest, because devices and deadbands report by exception: a value that
    did not change weighs as much as one that was sent again. At most `samples_max` samples are kept per tag; with
    more the window is shorter.

    >>> bank = WindowBank(1, window_s=10.0)
    >>> for second, value in enumerate([1.0, 1.0, 4.0]):
    ...     bank.learn_many(np.array([0]), np.array([value]), second * NS_PER_S)
    >>> float(bank.features(4 * NS_PER_S).mean[0])
    2.5
    """

    def __init__(self, n: int, window_s: float, samples_max: int = 128) -> None:
        if n < 1 or window_s <= 0.0 or samples_max < 2:
            raise ValueError("a window bank needs tags, a positive window and room for two samples")
        self._window_s = window_s
        self._origin_ns: int | None = None
        self._value = np.zeros((n, samples_max))
        self._begin_s = np.full((n, samples_max), np.inf)
        self._end_s = np.full((n, samples_max), -np.inf)
        self._newest = np.zeros(n, dtype=np.intp)

    def learn_many(self, rows: IndexArray, values: FloatArray, stamp_ns: int) -> None:
        """Takes one sample of each tag in `rows` (m,); `values` (m,) must be finite, stamps must not go back."""
        if self._origin_ns is None:
            self._origin_ns = stamp_ns
        now_s = (stamp_ns - self._origin_ns) / NS_PER_S
        slots = self._newest[rows]
        self._end_s[rows, slots] = now_s
        slots = (slots + 1) % self._value.shape[1]
        self._value[rows, slots] = values
        self._begin_s[rows, slots] = now_s
        self._end_s[rows, slots] = np.inf
        self._newest[rows] = slots

    def forget(self, rows: IndexArray) -> None:
        """Empties the windows of `rows`, whose values have become unknown."""
        self._begin_s[rows] = np.inf
        self._end_s[rows] = -np.inf

    def features(self, now_ns: int) -> Features:
        """Returns the features of all tags over the window that ends at `now_ns`."""
        now_s = 0.0 if self._origin_ns is None else (now_ns - self._origin_ns) / NS_PER_S
        begin = np.maximum(self._begin_s, now_s - self._window_s)
        end = np.minimum(self._end_s, now_s)
        # A sample taken at `now_ns` itself has no duration yet but is known: give it a millisecond.
        end = np.where(self._begin_s == now_s, now_s + 1e-3, end)
        weight = np.where(end - begin > SHORTEST_S, end - begin, 0.0)
        kept = weight > 0.0
        total = weight.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = (weight * self._value).sum(axis=1) / total
            centred = np.where(kept, self._value - mean[:, None], 0.0)
            variance = (weight * centred**2).sum(axis=1) / total
            time = np.where(kept, 0.5 * (begin + end), 0.0)
            time = np.where(kept, time - ((weight * time).sum(axis=1) / total)[:, None], 0.0)
            spread = (weight * time**2).sum(axis=1)
            slope = np.where(spread > 0.0, (weight * time * centred).sum(axis=1) / spread, 0.0)
        empty = total == 0.0
        slope[empty] = np.nan
        low = np.where(kept, self._value, np.inf).min(axis=1)
        high = np.where(kept, self._value, -np.inf).max(axis=1)
        low[empty] = high[empty] = np.nan
        return Features(mean, np.sqrt(variance + mean**2), np.sqrt(variance), slope, low, high)
