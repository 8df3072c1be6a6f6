"""Limits by context, learned ahead of the harm, forgotten and kept."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from health_case import ROW, TABLE, at, wanted
from hypothesis import given
from hypothesis import strategies as st

from workcell_sensors.health.monitor import HealthMonitor
from workcell_sensors.health.outcome_threshold import OutcomeThreshold
from workcell_sensors.health.refine import CycleResult
from workcell_sensors.health.threshold import Context, Refinement, Threshold
from workcell_sensors.reading import Quality
from workcell_sensors.tags import SourceRow, TagRow, TagTable

CONTEXTUAL = Threshold(
    "vibration",
    of="mean",
    high_warn=1.0,
    high_alarm=9.0,
    refine=Refinement("tracking_error", 0.2, 5.0, 0.5),
    context=Context("other", (5.0, 20.0)),
)


def cycle_at(monitor: HealthMonitor, second: int, speed: float, vibration: float, failed: bool) -> int:
    """Runs ten seconds at a speed, ends the cycle, and returns the second at which the next begins."""
    for step in range(second, second + 10):
        rows, values = np.array([1, 2]), np.array([vibration, speed])
        monitor.take(rows, values, np.zeros(2, dtype=np.uint8), at(step))
        monitor.tick(at(step))
    monitor.learn(CycleResult(at(second + 10), drop=False, tracking_error_max_rad=0.0, protective_stop=failed))
    return second + 10


def learn_in_context(monitor: HealthMonitor, cycles: int = 120) -> None:
    """Fast cycles shake at 2 and are harmless; slow ones shake at 0.5, and fail where they shake at 0.8."""
    second = 0
    for cycle in range(cycles):
        is_fast = cycle % 40 < 20
        shakes = 2.0 if is_fast else (0.8 if cycle % 2 else 0.5)
        second = cycle_at(monitor, second, 20.0 if is_fast else 5.0, shakes, failed=not is_fast and shakes > 0.7)
        for change in monitor.proposals():
            monitor.set_limits("vibration", {change.limit: change.new})


def test_each_context_comes_to_a_limit_of_its_own() -> None:
    monitor = HealthMonitor(TABLE, {"vibration": CONTEXTUAL}, 5.0)
    learn_in_context(monitor, 260)
    slow, fast = monitor.thresholds["vibration"].warn_limits
    assert 0.5 < slow < 0.8
    assert 1.99 < fast < 3.2


def test_what_is_learned_at_one_speed_holds_at_another() -> None:
    """Healthy, it shakes at a tenth of the speed; it only ever failed at speed 10, at half as much again."""
    learner = OutcomeThreshold(below=False, at=(5.0, 20.0), low=0.1, high=9.0)
    for cycle in range(200):
        fails = cycle % 4 == 0
        speed = 10.0 if fails else (5.0, 10.0, 20.0)[cycle % 3]
        learner.learn_one((0.15 if fails else 0.1) * speed, fails, context=speed)
    slow, fast = learner.score_one((9.0, 9.0), (9.0, 9.0))
    assert 0.5 < slow < 0.75
    assert 2.0 < fast < 3.0


def test_the_limit_in_force_is_that_of_the_context() -> None:
    threshold = CONTEXTUAL.with_limits({"high_warn_1": 3.0})
    monitor = HealthMonitor(TABLE, {"vibration": threshold}, 5.0)
    second = cycle_at(monitor, 0, 20.0, 1.5, failed=False)
    assert (monitor.report([1])[0].level, monitor.report([1])[0].threshold_warn) == (0, 3.0)
    second = cycle_at(monitor, second, 12.5, 1.5, failed=False)
    assert (monitor.report([1])[0].level, monitor.report([1])[0].threshold_warn) == (0, 2.0)
    cycle_at(monitor, second, 5.0, 1.5, failed=False)
    shown = monitor.report([1])[0]
    assert (shown.level, shown.threshold_warn) == (1, 1.0)
    assert "above warning limit 1" in shown.reason


@given(st.floats(-100, 100))
def test_a_limit_between_points_lies_between_theirs(context: float) -> None:
    threshold = CONTEXTUAL.with_limits({"high_warn_1": 3.0})
    assert 1.0 <= threshold.warn_at(context) <= 3.0
    assert threshold.limits_at(context)["high_warn"] == threshold.warn_at(context)


def test_limits_of_points_have_names_and_keep_their_order() -> None:
    assert CONTEXTUAL.limits() == {"high_warn": 1.0, "high_alarm": 9.0, "high_warn_1": 1.0}
    with pytest.raises(ValueError, match="do not rise"):
        CONTEXTUAL.with_limits({"high_warn_1": 10.0})
    with pytest.raises(ValueError, match="one limit"):
        Threshold("vibration", high_warn=1.0, warn_further=(2.0,))


def test_a_warning_learns_to_come_before_the_harm() -> None:
    """The measure rises by one per cycle and the harm comes at 30; it is worth a warning from ten cycles before."""
    near, dear = OutcomeThreshold(False, miss_cost=1.0, lead_cycles=10), OutcomeThreshold(False, lead_cycles=10)
    for learner in (near, dear):
        for _ in range(4):
            for cycle in range(31):
                learner.learn_one(float(cycle), harm=cycle == 30)
    # Half way ahead a warning is as much too early as it is needed; where a miss costs ten times that, earlier.
    assert wanted(near, 29.5) == pytest.approx(25.5, abs=1.0)
    assert wanted(dear, 29.5) == pytest.approx(20.5, abs=1.0)


def test_costs_say_which_error_is_worse() -> None:
    pairs = [(value, value > 5.0 or value in (2.0, 3.0)) for value in map(float, range(10))] * 12
    tolerant, anxious = OutcomeThreshold(False, miss_cost=0.5), OutcomeThreshold(False, miss_cost=50.0)
    for learner in (tolerant, anxious):
        for pair in pairs:
            learner.learn_one(*pair)
    assert wanted(tolerant, 0.0) == pytest.approx(5.5)
    assert wanted(anxious, 9.0) == pytest.approx(1.5)


def test_what_no_longer_holds_is_forgotten() -> None:
    learner = OutcomeThreshold(below=False)
    for _ in range(150):
        learner.learn_one(1.0, harm=False, present=5.0)
    assert learner.drifts == 0
    for _ in range(60):
        learner.learn_one(1.0, harm=True, present=5.0)
    assert learner.drifts >= 1
    assert learner.harms / learner.cycles > 0.9
    assert wanted(learner, 5.0) < 1.0


def test_what_was_learned_survives_a_restart_bit_for_bit() -> None:
    monitor = HealthMonitor(TABLE, {"vibration": CONTEXTUAL}, 5.0)
    learn_in_context(monitor)
    state = json.loads(json.dumps(monitor.snapshot(), allow_nan=False))
    again = HealthMonitor(TABLE, {"vibration": CONTEXTUAL}, 5.0)
    again.restore(state)
    assert again.thresholds == monitor.thresholds != {"vibration": CONTEXTUAL}
    assert again.snapshot() == monitor.snapshot()
    assert again.proposals() == monitor.proposals()


def test_a_learned_limit_beyond_bounds_that_were_tightened_meanwhile_is_not_taken_up() -> None:
    monitor = HealthMonitor(TABLE, {"vibration": CONTEXTUAL}, 5.0)
    learn_in_context(monitor, 260)
    tight = dataclasses.replace(CONTEXTUAL, refine=Refinement("tracking_error", 0.9, 1.1, 0.1))
    again = HealthMonitor(TABLE, {"vibration": tight}, 5.0)
    again.restore(monitor.snapshot())
    assert again.thresholds["vibration"].limits() == tight.limits()


def test_a_protective_stop_is_told_with_the_cycle_it_came_in() -> None:
    table = TagTable([TagRow("arm/protective_stop", "plc", "a", "bool", "bool")], [SourceRow("plc", "modbus")])
    monitor = HealthMonitor(table, {}, 5.0)
    quiet = CycleResult(0, drop=False, tracking_error_max_rad=0.0)
    for value, quality, seen in ((0.0, Quality.GOOD, False), (1.0, Quality.STALE, False), (1.0, Quality.GOOD, True)):
        monitor.take(ROW, np.array([value]), np.array([quality], dtype=np.uint8), at(1.0))
        assert monitor.with_stop(quiet).protective_stop is seen
    assert monitor.with_stop(quiet).protective_stop is False
