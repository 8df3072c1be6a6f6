"""Features of windows, alarm levels with their delays, and drift."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from health_case import ROW, TABLE, VACUUM, at
from hypothesis import given
from hypothesis import strategies as st

from workcell_sensors.health.alarm import AlarmBank
from workcell_sensors.health.drift import DriftBank
from workcell_sensors.health.threshold import Threshold
from workcell_sensors.health.window import WindowBank


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
