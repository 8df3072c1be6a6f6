"""Windows, alarms, drift and learned thresholds."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workcell_ros.errors import ConfigError
from workcell_sensors.cycle_metrics import CycleMetrics
from workcell_sensors.health.alarm import AlarmBank
from workcell_sensors.health.drift import DriftBank
from workcell_sensors.health.monitor import HealthMonitor
from workcell_sensors.health.outcome_threshold import OutcomeThreshold
from workcell_sensors.health.refine import CycleResult, Refiner
from workcell_sensors.health.threshold import Context, Refinement, Threshold, load_thresholds
from workcell_sensors.health.window import WindowBank
from workcell_sensors.reading import NS_PER_S, Quality
from workcell_sensors.tags import SourceRow, TagRow, TagTable, load_tags

S = NS_PER_S
ROOT = Path(__file__).parents[2]
TABLE = TagTable(
    [
        TagRow("vacuum", "plc", "a", "Pa", "Pa"),
        TagRow("vibration", "plc", "b", "m/s^2", "m/s^2"),
        TagRow("other", "plc", "c", "1", "1"),
    ],
    [SourceRow("plc", "modbus")],
)
VACUUM = Threshold("vacuum", low_alarm=20.0, low_warn=40.0, hysteresis=5.0, on_delay_s=0.2, off_delay_s=0.5)
ROW = np.array([0])


def at(seconds: float) -> int:
    return round(seconds * S)


# ---------------------------------------------------------------- windows


def naive(samples: list[tuple[float, float]], now_s: float, window_s: float) -> npt.NDArray[np.float64]:
    """Returns the held signal on a fine grid over the window."""
    times = np.arange(now_s - window_s, now_s, 0.001) + 0.0005
    stamps = np.array([t for t, _ in samples])
    which = np.searchsorted(stamps, times, side="right") - 1
    return np.array([samples[i][1] for i in which if i >= 0])


@given(
    st.lists(st.tuples(st.integers(1, 40), st.floats(-100, 100)), min_size=1, max_size=40),
    st.integers(0, 30),
)
def test_features_are_those_of_the_signal_held_between_samples(steps: list[tuple[int, float]], wait: int) -> None:
    bank = WindowBank(1, window_s=5.0)
    samples, now = [], 0
    for step, value in steps:
        now += step
        samples.append((now / 10, value))
        bank.learn_many(ROW, np.array([value]), at(now / 10))
    now_s = (now + wait + 1) / 10
    features = bank.features(at(now_s))
    signal = naive(samples, now_s, 5.0)
    assert features.mean[0] == pytest.approx(signal.mean(), abs=0.1)
    assert features.rms[0] == pytest.approx(math.sqrt((signal**2).mean()), abs=0.1)
    assert features.std[0] == pytest.approx(signal.std(), abs=0.1)
    assert features.low[0] == pytest.approx(signal.min())
    assert features.high[0] == pytest.approx(signal.max())


def test_slope_is_that_of_a_ramp() -> None:
    bank = WindowBank(1, window_s=10.0)
    for step in range(101):
        bank.learn_many(ROW, np.array([3.0 + 2.0 * step / 10]), at(step / 10))
    assert bank.features(at(10.0)).slope[0] == pytest.approx(2.0, rel=1e-3)


def test_an_empty_or_forgotten_window_has_no_features() -> None:
    bank = WindowBank(2, window_s=10.0)
    bank.learn_many(ROW, np.array([1.0]), at(1.0))
    assert np.isnan(bank.features(at(2.0)).mean[1])
    bank.forget(ROW)
    features = bank.features(at(2.0))
    assert all(np.isnan(getattr(features, name)[0]) for name in ("mean", "rms", "std", "slope", "low", "high"))


def test_more_samples_than_fit_shorten_the_window() -> None:
    bank = WindowBank(1, window_s=1000.0, samples_max=4)
    for step in range(10):
        bank.learn_many(ROW, np.array([float(step)]), at(step))
    assert bank.features(at(10)).mean[0] == pytest.approx(7.5)


# ---------------------------------------------------------------- alarms


def run(bank: AlarmBank, *steps: tuple[float, float]) -> list[int]:
    levels = []
    for time_s, value in steps:
        bank.step(ROW, np.array([value]), at(time_s))
        levels.append(int(bank.level[0]))
    return levels


def test_a_level_rises_after_the_on_delay_and_falls_after_the_off_delay_inside_the_hysteresis() -> None:
    bank = AlarmBank(TABLE, {"vacuum": VACUUM})
    steps = [(0.0, 50), (0.1, 39), (0.2, 39), (0.3, 39), (0.4, 43), (0.9, 43), (1.0, 46), (1.4, 46), (1.5, 46)]
    assert run(bank, *steps) == [0, 0, 0, 1, 1, 1, 1, 1, 0]


def test_a_short_dip_raises_nothing_and_a_short_recovery_clears_nothing() -> None:
    bank = AlarmBank(TABLE, {"vacuum": VACUUM})
    assert run(bank, (0.0, 39), (0.1, 50), (0.2, 39), (0.3, 39), (0.4, 39)) == [0, 0, 0, 0, 1]
    assert run(bank, (0.5, 60), (0.9, 30), (1.0, 60), (1.4, 60), (1.5, 60)) == [1, 1, 1, 1, 0]


def test_an_alarm_falls_to_a_warning_first() -> None:
    bank = AlarmBank(TABLE, {"vacuum": VACUUM})
    assert run(bank, (0.0, 10), (0.2, 10), (1.0, 30), (1.5, 30), (2.0, 60), (2.5, 60)) == [0, 2, 2, 1, 1, 0]


def test_outside_its_states_a_threshold_is_silent_and_leaves_no_level_behind() -> None:
    holding = Threshold("vacuum", low_warn=40.0, active_in=("transfer",))
    bank = AlarmBank(TABLE, {"vacuum": holding})
    assert run(bank, (0.0, 0.0)) == [0]
    assert np.isnan(bank.worst[0])
    bank.set_state("transfer")
    assert run(bank, (1.0, 10.0)) == [1]
    assert [rows.tolist() for rows in bank.set_state("place")] == [[], [0]]
    assert (bank.level[0], bank.worst[0]) == (0, 10.0)
    assert [rows.tolist() for rows in bank.set_state("place")] == [[], []]


def test_a_delay_runs_out_without_a_further_measure() -> None:
    bank = AlarmBank(TABLE, {"vacuum": VACUUM})
    bank.step(ROW, np.array([30.0]), at(0.0))
    assert [bank.due(at(t)).tolist() for t in (0.1, 0.2, 0.3)] == [[], [0], []]
    assert bank.level[0] == 1


def test_worst_is_kept_on_the_watched_side() -> None:
    high = Threshold("vibration", high_warn=4.0)
    bank = AlarmBank(TABLE, {"vacuum": VACUUM, "vibration": high})
    for low, top in [(50.0, 1.0), (30.0, 3.0), (60.0, 2.0)]:
        bank.step(np.array([0, 1]), np.array([low, top]), at(1.0))
    assert bank.worst[:2].tolist() == [30.0, 3.0]
    bank.reset_worst()
    assert np.isnan(bank.worst).all()


@given(st.lists(st.floats(0, 100), max_size=60))
def test_a_level_never_rises_on_values_that_are_fine(values: list[float]) -> None:
    bank = AlarmBank(TABLE, {"vacuum": VACUUM})
    for step, value in enumerate(values):
        before = int(bank.level[0])
        bank.step(ROW, np.array([value]), at(step / 10))
        if int(bank.level[0]) > before:
            assert value < 40.0
        if value >= 45.0:
            assert int(bank.level[0]) <= before


# ---------------------------------------------------------------- drift


def test_drift_is_found_upwards_and_downwards_and_not_in_noise() -> None:
    rng = np.random.default_rng(5)
    bank = DriftBank(3, grace_period=60)
    for step in range(260):
        trend = max(0, step - 60) * 0.02
        bank.learn_many(np.array([10.0, 10.0 + trend, 10.0 - trend]) + 0.3 * rng.standard_normal(3))
    steady, up, down = bank.score_many().tolist()
    assert abs(steady) < 1.0
    assert up > 1.0
    assert down < -1.0


def test_drift_says_nothing_while_it_learns_and_skips_what_is_unknown() -> None:
    bank = DriftBank(1, grace_period=3)
    for value in (1.0, math.nan, 100.0):
        bank.learn_many(np.array([value]))
    assert bank.score_many()[0] == 0.0


# ---------------------------------------------------------------- learned thresholds


def cycles(learner: OutcomeThreshold, rng: np.random.Generator, limit: float, count: int) -> None:
    for _ in range(count):
        vacuum = rng.uniform(30.0, 60.0)
        learner.learn_one(vacuum, vacuum + rng.normal(0.0, 0.5) < limit)


def wanted(learner: OutcomeThreshold, present: float, home: float | None = None) -> float:
    """Returns the limit a learner of one limit asks for; shipped was the present one where nothing else is said."""
    (limit,) = learner.score_one((present,), (present if home is None else home,))
    return limit


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


# ---------------------------------------------------------------- the monitor


def feed(monitor: HealthMonitor, time_s: float, value: float, quality: Quality = Quality.GOOD) -> list[int]:
    grades = np.array([quality], dtype=np.uint8)
    changed: list[int] = monitor.take(ROW, np.array([value]), grades, at(time_s)).tolist()
    return changed


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


# ---------------------------------------------------------------- the file


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


# ---------------------------------------------------------------- context, lead, drift of the machine, and what is kept

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
