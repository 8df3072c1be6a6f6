"""Puts the single metrics of a finished cycle together again."""

from __future__ import annotations

from dataclasses import dataclass, field

from workcell_sensors.health.refine import CycleResult

NEEDED = frozenset({"drop", "tracking_error_max"})
OPEN_MAX = 8


@dataclass
class CycleMetrics:
    """Collects the metrics of a cycle, which come one message each, by the time the cycle ended."""

    _open: dict[int, dict[str, float]] = field(default_factory=dict)
    _done_ns: int = 0

    def take(self, name: str, stamp_ns: int, value: float) -> CycleResult | None:
        """Returns the cycle's result with the metric that completes it.

        Metrics of a cycle that is not later than the last complete one are old news and are ignored.
        """
        if name not in NEEDED or stamp_ns <= self._done_ns:
            return None
        values = self._open.setdefault(stamp_ns, {})
        values[name] = value
        if not values.keys() >= NEEDED:
            while len(self._open) > OPEN_MAX:
                del self._open[min(self._open)]
            return None
        del self._open[stamp_ns]
        self._done_ns = stamp_ns
        return CycleResult(stamp_ns, values["drop"] > 0.5, values["tracking_error_max"])
