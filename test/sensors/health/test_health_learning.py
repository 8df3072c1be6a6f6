"""Thresholds learned from what the robot did, and who answers for a harm."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from health_case import TABLE, at, feed, wanted
from hypothesis import given
from hypothesis import strategies as st

from workcell_sensors.cycle_metrics import CycleMetrics
from workcell_sensors.health.monitor import HealthMonitor
from workcell_sensors.health.outcome_threshold import OutcomeThreshold
from workcell_sensors.health.refine import CycleResult, Refiner
from workcell_sensors.health.threshold import Refinement, Threshold


def cycles(learner: OutcomeThreshold, rng: np.random.Generator, limit: float, count: int) -> None:
    for _ in range(count):
        vacuum = rng.uniform(30.0, 60.0)
        learner.learn_one(vacuum, vacuum + rng.normal(0.0, 0.5) < limit)


def test_the_learned_threshold_comes_to_where_the_drops_begin() -> None:
    learner = OutcomeThreshold(below=True)
    cycles(learner, np.random.default_rng(3), limit=47.0, count=200)
    assert wanted(learner, 40.0) == pytest.approx(47.5, abs=1.5)
    assert learner.cost([wanted(learner, 40.0)]) < learner.cost([40.0])


def test_chance_moves_no_threshold_and_brings_a_moved_one_home() -> None:
    """Drops that the measure does not foretell: some limits would have been better, never to warn is best."""
    moved = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        learner = OutcomeThreshold(below=True, miss_cost=5.0)
        for _ in range(200):
            learner.learn_one(rng.uniform(30.0, 60.0), rng.random() < 0.08)
        moved += wanted(learner, 29.0) != 29.0
        assert wanted(learner, 40.0, home=29.0) == wanted(learner, 29.0), "where it is does not matter"
    assert moved <= 6


def test_a_limit_that_somebody_set_is_what_evidence_is_held_against() -> None:
    spec = Threshold("vacuum", low_warn=40.0, refine=Refinement("drop", 30.0, 60.0, 2.0))
    monitor = HealthMonitor(TABLE, {"vacuum": spec}, window_s=10.0)
    rng = np.random.default_rng(0)
    monitor.set_limits("vacuum", {"low_warn": 50.0})
    for cycle in range(90):
        feed(monitor, float(cycle), rng.uniform(48.0, 52.0))
        monitor.learn(CycleResult(at(cycle), cycle % 11 == 0, 0.0))
        assert monitor.proposals() == (), "it does not go back to the file's limit"


@given(st.lists(st.tuples(st.floats(0.0, 10.0), st.booleans()), min_size=1, max_size=30), st.floats(0.0, 10.0))
def test_a_limits_cost_is_what_its_misses_and_false_alarms_add_up_to(
    seen: list[tuple[float, bool]], limit: float
) -> None:
    for below in (True, False):
        learner = OutcomeThreshold(below, miss_cost=7.0, false_alarm_cost=2.0)
        for worst, harm in seen:
            learner.learn_one(worst, harm)
        warned = [worst < limit if below else worst > limit for worst, _ in seen]
        counted = [
            2.0 * warns * (not harm) + 7.0 * harm * (not warns) for warns, (_, harm) in zip(warned, seen, strict=True)
        ]
        assert learner.cost([limit]) == pytest.approx(sum(counted) / len(seen))


def test_without_harm_a_threshold_that_cries_wolf_is_eased_and_a_quiet_one_stays() -> None:
    learner = OutcomeThreshold(below=True, ease_period=40)
    for value in np.linspace(35.0, 60.0, 40).tolist():
        assert wanted(learner, 50.0) == 50.0, "it takes longer to warn later than to warn earlier"
        learner.learn_one(value, False)
    assert wanted(learner, 50.0) < 36.0
    assert wanted(learner, 34.0) == 34.0


def test_nothing_is_learned_during_the_grace_period_or_from_unwatched_cycles() -> None:
    learner = OutcomeThreshold(below=True, grace_period=3)
    for value in (math.nan, 10.0, 11.0, math.nan):
        learner.learn_one(value, True)
    assert (learner.cycles, wanted(learner, 5.0)) == (2, 5.0)


def test_the_refiner_moves_by_steps_within_bounds_and_counts_versions() -> None:
    spec = Threshold("vacuum", low_alarm=20.0, low_warn=40.0, refine=Refinement("drop", 30.0, 45.0, 2.0))
    thresholds = {"vacuum": spec}
    refiner = Refiner(thresholds)
    for step in range(40):
        dropped = step % 2 == 0
        result = CycleResult(step, drop=dropped, tracking_error_max_rad=0.0)
        refiner.learn_one(result, {"vacuum": 44.0 if dropped else 55.0}, thresholds)
    moved = []
    for _ in range(5):
        for change in refiner.proposals(thresholds):
            assert change.cost_new <= change.cost_old
            moved.append((change.old, change.new, change.version))
            old, new = thresholds["vacuum"], dataclasses.replace(spec, low_warn=change.new)
            thresholds = {"vacuum": new}
            refiner.applied("vacuum", old, new)
    assert moved == [(40.0, 42.0, 1), (42.0, 44.0, 2), (44.0, 45.0, 3)]


def test_tracking_error_is_the_harm_where_that_is_the_outcome() -> None:
    spec = Threshold("vibration", high_warn=4.0, refine=Refinement("tracking_error", 1.0, 6.0, 1.0))
    refiner = Refiner({"vibration": spec}, tracking_error_max_rad=0.05)
    for step in range(30):
        bad = step % 3 == 0
        result = CycleResult(step, drop=not bad, tracking_error_max_rad=0.1 if bad else 0.01)
        refiner.learn_one(result, {"vibration": 3.0 if bad else 2.0}, {"vibration": spec})
    (change,) = refiner.proposals({"vibration": spec})
    assert (change.limit, change.new, change.harms) == ("high_warn", 3.0, 10)


@given(st.lists(st.tuples(st.floats(0, 100), st.booleans()), min_size=20, max_size=60), st.floats(30, 45))
def test_a_proposal_never_leaves_bounds_step_or_order(pairs: list[tuple[float, bool]], warn: float) -> None:
    spec = Threshold("vacuum", low_alarm=32.0, low_warn=max(warn, 32.0), refine=Refinement("drop", 30.0, 45.0, 2.0))
    refiner = Refiner({"vacuum": spec})
    for step, (value, drop) in enumerate(pairs):
        refiner.learn_one(CycleResult(step, drop, 0.0), {"vacuum": value}, {"vacuum": spec})
    for change in refiner.proposals({"vacuum": spec}):
        assert 32.0 <= change.new <= 45.0
        assert abs(change.new - change.old) <= 2.0 + 1e-9


def test_a_harm_is_laid_to_the_tag_that_was_furthest_on_its_way() -> None:
    """One of two joints shakes before each stop: the limit of the other, which never does, stays where it is."""
    refine = Refinement("tracking_error", 0.1, 2.0, 0.5)
    thresholds = {tag: Threshold(tag, high_warn=1.0, refine=refine) for tag in ("vibration", "other")}
    refiner = Refiner(thresholds)
    rng = np.random.default_rng(4)
    for cycle in range(120):
        stopped = cycle % 4 == 0
        worst = {"vibration": 0.8 if stopped else 0.5, "other": rng.uniform(0.2, 0.4)}
        refiner.learn_one(CycleResult(cycle, False, 0.0, protective_stop=stopped), worst, thresholds)
    (change,) = refiner.proposals(thresholds)
    assert (change.tag, change.harms) == ("vibration", 30)
    assert 0.5 < change.new < 0.8


def test_cycle_metrics_are_joined_by_the_end_of_the_cycle_once() -> None:
    metrics = CycleMetrics()
    assert metrics.take("cycle_time", 5, 8.0) is None
    assert metrics.take("drop", 5, 1.0) is None
    assert metrics.take("tracking_error_max", 5, 0.02) == CycleResult(5, True, 0.02)
    assert metrics.take("drop", 5, 0.0) is None
    assert metrics.take("tracking_error_max", 4, 0.5) is None
    assert metrics.take("tracking_error_max", 9, 0.01) is None
    assert metrics.take("drop", 9, 0.0) == CycleResult(9, False, 0.01)
