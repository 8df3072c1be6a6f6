"""The monitor over all tags, and the file of its thresholds."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from health_case import ROOT, TABLE, VACUUM, at, feed

from workcell_ros.errors import ConfigError
from workcell_sensors.health.monitor import HealthMonitor
from workcell_sensors.health.refine import CycleResult
from workcell_sensors.health.threshold import Refinement, Threshold, load_thresholds
from workcell_sensors.reading import Quality
from workcell_sensors.tags import load_tags


def test_quality_is_part_of_the_level_and_bad_values_reach_no_window() -> None:
    monitor = HealthMonitor(TABLE, {"vacuum": VACUUM}, window_s=10.0)
    (unknown,) = monitor.report([0])
    assert (unknown.level, unknown.quality, unknown.reason) == (3, "STALE", "no value yet")
    assert feed(monitor, 0.0, 50.0) == [0]
    assert feed(monitor, 0.1, 50.0) == []
    assert feed(monitor, 0.2, math.nan, Quality.BAD) == [0]
    monitor.tick(at(0.3))
    (bad,) = monitor.report([0])
    assert (bad.level, bad.reason) == (2, "no usable value")
    assert math.isnan(bad.mean)
    assert feed(monitor, 0.4, 48.0, Quality.UNCERTAIN) == [0]
    monitor.tick(at(0.6))
    (doubtful,) = monitor.report([0])
    assert (doubtful.level, doubtful.reason, doubtful.mean) == (0, "outside the normal range", 48.0)


def test_a_warning_says_what_is_below_which_limit() -> None:
    monitor = HealthMonitor(TABLE, {"vacuum": VACUUM}, window_s=10.0)
    feed(monitor, 0.0, 35.0)
    assert feed(monitor, 0.5, 35.0) == [0]
    (health,) = monitor.report([0])
    assert (health.level, health.reason) == (1, "35 Pa below warning limit 40")
    assert (health.threshold_warn, health.threshold_alarm) == (40.0, 20.0)


def test_a_threshold_on_a_feature_follows_the_window_not_the_value() -> None:
    monitor = HealthMonitor(TABLE, {"vacuum": Threshold("vacuum", of="mean", high_warn=10.0)}, window_s=10.0)
    assert feed(monitor, 0.0, 0.0) == [0]
    assert feed(monitor, 9.0, 50.0) == []
    assert monitor.tick(at(10.0)).tolist() == []
    assert monitor.tick(at(12.0)).tolist() == [0]
    assert monitor.report([0])[0].reason.startswith("mean ")


def test_drift_is_sought_where_a_feature_is_watched() -> None:
    watched = Threshold("vibration", of="mean", high_warn=100.0)
    monitor = HealthMonitor(TABLE, {"vacuum": VACUUM, "vibration": watched}, window_s=2.0)
    rows, good = np.array([0, 1]), np.zeros(2, dtype=np.uint8)
    for second in range(400):
        value = 50.0 + (second > 200)
        monitor.take(rows, np.array([value, value]), good, at(second))
        monitor.tick(at(second + 0.5))
    vacuum, vibration = monitor.report([0, 1])
    assert vacuum.drift == 0.0
    assert 1.0 < vibration.drift <= 10.0


def test_limits_are_replaced_together_and_only_in_order() -> None:
    monitor = HealthMonitor(TABLE, {"vacuum": VACUUM}, window_s=10.0)
    with pytest.raises(ValueError, match="do not rise"):
        monitor.with_limits("vacuum", {"low_alarm": 50.0})
    monitor.set_limits("vacuum", {"low_alarm": 50.0, "low_warn": 60.0})
    assert monitor.thresholds["vacuum"].low_warn == 60.0


def test_cycles_with_drops_make_the_monitor_warn_earlier() -> None:
    spec = Threshold("vacuum", low_warn=40.0, refine=Refinement("drop", 30.0, 60.0, 20.0))
    monitor = HealthMonitor(TABLE, {"vacuum": spec}, window_s=10.0)
    for cycle in range(24):
        dropped = cycle % 3 == 0
        feed(monitor, float(cycle), 44.0 if dropped else 54.0)
        monitor.learn(CycleResult(at(cycle), dropped, 0.0))
    (change,) = monitor.proposals()
    assert change.new == pytest.approx(49.0)
    monitor.set_limits("vacuum", {change.limit: change.new})
    assert monitor.report([0])[0].version == 1
    assert feed(monitor, 30.0, 45.0) == [0]
    assert monitor.proposals() == ()


def test_the_shipped_thresholds_load_and_watch_what_matters() -> None:
    found = load_thresholds(ROOT / "config" / "thresholds.yaml", load_tags(ROOT / "config" / "tags.yaml"))
    assert {"gripper/vacuum", "arm/protective_stop", "cell/ambient_light"} <= set(found)
    assert all(
        f"arm/joint_{n}/{what}" in found for n in range(1, 7) for what in ("current", "temperature", "vibration")
    )
    assert "transfer" in found["gripper/vacuum"].active_in


@pytest.mark.parametrize(
    ("row", "key", "valid"),
    [
        ("{tag: vacum, low_warn: 1}", "thresholds[1].tag", "vacuum"),
        ("{tag: vacuum, low_wran: 1}", "thresholds.vacuum.low_wran", "low_warn"),
        ("{tag: vacuum}", "thresholds.vacuum", "set one of"),
        ("{tag: vacuum, low_warn: 1, low_alarm: 2}", "thresholds.vacuum", "low_alarm <= low_warn"),
        ("{tag: vacuum, low_warn: one}", "thresholds.vacuum.low_warn", "finite"),
        ("{tag: vacuum, low_warn: 1, of: median}", "thresholds.vacuum", "rms"),
        ("{tag: vacuum, low_warn: 1, hysteresis: -1}", "thresholds.vacuum", "rising order"),
        ("{tag: vacuum, low_warn: 1, active_in: transfer}", "thresholds.vacuum.active_in", "list"),
        ("{tag: vacuum, low_warn: 1, refine: {outcome: drop}}", "thresholds.vacuum.refine.low", "step"),
        (
            "{tag: vacuum, low_warn: 1, refine: {outcome: luck, low: 0, high: 2, step: 1}}",
            "thresholds.vacuum.refine.outcome",
            "drop",
        ),
        (
            "{tag: vacuum, low_warn: 9, refine: {outcome: drop, low: 0, high: 2, step: 1}}",
            "thresholds.vacuum.low_warn",
            "0.0..2.0",
        ),
    ],
)
def test_an_error_in_the_threshold_file_names_key_and_what_is_valid(
    tmp_path: Path, row: str, key: str, valid: str
) -> None:
    file = tmp_path / "thresholds.yaml"
    file.write_text(f"thresholds:\n  - {row}\n", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_thresholds(file, TABLE)
    assert caught.value.key == key
    assert valid in str(caught.value)
