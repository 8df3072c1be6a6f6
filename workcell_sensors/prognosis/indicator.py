"""One figure per cycle of how a component behaves, whatever speed the cycle was driven at."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from workcell_sensors.prognosis.detector import State

PAIRS_MIN = 4
"""A cycle with fewer readings than this says nothing."""


class CycleIndicator:
    """What one quantity gains per unit of another over a cycle: least squares through the origin.

    >>> vibration_per_speed = CycleIndicator()
    >>> for speed in (0.5, 1.0, 1.5, 1.0, 0.5):
    ...     vibration_per_speed.learn_one(0.6 * speed, speed)
    >>> round(vibration_per_speed.take(), 3)
    0.6
    """

    def __init__(self) -> None:
        self._pairs = 0
        self._product = 0.0
        self._square = 0.0

    def learn_one(self, value: float, per: float = 1.0) -> None:
        """Takes a pair of readings in; one that is BAD or STALE comes as NaN and is passed over."""
        if math.isfinite(value) and math.isfinite(per):
            self._pairs += 1
            self._product += value * per
            self._square += per * per

    def take(self) -> float:
        """Ends the cycle and returns its figure; NaN where too little was read."""
        figure = self._product / self._square if self._pairs >= PAIRS_MIN and self._square > 0.0 else math.nan
        self._pairs, self._product, self._square = 0, 0.0, 0.0
        return figure

    def snapshot(self) -> State:
        """Returns the state."""
        return {"pairs": self._pairs, "product": self._product, "square": self._square}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes over a state."""
        self._pairs = int(state["pairs"])
        self._product, self._square = float(state["product"]), float(state["square"])
