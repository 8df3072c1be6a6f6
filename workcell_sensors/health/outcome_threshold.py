"""One warning threshold learned from how cycles ended, by the stated costs of a miss and of a false alarm."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from workcell_sensors.health.adaptive_window import AdaptiveWindow
from workcell_sensors.reading import FloatArray

BoolArray = npt.NDArray[np.bool_]

BLOCK_CYCLES = 5
"""Neighbouring cycles are alike; the gain of so many together counts as one observation."""
BLOCKS_MIN = 4
STANDARD_ERRORS = 2.0
"""The gain over the shipped limit must exceed 0 by so many of its standard errors."""
LEVEL_SHARE_MIN = 0.2
"""A level drawn out to an unusual context is held to so much of the mean level at least."""


@dataclass(frozen=True)
class Cycles:
    """Remembered cycles in the order of time, column by column, each (n,)."""

    worst: FloatArray
    context: FloatArray
    harm: FloatArray
    """1 where the harm came in the cycle itself, less where it came later, 0 where none did."""


class OutcomeThreshold:
    """Learns one threshold from cycles (worst measure, context, harm); keeps the last of them.

    The best threshold is the one that would have cost least over the remembered cycles. It takes the place of the
    shipped one, `home`, only where its gain over that is beyond chance: mean gain less two standard errors, taken over
    blocks of cycles, above 0. Where the evidence is gone, so is the threshold that it had moved.

    With more than one point in `at` the threshold is a line over the context through a limit at each point. What it is
    to the context is learned from the cycles that came to no harm (a straight line through their measures, by least
    squares), how far above or below from all cycles together: evidence at one speed is evidence at every other.

    Nothing is proposed before `grace_period` cycles, nor where it would not cut the cost by `gain_min`, so that a
    threshold does not wander with the noise. To warn later takes `ease_period` cycles: that a gentle policy
    came through a leak without harm is weak evidence that the leak is harmless. Where warnings cost more than they did
    (`AdaptiveWindow`), the machine is no longer the one that was learned: what came before is forgotten.

    >>> learner = OutcomeThreshold(below=True)
    >>> for vacuum, dropped in [(60.0, False), (58.0, False), (41.0, True), (43.0, True)] * 6:
    ...     learner.learn_one(vacuum, dropped)
    >>> learner.score_one(present=(30.0,), home=(30.0,))
    (50.5,)
    """

    def __init__(
        self,
        below: bool,
        at: Sequence[float] = (0.0,),
        low: float = -math.inf,
        high: float = math.inf,
        grace_period: int = 20,
        ease_period: int = 100,
        cycles_max: int = 300,
        gain_min: float = 0.02,
        miss_cost: float = 10.0,
        false_alarm_cost: float = 1.0,
        lead_cycles: int = 0,
    ) -> None:
        self._below = below
        self._at = np.array(at, dtype=np.float64)
        self._low, self._high = low, high
        self._grace_period = grace_period
        self._ease_period = ease_period
        self._gain_min = gain_min
        self._miss_cost = miss_cost
        self._false_alarm_cost = false_alarm_cost
        self._lead_cycles = lead_cycles
        self._open: deque[tuple[int, float, float, float]] = deque()
        self._cycle = 0
        # To learn how far ahead a failure shows, some must be remembered with what led to them.
        self._seen: deque[tuple[float, float, float]] = deque(maxlen=cycles_max + 4 * lead_cycles)
        self._losses = AdaptiveWindow(cycles_max)
        self.drifts = 0
        """How often what had been learned no longer held."""

    @property
    def cycles(self) -> int:
        """Cycles remembered."""
        return len(self._seen)

    @property
    def harms(self) -> int:
        """Of these, how many came to harm."""
        return sum(harm > 0.0 for _, _, harm in self._seen)

    def learn_one(self, worst: float, harm: bool, present: float = math.nan, context: float = 0.0) -> None:
        """Takes one cycle in; a cycle in which the tag was not watched (NaN) says nothing.

        `present` is the limit that was in force, by whose cost drift is noticed; without it none is. Where the warning
        is to come up to `lead_cycles` before the harm, the cycle waits for what follows. It is the more harmful the
        nearer the harm comes: a miss in it costs that share of `miss_cost`, a warning the rest of `false_alarm_cost`.
        """
        self._cycle += 1
        if math.isfinite(worst) and math.isfinite(context):
            self._open.append((self._cycle, worst, context, present))
        while self._open and (harm or self._cycle - self._open[0][0] >= self._lead_cycles):
            at, past, where, limit = self._open.popleft()
            ahead = (self._cycle - at) / max(self._lead_cycles, 1)
            self._resolve(past, where, limit, max(1.0 - ahead, 0.0) if harm else 0.0)

    def _resolve(self, worst: float, context: float, present: float, harm: float) -> None:
        self._seen.append((worst, context, harm))
        # Of one failure come many misses where warnings are to come cycles ahead: that is no drift.
        if math.isfinite(present) and not self._lead_cycles:
            cost = float(self._cost_of(self._is_beyond(worst, present), harm))
            kept = self._losses.learn_one(cost / max(self._miss_cost, self._false_alarm_cost))
            if kept is not None:
                self.drifts += 1
                self._seen = deque(list(self._seen)[-kept:], maxlen=self._seen.maxlen)

    def cost(self, limits: Sequence[float]) -> float:
        """Returns the cost per remembered cycle that limits at the points would have had; 0 without any cycle."""
        if not self._seen:
            return 0.0
        seen = self._cycles()
        return float(self._cost_of(self._warned(seen, np.array([limits])), seen.harm).mean())

    def score_one(self, present: Sequence[float], home: Sequence[float]) -> tuple[float, ...]:
        """Returns the limits at the points that the evidence asks for: `present` where nothing speaks against it."""
        if len(self._seen) < self._grace_period:
            return tuple(present)
        seen = self._cycles()
        curves = np.vstack([present, home, self._candidates(seen)])
        warned = self._warned(seen, curves)
        costs = self._cost_of(warned, seen.harm)
        means = costs.mean(axis=1)
        distance = np.abs(curves - curves[0]).sum(axis=1)
        best = int(np.lexsort((distance, means))[0])
        if not _is_beyond_chance(costs[1] - costs[best]):
            return tuple(home)
        if means[0] - means[best] < self._gain_min and _is_beyond_chance(costs[1] - costs[0]):
            return tuple(present)
        if len(self._seen) < self._ease_period and warned[best].sum() < warned[0].sum():
            return tuple(present)
        return tuple(curves[best].tolist())

    def _candidates(self, seen: Cycles) -> FloatArray:
        """Limits at the points (m, k) that part the remembered cycles in every way that one factor can."""
        here, there = self._levels(seen)
        ratios = np.unique(seen.worst / here)
        middles = 0.5 * (ratios[1:] + ratios[:-1])
        margin = 0.05 * max(abs(ratios[0]), abs(ratios[-1]), 1e-9)
        factors = np.concatenate(([ratios[0] - margin], middles, [ratios[-1] + margin]))
        limits: FloatArray = np.clip(factors[:, None] * there, self._low, self._high)
        return limits

    def _levels(self, seen: Cycles) -> tuple[FloatArray, FloatArray]:
        """What a cycle without harm measures in each cycle's context (n,), and at the points (k,)."""
        if len(self._at) == 1:
            return np.ones(len(seen.context)), np.ones(1)
        calm = seen.harm == 0.0 if (seen.harm == 0.0).any() else seen.harm > 0.0
        worst, where = seen.worst[calm], seen.context[calm]
        mean, middle = float(worst.mean()), float(where.mean())
        offset, spread = where - where.mean(), float(where.var())
        slope = float((offset * worst).mean()) / spread if spread > 0.0 else 0.0

        def level(at: FloatArray) -> FloatArray:
            drawn: FloatArray = np.maximum(mean + slope * (at - middle), LEVEL_SHARE_MIN * mean)
            return drawn

        return level(np.clip(seen.context, self._at[0], self._at[-1])), level(self._at)

    def _warned(self, seen: Cycles, curves: FloatArray) -> BoolArray:
        """Whether each remembered cycle is beyond each of some limits at the points (m, k): (m, n)."""
        shares = np.stack([np.interp(seen.context, self._at, unit) for unit in np.eye(len(self._at))])
        return np.asarray(self._is_beyond(seen.worst, curves @ shares))

    def _is_beyond(self, measure: FloatArray | float, limit: FloatArray | float) -> BoolArray | bool:
        return measure < limit if self._below else measure > limit

    def _cost_of(self, warned: BoolArray | bool, harm: FloatArray | float) -> FloatArray:
        """What cycles cost, given whether there was a warning in each, and what harm came."""
        return np.where(warned, self._false_alarm_cost * (1.0 - harm), self._miss_cost * harm)

    def _cycles(self) -> Cycles:
        return Cycles(*np.array(self._seen, dtype=np.float64).reshape(-1, 3).T)

    def snapshot(self) -> dict[str, Any]:
        """Returns all that was learned, as JSON holds it."""
        return {
            "seen": [list(cycle) for cycle in self._seen],
            "cycle": self._cycle,
            "open": [[*cycle[:3], cycle[3] if math.isfinite(cycle[3]) else None] for cycle in self._open],
            "losses": self._losses.snapshot(),
            "drifts": self.drifts,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes over what `snapshot` gave."""
        self._seen = deque(((float(w), float(c), float(h)) for w, c, h in state["seen"]), maxlen=self._seen.maxlen)
        self._cycle = int(state["cycle"])
        self._open = deque(
            (int(at), float(worst), float(context), math.nan if limit is None else float(limit))
            for at, worst, context, limit in state["open"]
        )
        self._losses.restore(state["losses"])
        self.drifts = int(state["drifts"])


def _is_beyond_chance(gains: FloatArray) -> bool:
    """Whether the mean of gains (n,) in the order of time is above 0, by its standard error over blocks."""
    count = len(gains) // BLOCK_CYCLES
    if count < BLOCKS_MIN:
        return False
    blocks = gains[len(gains) - count * BLOCK_CYCLES :].reshape(count, BLOCK_CYCLES).mean(axis=1)
    return bool(blocks.mean() > STANDARD_ERRORS * blocks.std(ddof=1) / math.sqrt(count))
