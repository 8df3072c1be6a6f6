"""Notices rewards that cannot be: figures of real cycles never repeat to the last bit, cycle after cycle."""

from __future__ import annotations

from workcell_control.policy.policy import Cycle

REPEATS_MAX = 12
"""Cycles in a row with the same energy, time and vacuum, bit for bit, beyond which they are not measured."""


class RewardWatch:
    """Counts how often a cycle's figures repeated those of the one before."""

    def __init__(self) -> None:
        self._last: tuple[float, ...] = ()
        self._repeats = 0

    def note(self, cycle: Cycle) -> str:
        """Takes in a finished cycle; returns why its figures are not believed, empty where they are."""
        figures = (cycle.cycle_time_s, cycle.energy_j, cycle.vacuum_min_pa)
        self._repeats = self._repeats + 1 if figures == self._last else 0
        self._last = figures
        if self._repeats < REPEATS_MAX:
            return ""
        return f"time, energy and vacuum were the same to the last bit in {self._repeats + 1} cycles: not measured"
