"""Robot performance refines monitoring: warning thresholds learn from how cycles ended.

The evidence of one cycle is the worst measure of the tag while it was watched, and whether the cycle came to harm:
a dropped part, or a path the arm could not follow. The best threshold is the one that would have warned of the harm
and kept still otherwise, at the least cost over the remembered cycles.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from workcell_sensors.health.threshold import Refinement, Threshold

MISS_COST = 10.0
"""A harm without a warning costs as much as this many warnings without harm."""


@dataclass(frozen=True)
class CycleResult:
    """How one cycle ended."""

    stamp_ns: int
    drop: bool
    tracking_error_max_rad: float


@dataclass(frozen=True)
class Change:
    """A warning threshold that the evidence wants moved."""

    tag: str
    limit: str
    """low_warn or high_warn."""
    old: float
    new: float
    version: int
    """Counts the changes of this tag's threshold."""
    cycles: int
    harms: int
    cost_old: float
    cost_new: float
    """Expected cost per cycle before and after, in warnings without harm."""


class OutcomeThreshold:
    """Learns one threshold from (worst measure, harm) pairs; keeps the last `cycles_max` of them.

    Nothing is proposed before `grace_period` cycles, nor where it would not cut the cost by `gain_min`, so that a
    threshold does not wander with the noise. To warn later takes `ease_period` cycles: that a gentle policy
    came through a leak without harm is weak evidence that the leak is harmless.

    >>> learner = OutcomeThreshold(below=True, grace_period=4)
    >>> for vacuum, dropped in [(60.0, False), (58.0, False), (41.0, True), (43.0, True)]:
    ...     learner.learn_one(vacuum, dropped)
    >>> learner.score_one(30.0)
    50.5
    """

    def __init__(
        self,
        below: bool,
        grace_period: int = 20,
        ease_period: int = 100,
        cycles_max: int = 300,
        gain_min: float = 0.02,
    ) -> None:
        self._below = below
        self._grace_period = grace_period
        self._ease_period = ease_period
        self._gain_min = gain_min
        self._pairs: deque[tuple[float, bool]] = deque(maxlen=cycles_max)

    @property
    def cycles(self) -> int:
        """Cycles remembered."""
        return len(self._pairs)

    @property
    def harms(self) -> int:
        """Of these, how many came to harm."""
        return sum(harm for _, harm in self._pairs)

    def learn_one(self, worst: float, harm: bool) -> None:
        """Takes one cycle in; a cycle in which the tag was not watched (NaN) says nothing."""
        if math.isfinite(worst):
            self._pairs.append((worst, harm))

    def cost(self, threshold: float) -> float:
        """Returns the cost per remembered cycle that `threshold` would have had."""
        if not self._pairs:
            return 0.0
        warned = [(worst < threshold) if self._below else (worst > threshold) for worst, _ in self._pairs]
        costs = [
            (0.0 if warn else MISS_COST) if harm else float(warn)
            for warn, (_, harm) in zip(warned, self._pairs, strict=True)
        ]
        return sum(costs) / len(costs)

    def score_one(self, present: float) -> float:
        """Returns the best threshold: `present` unless another is clearly better, then the nearest such."""
        if len(self._pairs) < self._grace_period:
            return present
        seen = np.unique([worst for worst, _ in self._pairs])
        middles = 0.5 * (seen[1:] + seen[:-1])
        margin = 0.05 * max(abs(seen[0]), abs(seen[-1]), 1e-9)
        candidates = [present, seen[0] - margin, *middles.tolist(), seen[-1] + margin]
        best = min(candidates, key=lambda limit: (self.cost(limit), abs(limit - present)))
        eases = best < present if self._below else best > present
        if eases and len(self._pairs) < self._ease_period:
            return present
        return float(best) if self.cost(best) <= self.cost(present) - self._gain_min else present


class Refiner:
    """All thresholds that may be learned, with their bounds and versions."""

    def __init__(self, thresholds: Mapping[str, Threshold], tracking_error_max_rad: float = 0.002) -> None:
        self._tracking_error_max_rad = tracking_error_max_rad
        self._learners = {
            tag: OutcomeThreshold(below=threshold.warn_name == "low_warn")
            for tag, threshold in thresholds.items()
            if threshold.refine is not None
        }
        self._versions = dict.fromkeys(self._learners, 0)

    @property
    def tags(self) -> Sequence[str]:
        """The tags whose threshold may be learned."""
        return tuple(self._learners)

    def version(self, tag: str) -> int:
        """Returns how often a tag's threshold has been changed."""
        return self._versions.get(tag, 0)

    def learn_one(self, result: CycleResult, worst: Mapping[str, float], thresholds: Mapping[str, Threshold]) -> None:
        """Takes a finished cycle in, with the worst measure per tag."""
        tracked_badly = result.tracking_error_max_rad > self._tracking_error_max_rad
        for tag, learner in self._learners.items():
            refine = thresholds[tag].refine
            if refine is not None:
                learner.learn_one(worst.get(tag, math.nan), result.drop if refine.outcome == "drop" else tracked_badly)

    def proposals(self, thresholds: Mapping[str, Threshold]) -> tuple[Change, ...]:
        """Returns the changes that the evidence asks for, each within its bounds and its step."""
        changes = []
        for tag, learner in self._learners.items():
            threshold = thresholds[tag]
            old = getattr(threshold, threshold.warn_name)
            new = _bounded(threshold, learner.score_one(old), old)
            cost_old, cost_new = learner.cost(old), learner.cost(new)
            if new != old and cost_new <= cost_old:
                version = self._versions[tag] + 1
                changes.append(
                    Change(
                        tag, threshold.warn_name, old, new, version, learner.cycles, learner.harms, cost_old, cost_new
                    )
                )
        return tuple(changes)

    def applied(self, tag: str) -> None:
        """Counts a change that has come into force."""
        self._versions[tag] += 1


def _bounded(threshold: Threshold, wanted: float, old: float) -> float:
    """Returns `wanted` held within the step, the bounds and the order of the limits."""
    refine = threshold.refine
    if not isinstance(refine, Refinement):
        return old
    new = min(max(wanted, old - refine.step), old + refine.step)
    new = min(max(new, refine.low), refine.high)
    limits = threshold.limits()
    if threshold.warn_name == "low_warn":
        return min(max(new, limits.get("low_alarm", -math.inf)), limits.get("high_warn", math.inf))
    return max(min(new, limits.get("high_alarm", math.inf)), limits.get("low_warn", -math.inf))
