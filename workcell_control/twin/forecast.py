"""From a fork's few cycles to the next hour, with an interval."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

S_PER_H = 3600.0
RESAMPLES = 400
INTERVAL = (5.0, 95.0)
"""Percentiles of the interval."""
DRIFT_CYCLES = 12
"""Cycles that the drift is a median of."""
FORESEEN_MAX = 64
"""Sets of parameters whose forecast is remembered."""
SETTLED_CYCLES = 2
"""A fork that runs smoothly is asked for no more cycles than these."""
SETTLED_SPREAD = 0.04
"""How far the last cycle times may differ, as a share: no less than the period of the field's readings in a cycle."""


@dataclass(frozen=True)
class ForkCycle:
    """One cycle of a fork."""

    cycle_time_s: float
    is_good: bool
    """A good part that went to accept."""
    is_dropped: bool
    energy_j: float


@dataclass(frozen=True)
class Figure:
    """A mean with its interval."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Outlook:
    """What an hour under some parameters would give."""

    good_parts_per_hour: Figure
    drops_per_hour: Figure
    energy_per_good_part_j: float
    cycles: int


def fruitless(duration_s: float) -> ForkCycle:
    """Returns what stands for a fork in which no cycle ended: all of its time, for nothing."""
    return ForkCycle(cycle_time_s=duration_s, is_good=False, is_dropped=False, energy_j=0.0)


def is_settled(cycles: Sequence[ForkCycle]) -> bool:
    """Returns whether a fork has shown what it can: every part was good, and the last cycles took equally long.

    More of the same would narrow the interval and move no mean. A fork that dropped or lost a part goes on: how often
    it does so is what is asked of it. So does one whose cycles still differ.
    """
    if len(cycles) < SETTLED_CYCLES or not all(item.is_good for item in cycles):
        return False
    last_s = [item.cycle_time_s for item in cycles[-SETTLED_CYCLES:]]
    return max(last_s) - min(last_s) <= SETTLED_SPREAD * max(last_s)


def outlook(cycles: Sequence[ForkCycle], seed: int) -> Outlook:
    """Extrapolates cycles to an hour, with intervals for what so few cycles leave open.

    Lengths of cycles are resampled (bootstrap, Efron 1979). How many of them are good or dropped is drawn from what is
    known of that share after so many cycles, with Jeffreys' prior: that all of seven were good does not make all good.

    Raises:
        ValueError: there are no cycles.
    """
    if not cycles:
        raise ValueError("an outlook needs at least one cycle")
    times_s = np.array([item.cycle_time_s for item in cycles])
    good = np.array([item.is_good for item in cycles], dtype=float)
    drops = np.array([item.is_dropped for item in cycles], dtype=float)
    energy_j = np.array([item.energy_j for item in cycles])
    rng = np.random.default_rng(seed)
    picks = rng.integers(0, len(cycles), size=(RESAMPLES, len(cycles)))
    per_hour = S_PER_H / times_s[picks].mean(axis=1)
    return Outlook(
        good_parts_per_hour=_rate(good, times_s, per_hour, rng),
        drops_per_hour=_rate(drops, times_s, per_hour, rng),
        energy_per_good_part_j=float(energy_j.sum() / max(good.sum(), 1.0)),
        cycles=len(cycles),
    )


def _rate(events: np.ndarray, times_s: np.ndarray, per_hour: np.ndarray, rng: np.random.Generator) -> Figure:
    """Returns events per hour with their interval; `per_hour` holds resampled cycles per hour."""
    count, hits = len(events), float(events.sum())
    share = rng.beta(hits + 0.5, count - hits + 0.5, size=len(per_hour))
    low, high = np.percentile(per_hour * share, INTERVAL)
    mean = float(S_PER_H * hits / times_s.sum())
    return Figure(mean, min(float(low), mean), max(float(high), mean))


class Drift:
    """How far the real cell has moved away from what the twin foresees: the relative error of cycle time.

    Each real cycle is held against what was foreseen for the parameters it ran with, so that errors from before and
    after a change count alike.
    """

    def __init__(self) -> None:
        self._errors: deque[float] = deque(maxlen=DRIFT_CYCLES)
        self._foreseen_s: OrderedDict[str, float] = OrderedDict()
        self._parameters: str | None = None

    def note_actual(self, parameters: str, cycle_time_s: float) -> None:
        """Takes in a real cycle that ended with these parameters in force."""
        is_whole = parameters == self._parameters
        self._parameters = parameters
        foreseen_s = self._foreseen_s.get(parameters)
        # A cycle in which the parameters changed belongs to neither set.
        if is_whole and foreseen_s is not None:
            self._errors.append(cycle_time_s / foreseen_s - 1.0)

    def note_foreseen(self, parameters: str, cycles: Sequence[ForkCycle]) -> None:
        """Takes in a fork with these parameters."""
        self._foreseen_s[parameters] = float(np.median([item.cycle_time_s for item in cycles]))
        self._foreseen_s.move_to_end(parameters)
        while len(self._foreseen_s) > FORESEEN_MAX:
            self._foreseen_s.popitem(last=False)

    @property
    def value(self) -> float:
        """Median of real over foreseen cycle time, less one; NaN before a foreseen cycle has ended."""
        return float(np.median(self._errors)) if self._errors else float("nan")
