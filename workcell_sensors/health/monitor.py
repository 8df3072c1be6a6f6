"""The monitor's core: readings, cell states and cycle results in, health per tag out."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workcell_sensors.health.alarm import AlarmBank
from workcell_sensors.health.drift import DriftBank
from workcell_sensors.health.refine import Change, CycleResult, Refiner
from workcell_sensors.health.threshold import Threshold
from workcell_sensors.health.window import Features, WindowBank
from workcell_sensors.reading import FloatArray, IndexArray, Quality, QualityArray
from workcell_sensors.tags import TagTable

LEVEL_STALE = 3
STOP_TAG = "arm/protective_stop"
STOP_RAISED = 0.5
_NAMES = {"low_alarm": "alarm", "low_warn": "warning", "high_warn": "warning", "high_alarm": "alarm"}


@dataclass(frozen=True)
class TagHealth:
    """What is known of one tag's health."""

    tag: str
    level: int
    """As in DiagnosticStatus: 0 OK, 1 WARN, 2 ERROR, 3 STALE."""
    reason: str
    value: float
    quality: str
    threshold_warn: float
    threshold_alarm: float
    mean: float
    rms: float
    std: float
    slope: float
    drift: float
    """Score of the slow drift; beyond -1 or 1 the tag is no longer as it used to be."""
    version: int
    """How often its warning threshold has been learned anew."""


