"""Puts the metrics of one cycle, which arrive one message each, back together."""

from __future__ import annotations

from workcell_control.policy.policy import Cycle

VERDICTS = ("accept", "rework", "reject", "none")
WANTED = (
    "drop",
    "verdict",
    "cycle_time",
    "vacuum_min",
    "acceleration_max",
    "pick_attempts",
    "tracking_error_max",
    "energy",
)


class CycleAssembler:
    """Collects metrics by the end of their window until a cycle is whole."""

    def __init__(self) -> None:
        self._window_ns = -1
        self._metrics: dict[str, float] = {}

    def add(self, window_stop_ns: int, name: str, value: float) -> Cycle | None:
        """Takes one metric in and returns the cycle once all of `WANTED` are there."""
        if window_stop_ns != self._window_ns:
            self._window_ns, self._metrics = window_stop_ns, {}
        if name not in WANTED or name in self._metrics:
            return None
        self._metrics[name] = value
        return self._cycle() if len(self._metrics) == len(WANTED) else None

    def _cycle(self) -> Cycle:
        got = self._metrics
        index = round(got["verdict"])
        return Cycle(
            is_dropped=got["drop"] > 0.5,
            verdict=VERDICTS[index] if 0 <= index < len(VERDICTS) else "none",
            cycle_time_s=got["cycle_time"],
            vacuum_min_pa=got["vacuum_min"],
            acceleration_max_m_s2=got["acceleration_max"],
            pick_attempts=round(got["pick_attempts"]),
            tracking_error_max_rad=got["tracking_error_max"],
            energy_j=got["energy"],
        )
