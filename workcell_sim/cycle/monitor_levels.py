"""When the monitor would complain of a gear: the warning and alarm of a tag's mean, with their hysteresis."""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

from workcell_sensors.health.threshold import Threshold

FloatArray = npt.NDArray[np.float64]


class VibrationLevels:
    """Levels 0 OK, 1 WARN, 2 ERROR of each gear's mean vibration over the monitor's window.

    Delays are shorter than a cycle and left out.
    """

    def __init__(self, threshold: Threshold, window_s: float, joints: int) -> None:
        # A limit that there is not is NaN, which nothing exceeds.
        self._warn, self._alarm, self._hysteresis = threshold.high_warn, threshold.high_alarm, threshold.hysteresis
        self._window_s = window_s
        self._means: deque[tuple[float, FloatArray]] = deque()
        self._levels = [0] * joints

    def note(self, duration_s: float, vibration_m_s2: FloatArray) -> list[int]:
        """Takes in the mean of a cycle; returns the level of each gear."""
        self._means.append((duration_s, vibration_m_s2))
        while sum(duration for duration, _ in self._means) - self._means[0][0] > self._window_s:
            self._means.popleft()
        durations = np.array([duration for duration, _ in self._means])
        means = np.average(np.array([mean for _, mean in self._means]), axis=0, weights=durations)
        self._levels = [self._level(mean, level) for mean, level in zip(means, self._levels, strict=True)]
        return self._levels

    def _level(self, mean: float, before: int) -> int:
        if mean > self._alarm or (before == 2 and mean > self._alarm - self._hysteresis):
            return 2
        if mean > self._warn or (before >= 1 and mean > self._warn - self._hysteresis):
            return 1
        return 0