class HealthMonitor:
    """Windows, alarms, drift and learned thresholds over the tag table."""

    def __init__(
        self,
        table: TagTable,
        thresholds: Mapping[str, Threshold],
        window_s: float,
        tracking_error_max_rad: float = 0.002,
    ) -> None:
        n = len(table)
        self._table = table
        self.thresholds: dict[str, Threshold] = dict(thresholds)
        self._windows = WindowBank(n, window_s)
        self._alarms = AlarmBank(table, thresholds)
        self._drifts = DriftBank(n)
        self._refiner = Refiner(thresholds, tracking_error_max_rad)
        self._value: FloatArray = np.full(n, np.nan)
        self._quality: QualityArray = np.full(n, Quality.STALE, dtype=np.uint8)
        self._features: Features = self._windows.features(0)
        of_value = [i for i, tag in enumerate(table.tags) if tag in thresholds and thresholds[tag].of == "value"]
        self._by_value = np.isin(np.arange(n), of_value)
        self._seeks_drift = np.isin(np.arange(n), [table.index[t.tag] for t in thresholds.values() if t.of != "value"])
        self._by_context = {
            tag: table.index[threshold.context.tag]
            for tag, threshold in thresholds.items()
            if threshold.context is not None
        }
        self._without_context: set[str] = set()
        self._stop_row = table.index.get(STOP_TAG, -1)
        self._was_stopped = False
        self._by_feature = [
            (table.index[tag], threshold.of) for tag, threshold in thresholds.items() if threshold.of != "value"
        ]

    def take(self, rows: IndexArray, values: FloatArray, quality: QualityArray, stamp_ns: int) -> IndexArray:
        """Takes one scan of readings (m,); returns the rows whose level changed."""
        before = self._quality[rows]
        usable = quality < Quality.BAD
        self._value[rows] = values
        self._quality[rows] = quality
        if usable.all():
            good, fine = rows, values
        else:
            lost = rows[~usable]
            self._windows.forget(lost)
            self._alarms.clear(lost)
            good, fine = rows[usable], values[usable]
        if len(good):
            self._windows.learn_many(good, fine, stamp_ns)
        if self._stop_row in good and fine[good == self._stop_row].max() > STOP_RAISED:
            self._was_stopped = True
        watched = self._by_value[good]
        changed = self._alarms.step(good[watched], fine[watched], stamp_ns)
        late = self._alarms.due(stamp_ns)
        # The quality of a tag is part of its level as soon as it leaves or enters the usable.
        turned = rows[(before != quality) & ((before >= Quality.BAD) | ~usable)]
        if len(turned) or len(late):
            return np.unique(np.concatenate([changed, turned, late]))
        return changed

    def set_state(self, state: str, now_ns: int) -> IndexArray:
        """Takes the cell's state in; returns the rows whose level fell because they are not watched in it."""
        risen, fallen = self._alarms.set_state(state)
        known = risen[self._by_value[risen] & (self._quality[risen] < Quality.BAD)]
        self._alarms.step(known, self._value[known], now_ns)
        return fallen

    def tick(self, now_ns: int) -> IndexArray:
        """Computes the features, at a steady rate; returns the rows whose level changed by them."""
        self._features = self._windows.features(now_ns)
        self._find_contexts()
        # Drift is sought where a feature is watched: counters and prices move by nature.
        self._drifts.learn_many(np.where(self._seeks_drift, self._features.mean, np.nan))
        if not self._by_feature:
            return np.empty(0, dtype=np.intp)
        rows = np.array([row for row, _ in self._by_feature], dtype=np.intp)
        measures = np.array([getattr(self._features, name)[row] for row, name in self._by_feature])
        known = np.isfinite(measures)
        return self._alarms.step(rows[known], measures[known], now_ns)

    def with_stop(self, result: CycleResult) -> CycleResult:
        """Returns a cycle's result with whether a protective stop was read since the one before."""
        was_stopped, self._was_stopped = self._was_stopped, False
        return dataclasses.replace(result, protective_stop=result.protective_stop or was_stopped)

    def learn(self, result: CycleResult) -> None:
        """Takes a finished cycle in as evidence for the thresholds."""
        index, alarms = self._table.index, self._alarms
        # A cycle of which the context was not known all along says nothing where the limit depends on it.
        known = [tag for tag in self._refiner.tags if tag not in self._without_context]
        worst = {tag: float(alarms.worst[index[tag]]) for tag in known}
        contexts = {tag: float(alarms.worst_context[index[tag]]) for tag in known if tag in self._by_context}
        self._refiner.learn_one(result, worst, self.thresholds, contexts)
        alarms.reset_worst()
        self._without_context.clear()

    def _find_contexts(self) -> None:
        for tag, row in self._by_context.items():
            mean = float(self._features.mean[row])
            if math.isfinite(mean):
                self._alarms.set_context(tag, mean)
            else:
                # The limit stays that of the context known last.
                self._without_context.add(tag)

    def proposals(self) -> tuple[Change, ...]:
        """Returns the threshold changes that the evidence asks for."""
        return self._refiner.proposals(self.thresholds)

    def with_limits(self, tag: str, limits: Mapping[str, float]) -> Threshold:
        """Returns a tag's threshold with some limits replaced, without putting it into force.

        Raises:
            ValueError: the limits would no longer rise.
        """
        return self.thresholds[tag].with_limits(limits)

    def set_limits(self, tag: str, limits: Mapping[str, float]) -> None:
        """Puts other limits into force.

        Raises:
            ValueError: the limits would no longer rise.
        """
        old, new = self.thresholds[tag], self.with_limits(tag, limits)
        if new.refine is not None and new.warn_limits != old.warn_limits:
            self._refiner.applied(tag, old, new)
        self.thresholds[tag] = new
        self._alarms.set_thresholds(self.thresholds)

    def snapshot(self) -> dict[str, Any]:
        """Returns all that was learned, as JSON holds it: limits that are learned, evidence, and baselines."""
        limits = {tag: self.thresholds[tag].limits() for tag in self._refiner.tags}
        return {"limits": limits, "refiner": self._refiner.snapshot(), "drifts": self._drifts.snapshot()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes over what `snapshot` gave.

        Limits that `refine` no longer allows, since the file was changed meanwhile, stay as the file has them.
        """
        for tag, given in state["limits"].items():
            threshold = self.thresholds.get(tag)
            if threshold is None or threshold.refine is None:
                continue
            names = [threshold.warn_name_of(point) for point in range(len(threshold.warn_limits))]
            low, high = threshold.refine.low, threshold.refine.high
            learned = {name: float(given[name]) for name in names if name in given and low <= given[name] <= high}
            with contextlib.suppress(ValueError):
                self.set_limits(tag, learned)
        self._refiner.restore(state["refiner"], self.thresholds)
        self._drifts.restore(state["drifts"])

    def report(self, rows: Sequence[int]) -> list[TagHealth]:
        """Returns the health of the tags in `rows`, with the features of the last tick."""
        features = self._features
        drift = self._drifts.score_many()
        columns = (self._value, features.mean, features.rms, features.std, features.slope, drift)
        picked = np.stack(columns)[:, rows].T.tolist()
        return [self._health(row, *numbers) for row, numbers in zip(rows, picked, strict=True)]

    def _health(
        self, row: int, value: float, mean: float, rms: float, std: float, slope: float, drift: float
    ) -> TagHealth:
        tag = self._table.tags[row]
        threshold = self.thresholds.get(tag)
        quality = Quality(int(self._quality[row]))
        measure = {"value": value, "mean": mean, "rms": rms, "std": std, "slope": slope}
        level, reason = self._level(row, quality, threshold, measure)
        warn, alarm = (math.nan, math.nan) if threshold is None else _shown(threshold, self._alarms.context(tag))
        version = self._refiner.version(tag)
        return TagHealth(tag, level, reason, value, quality.name, warn, alarm, mean, rms, std, slope, drift, version)

    def _level(
        self, row: int, quality: Quality, threshold: Threshold | None, measure: Mapping[str, float]
    ) -> tuple[int, str]:
        if quality is Quality.STALE:
            if math.isnan(self._value[row]):
                return LEVEL_STALE, "no value yet"
            return LEVEL_STALE, f"no fresh value for {self._table.rows[row].stale_after_s:g} s"
        if quality is Quality.BAD:
            return 2, "no usable value"
        level = int(self._alarms.level[row])
        if level and threshold is not None:
            limits = threshold.limits_at(self._alarms.context(threshold.tag))
            return level, _reason(threshold, limits, level, measure[threshold.of], self._table.units[row])
        doubt = "outside the normal range" if quality is Quality.UNCERTAIN else "ok"
        return level, doubt


def _shown(threshold: Threshold, context: float) -> tuple[float, float]:
    """Returns the warning and alarm limit of the side that learning moves."""
    return threshold.warn_at(context), getattr(threshold, threshold.warn_name.replace("warn", "alarm"))


def _reason(threshold: Threshold, by_name: Mapping[str, float], level: int, measure: float, unit: str) -> str:
    wanted = ("low_warn", "high_warn") if level == 1 else ("low_alarm", "high_alarm")
    limits = {name: limit for name, limit in by_name.items() if name in wanted}
    # Within the hysteresis the measure is back inside; the nearest limit is the one that was passed.
    name = min(limits, key=lambda key: abs(limits[key] - measure))
    side = "below" if name.startswith("low") else "above"
    what = "" if threshold.of == "value" else f"{threshold.of} "
    return f"{what}{measure:.4g} {unit} {side} {_NAMES[name]} limit {limits[name]:.4g}"
