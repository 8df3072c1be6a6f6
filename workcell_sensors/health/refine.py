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
from typing import Any

import numpy as np

from workcell_sensors.health.adaptive_window import AdaptiveWindow
from workcell_sensors.health.threshold import Refinement, Threshold
from workcell_sensors.reading import FloatArray, IndexArray


@dataclass(frozen=True)
class CycleResult:
    """How one cycle ended."""

    stamp_ns: int
    drop: bool
    tracking_error_max_rad: float
    protective_stop: bool = False


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
    """Expected cost per cycle before and after, in the unit of the stated costs."""
    band: int = 0
    """The band of operation that the limit holds in."""
    drifts: int = 0
    """How often what had been learned no longer held, and was forgotten."""

    @property
    def reason(self) -> str:
        """Why, in a sentence."""
        return (
            f"{self.harms} of {self.cycles} cycles came to harm; "
            f"cost per cycle {self.cost_old:.3g} -> {self.cost_new:.3g} (v{self.version})"
        )


class OutcomeThreshold:
    """Learns one threshold from (worst measure, harm) pairs; keeps the last `cycles_max` of them.

    Nothing is proposed before `grace_period` cycles, nor where it would not cut the cost by `gain_min`, so that a
    threshold does not wander with the noise. To warn later takes `ease_period` cycles: that a gentle policy
    came through a leak without harm is weak evidence that the leak is harmless. Where warnings cost more than they did
    (`AdaptiveWindow`), the machine is no longer the one that was learned: what came before is forgotten.

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
        miss_cost: float = 10.0,
        false_alarm_cost: float = 1.0,
        lead_cycles: int = 0,
    ) -> None:
        self._below = below
        self._grace_period = grace_period
        self._ease_period = ease_period
        self._gain_min = gain_min
        self._miss_cost = miss_cost
        self._false_alarm_cost = false_alarm_cost
        self._lead_cycles = lead_cycles
        self._open: deque[tuple[int, float, float]] = deque()
        self._cycle = 0
        self._pairs: deque[tuple[float, bool]] = deque(maxlen=cycles_max)
        self._losses = AdaptiveWindow(cycles_max)
        self.drifts = 0
        """How often what had been learned no longer held."""

    @property
    def cycles(self) -> int:
        """Cycles remembered."""
        return len(self._pairs)

    @property
    def harms(self) -> int:
        """Of these, how many came to harm."""
        return sum(harm for _, harm in self._pairs)

    def learn_one(self, worst: float, harm: bool, present: float = math.nan) -> None:
        """Takes one cycle in; a cycle in which the tag was not watched (NaN) says nothing.

        `present` is the limit in force, by whose cost drift is noticed; without it none is. Where the warning is to
        come some cycles before the harm, a cycle counts as harmful if one of so many that follow is: it waits for them.
        """
        self._cycle += 1
        if math.isfinite(worst):
            self._open.append((self._cycle, worst, present))
        while self._open and (harm or self._cycle - self._open[0][0] >= self._lead_cycles):
            _, past, limit = self._open.popleft()
            self._resolve(past, limit, harm)

    def _resolve(self, worst: float, present: float, harm: bool) -> None:
        self._pairs.append((worst, harm))
        if math.isfinite(present):
            kept = self._losses.learn_one(self._cost_of(worst, harm, present) / self._cost_max)
            if kept is not None:
                self.drifts += 1
                self._pairs = deque(list(self._pairs)[-kept:], maxlen=self._pairs.maxlen)

    def cost(self, threshold: float) -> float:
        """Returns the cost per remembered cycle that `threshold` would have had."""
        return float(self._costs(np.array([threshold]))[0])

    def _costs(self, limits: FloatArray) -> FloatArray:
        """Cost per remembered cycle of each limit (m,); 0 where no cycle is remembered."""
        if not self._pairs:
            return np.zeros(len(limits))
        worst, harm = np.array([pair[0] for pair in self._pairs]), np.array([pair[1] for pair in self._pairs])
        missed = self._count(np.sort(worst[harm]), limits, warned=False)
        false = self._count(np.sort(worst[~harm]), limits, warned=True)
        costs: FloatArray = (self._miss_cost * missed + self._false_alarm_cost * false) / len(self._pairs)
        return costs

    def _count(self, worst: FloatArray, limits: FloatArray, warned: bool) -> IndexArray:
        """How many of the rising `worst` each limit warns of, or does not."""
        if self._below:
            below: IndexArray = np.searchsorted(worst, limits, side="left")
            return below if warned else len(worst) - below
        not_above: IndexArray = np.searchsorted(worst, limits, side="right")
        return len(worst) - not_above if warned else not_above

    @property
    def _cost_max(self) -> float:
        return max(self._miss_cost, self._false_alarm_cost)

    def _cost_of(self, worst: float, harm: bool, threshold: float) -> float:
        warned = worst < threshold if self._below else worst > threshold
        if warned == harm:
            return 0.0
        return self._miss_cost if harm else self._false_alarm_cost

    def snapshot(self) -> dict[str, Any]:
        """Returns all that was learned, as JSON holds it."""
        return {
            "pairs": [list(pair) for pair in self._pairs],
            "cycle": self._cycle,
            "open": [[at, worst, limit if math.isfinite(limit) else None] for at, worst, limit in self._open],
            "losses": self._losses.snapshot(),
            "drifts": self.drifts,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes over what `snapshot` gave."""
        self._pairs = deque(((float(w), bool(h)) for w, h in state["pairs"]), maxlen=self._pairs.maxlen)
        self._cycle = int(state["cycle"])
        given = state["open"]
        self._open = deque((int(at), float(w), math.nan if limit is None else float(limit)) for at, w, limit in given)
        self._losses.restore(state["losses"])
        self.drifts = int(state["drifts"])

    def score_one(self, present: float) -> float:
        """Returns the best threshold: `present` unless another is clearly better, then the nearest such."""
        if len(self._pairs) < self._grace_period:
            return present
        seen = np.unique([worst for worst, _ in self._pairs])
        middles = 0.5 * (seen[1:] + seen[:-1])
        margin = 0.05 * max(abs(seen[0]), abs(seen[-1]), 1e-9)
        limits = np.concatenate(([present, seen[0] - margin], middles, [seen[-1] + margin]))
        best = float(limits[np.lexsort((np.abs(limits - present), self._costs(limits)))[0]])
        eases = best < present if self._below else best > present
        if eases and len(self._pairs) < self._ease_period:
            return present
        return best if self.cost(best) <= self.cost(present) - self._gain_min else present


