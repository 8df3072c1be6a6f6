"""Remaining life has the coverage it claims, and says when nothing can be foreseen."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workcell_sensors.prognosis.remaining_life import UNKNOWN, DamageTrend


def grown(rate: float, noise: float, cycles: int, seed: int) -> DamageTrend:
    rng = np.random.default_rng(seed)
    trend = DamageTrend(limit=1.0)
    for cycle in range(cycles):
        trend.learn_one(rate * cycle + noise * rng.standard_normal())
    return trend


def test_nothing_is_foreseen_during_the_grace_period() -> None:
    trend = grown(0.01, 0.01, 19, seed=1)
    assert trend.remaining() == UNKNOWN
    assert (trend.probability_within(1e9), trend.rate(), trend.level()) == (0.0, 0.0, 0.0)


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(7)
    inside = 0
    for seed in range(200):
        rate = rng.uniform(0.004, 0.02)
        cycles = round(0.6 / rate)
        life = grown(rate, 0.05, cycles, seed).remaining()
        inside += life.low_cycles <= 1.0 / rate - (cycles - 1) <= life.high_cycles
    assert 0.72 <= inside / 200 <= 0.95


def test_a_component_that_does_not_degrade_has_no_foreseeable_end() -> None:
    life = grown(0.0, 0.01, 200, seed=2).remaining()
    assert math.isinf(life.high_cycles)
    assert life.low_cycles > 200


def test_past_its_limit_nothing_remains() -> None:
    life = grown(0.02, 0.01, 100, seed=3).remaining()
    assert life.median_cycles == 0.0


def test_cycles_that_say_nothing_only_let_time_pass() -> None:
    trend = grown(0.01, 0.001, 60, seed=4)
    before = trend.level()
    for _ in range(10):
        trend.learn_one(math.nan)
    assert trend.level() == pytest.approx(before + 10 * 0.01, abs=0.01)


@given(st.floats(-0.01, 0.03), st.integers(20, 120), st.integers(0, 99))
def test_low_median_and_high_are_in_order_and_probability_rises(rate: float, cycles: int, seed: int) -> None:
    trend = grown(rate, 0.05, cycles, seed)
    life = trend.remaining()
    assert 0.0 <= life.low_cycles <= life.median_cycles <= life.high_cycles
    if math.isfinite(life.high_cycles):
        assert trend.probability_within(life.high_cycles) >= 0.9


def test_a_state_through_json_goes_on_bit_for_bit() -> None:
    giver, taker = grown(0.01, 0.02, 50, seed=5), DamageTrend(limit=1.0)
    taker.restore(json.loads(json.dumps(giver.snapshot())))
    for trend in (giver, taker):
        trend.learn_one(0.6)
    assert taker.remaining() == giver.remaining()
    assert taker.snapshot() == giver.snapshot()
