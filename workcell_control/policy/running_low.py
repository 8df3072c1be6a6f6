"""What a noisy figure will hardly fall below."""

from __future__ import annotations

import math

SHARE = 0.2
"""Share of a new value in mean and variance."""
SHARE_OF_SURPRISE = 0.5
"""Share of a value beyond what was expected: what got worse is believed sooner."""
DEVIATIONS = 1.0
SPREAD_START = 0.05
"""Standard deviation over mean, before any was seen."""


class RunningLow:
    """Running mean and standard deviation of positive values; `low` lies some deviations below the mean.

    The deviation is that of successive differences (von Neumann, "Distribution of the ratio of the mean square
    successive difference to the variance", 1941), so that a trend does not count as noise.

    >>> grip = RunningLow()
    >>> for _ in range(50):
    ...     grip.note(0.80); grip.note(0.84)
    >>> 0.76 < grip.low < 0.80
    True
    """

    def __init__(self) -> None:
        self._mean: float | None = None
        self._last = 0.0
        self._variance = 0.0

    @property
    def low(self) -> float | None:
        """The mean less `DEVIATIONS` standard deviations, at least 0; None before the first value."""
        if self._mean is None:
            return None
        return max(self._mean - DEVIATIONS * math.sqrt(self._variance), 0.0)

    def note(self, value: float) -> None:
        """Takes in a value."""
        low = self.low
        if self._mean is None or low is None:
            self._mean, self._variance = value, (SPREAD_START * value) ** 2
        else:
            share = SHARE_OF_SURPRISE if value < low else SHARE
            self._mean += share * (value - self._mean)
            self._variance += SHARE * (0.5 * (value - self._last) ** 2 - self._variance)
        self._last = value