class Refiner:
    """All thresholds that may be learned, a learner per tag and band of operation, with their bounds and versions."""

    def __init__(self, thresholds: Mapping[str, Threshold], tracking_error_max_rad: float = 0.002) -> None:
        self._tracking_error_max_rad = tracking_error_max_rad
        self._learners = {
            tag: [_learner(threshold, threshold.refine) for _ in range(threshold.bands)]
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

    def learn_one(
        self,
        result: CycleResult,
        worst: Mapping[str, float],
        thresholds: Mapping[str, Threshold],
        bands: Mapping[str, int] | None = None,
    ) -> None:
        """Takes a finished cycle in, with the worst measure per tag, and the band of operation where it is not 0.

        A tag whose band is below 0 changed its band within the cycle: which limit was worst judged by is not known,
        and nothing is learned of it.
        """
        tracked_badly = result.protective_stop or result.tracking_error_max_rad > self._tracking_error_max_rad
        for tag, learners in self._learners.items():
            refine, current = thresholds[tag].refine, (bands or {}).get(tag, 0)
            harm = result.drop if refine is not None and refine.outcome == "drop" else tracked_badly
            for band, learner in enumerate(learners):
                # To the other bands the cycle says only that it passed, and whether what they saw came to harm.
                seen = worst.get(tag, math.nan) if band == current else math.nan
                learner.learn_one(seen, harm, thresholds[tag].warn_at(band))

    def proposals(self, thresholds: Mapping[str, Threshold]) -> tuple[Change, ...]:
        """Returns the changes that the evidence asks for, each within its bounds and its step."""
        found = [
            self._change(thresholds[tag], band, learner)
            for tag, learners in self._learners.items()
            for band, learner in enumerate(learners)
        ]
        return tuple(change for change in found if change is not None)

    def _change(self, threshold: Threshold, band: int, learner: OutcomeThreshold) -> Change | None:
        old = threshold.warn_at(band)
        new = _bounded(threshold, learner.score_one(old), old)
        cost_old, cost_new = learner.cost(old), learner.cost(new)
        if new == old or cost_new > cost_old:
            return None
        return Change(
            tag=threshold.tag,
            limit=threshold.warn_name_in(band),
            old=old,
            new=new,
            version=self._versions[threshold.tag] + 1,
            cycles=learner.cycles,
            harms=learner.harms,
            cost_old=cost_old,
            cost_new=cost_new,
            band=band,
            drifts=learner.drifts,
        )

    def applied(self, tag: str) -> None:
        """Counts a change that has come into force."""
        self._versions[tag] += 1

    def snapshot(self) -> dict[str, Any]:
        """Returns all that was learned, as JSON holds it."""
        learners = {tag: [learner.snapshot() for learner in each] for tag, each in self._learners.items()}
        return {"learners": learners, "versions": dict(self._versions)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes over what `snapshot` gave; tags and bands that it does not hold begin anew."""
        for tag, learners in self._learners.items():
            given = state["learners"].get(tag, [])
            if len(given) == len(learners):
                for learner, own in zip(learners, given, strict=True):
                    learner.restore(own)
                self._versions[tag] = int(state["versions"][tag])


def _learner(threshold: Threshold, refine: Refinement) -> OutcomeThreshold:
    below = threshold.warn_name == "low_warn"
    return OutcomeThreshold(
        below,
        miss_cost=refine.miss_cost,
        false_alarm_cost=refine.false_alarm_cost,
        lead_cycles=refine.lead_cycles,
    )


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
