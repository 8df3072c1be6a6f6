"""Notices that a share is no longer what it was, and forgets what came before."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from typing import Any

PART_MIN = 10
"""Either side of a cut must hold so many values."""


class AdaptiveWindow:
    """A window over values of 0 to 1 that shrinks when its newer part has a higher mean than its older one.

    The test is that of ADWIN (Bifet and Gavalda, "Learning from time-changing data with adaptive windowing", SIAM SDM
    2007, its bound for small variance), made for rises only: losses that fall are no reason to forget. Cuts are tried
    where the newer part has 10, 20, 40... values.

    >>> window = AdaptiveWindow()
    >>> found = [window.learn_one(0.0 if step < 60 else 1.0) for step in range(100)]
    >>> [(step, kept) for step, kept in enumerate(found) if kept is not None]
    [(76, 20)]
    """

    def __init__(self, size_max: int = 300, confidence: float = 0.002) -> None:
        if size_max < 2 * PART_MIN or not 0.0 < confidence < 1.0:
            raise ValueError(f"size_max must be {2 * PART_MIN} at least, confidence within 0 and 1")
        self._values: deque[float] = deque(maxlen=size_max)
        self._confidence = confidence

    def learn_one(self, value: float) -> int | None:
        """Takes a value in; returns how many are kept where the older ones were dropped, else None."""
        self._values.append(value)
        values = list(self._values)
        newer = PART_MIN
        while len(values) - newer >= PART_MIN:
            if self._has_risen(values[:-newer], values[-newer:], values):
                self._values = deque(values[-newer:], maxlen=self._values.maxlen)
                return newer
            newer *= 2
        return None

    def _has_risen(self, older: list[float], newer: list[float], both: list[float]) -> bool:
        before, after = sum(older) / len(older), sum(newer) / len(newer)
        if after <= before:
            return False
        mean = sum(both) / len(both)
        variance = sum((value - mean) ** 2 for value in both) / len(both)
        harmonic = 1.0 / (1.0 / len(older) + 1.0 / len(newer))
        certainty = math.log(2.0 * math.log(len(both)) / self._confidence)
        bound = math.sqrt(2.0 / harmonic * variance * certainty) + 2.0 / (3.0 * harmonic) * certainty
        return after - before > bound

    def snapshot(self) -> list[float]:
        """Returns the values kept."""
        return list(self._values)

    def restore(self, values: list[float] | Mapping[str, Any]) -> None:
        """Takes over what `snapshot` gave."""
        self._values = deque((float(value) for value in values), maxlen=self._values.maxlen)
