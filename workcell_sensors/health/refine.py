"""Robot performance refines monitoring: warning thresholds learn from how cycles ended.

The evidence of one cycle is the worst measure of the tag while it was watched, and whether the cycle came to harm:
a dropped part, or a path the arm could not follow. What is learned from it is `OutcomeThreshold`'s; here are bounds,
steps, versions, and what a limit was before anything was learned.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workcell_sensors.health.outcome_threshold import OutcomeThreshold
from workcell_sensors.health.threshold import Refinement, Threshold

ASKED_MAX = 500
"""So many limits asked for are remembered: a proposal may wait long for its answer."""


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
    """Cost per remembered cycle, in the unit of the stated costs: with the limits in force, and with those wanted."""
    drifts: int = 0
    """How often what had been learned no longer held, and was forgotten."""

    @property
    def reason(self) -> str:
        """Why, in a sentence."""
        return (
            f"{self.harms} of {self.cycles} cycles came to harm; "
            f"cost per cycle {self.cost_old:.3g} -> {self.cost_new:.3g} (v{self.version})"
        )


class Refiner:
    """All thresholds that may be learned, a learner per tag, with their bounds and versions.

    A limit that comes into force without having been asked for here is somebody's decision: from then on it is what the
    evidence is held against.
    """

    def __init__(self, thresholds: Mapping[str, Threshold], tracking_error_max_rad: float = 0.002) -> None:
        self._tracking_error_max_rad = tracking_error_max_rad
        given = {tag: threshold for tag, threshold in thresholds.items() if threshold.refine is not None}
        self._learners = {tag: _learner(threshold) for tag, threshold in given.items()}
        self._homes = {tag: threshold.warn_limits for tag, threshold in given.items()}
        self._asked: dict[str, deque[float]] = {tag: deque(maxlen=ASKED_MAX) for tag in given}
        self._versions = dict.fromkeys(given, 0)
        self._by_outcome: dict[str, list[str]] = {}
        for tag, threshold in given.items():
            assert threshold.refine is not None
            self._by_outcome.setdefault(threshold.refine.outcome, []).append(tag)

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
        contexts: Mapping[str, float] | None = None,
    ) -> None:
        """Takes a finished cycle in, with the worst measure per tag, and the context it was in where there is one.

        Of several tags that may foretell a harm it is laid to the one furthest on its way to its limit or beyond: that
        one joint wears out says nothing of the limits of the others.
        """
        tracked_badly = result.protective_stop or result.tracking_error_max_rad > self._tracking_error_max_rad
        came = {"drop": result.drop, "tracking_error": tracked_badly}
        seen = {tag: worst.get(tag, math.nan) for tag in self._learners}
        where = {tag: (contexts or {}).get(tag, 0.0) for tag in self._learners}
        limits = {tag: thresholds[tag].warn_at(where[tag]) for tag in self._learners}
        for outcome, tags in self._by_outcome.items():
            known = [tag for tag in tags if math.isfinite(seen[tag])]
            culprit = max(known, key=lambda tag: _exceeds(thresholds[tag], seen[tag], limits[tag]), default=None)
            for tag in tags:
                harm = came[outcome] and culprit in (tag, None)
                self._learners[tag].learn_one(seen[tag], harm, limits[tag], where[tag])

    def proposals(self, thresholds: Mapping[str, Threshold]) -> tuple[Change, ...]:
        """Returns the changes that the evidence asks for, each within its bounds and its step."""
        return tuple(change for tag in self._learners for change in self._changes(thresholds[tag]))

    def _changes(self, threshold: Threshold) -> Iterator[Change]:
        tag, learner, present = threshold.tag, self._learners[threshold.tag], threshold.warn_limits
        wanted = learner.score_one(present, self._homes[tag])
        if wanted == present:
            return
        cost_old, cost_new = learner.cost(present), learner.cost(wanted)
        for point, (old, target) in enumerate(zip(present, wanted, strict=True)):
            new = _bounded(threshold, target, old)
            if new != old:
                self._asked[tag].append(new)
                yield Change(
                    tag=tag,
                    limit=threshold.warn_name_of(point),
                    old=old,
                    new=new,
                    version=self._versions[tag] + 1,
                    cycles=learner.cycles,
                    harms=learner.harms,
                    cost_old=cost_old,
                    cost_new=cost_new,
                    drifts=learner.drifts,
                )

    def applied(self, tag: str, old: Threshold, new: Threshold) -> None:
        """Takes note of a change that has come into force."""
        self._versions[tag] += 1
        asked = self._asked[tag]
        self._homes[tag] = tuple(
            home if after == before or after in asked else after
            for home, before, after in zip(self._homes[tag], old.warn_limits, new.warn_limits, strict=True)
        )

    def snapshot(self) -> dict[str, Any]:
        """Returns all that was learned, as JSON holds it."""
        learners = {tag: learner.snapshot() for tag, learner in self._learners.items()}
        homes = {tag: list(home) for tag, home in self._homes.items()}
        return {"learners": learners, "homes": homes, "versions": dict(self._versions)}

    def restore(self, state: Mapping[str, Any], thresholds: Mapping[str, Threshold]) -> None:
        """Takes over what `snapshot` gave; tags that it does not hold begin anew."""
        for tag, learner in self._learners.items():
            if tag in state["learners"]:
                learner.restore(state["learners"][tag])
                self._versions[tag] = int(state["versions"][tag])
                self._homes[tag] = self._allowed(thresholds[tag], state["homes"][tag])

    @staticmethod
    def _allowed(threshold: Threshold, limits: Sequence[float]) -> tuple[float, ...]:
        """Returns limits as they were kept, or those of the file where the file no longer allows them."""
        refine = threshold.refine
        is_allowed = refine is not None and all(refine.low <= limit <= refine.high for limit in limits)
        same_points = len(limits) == len(threshold.warn_limits)
        return tuple(map(float, limits)) if is_allowed and same_points else threshold.warn_limits


def _exceeds(threshold: Threshold, worst: float, limit: float) -> float:
    """How far a measure is on its way to its limit, 1 where it is there."""
    scale = max(abs(limit), abs(worst), 1e-9)
    return 1.0 + (limit - worst if threshold.warn_name == "low_warn" else worst - limit) / scale


def _learner(threshold: Threshold) -> OutcomeThreshold:
    refine, context = threshold.refine, threshold.context
    assert refine is not None
    return OutcomeThreshold(
        below=threshold.warn_name == "low_warn",
        at=(0.0,) if context is None else context.at,
        low=refine.low,
        high=refine.high,
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
