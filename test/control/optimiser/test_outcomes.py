"""What the optimiser foresees of a cycle, and what it makes of what it is told."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from workcell_control.policy.optimiser.context import Context, ContextTracker
from workcell_control.policy.optimiser.goal import worth_of
from workcell_control.policy.optimiser.hold_model import HoldPrior, LotPrior
from workcell_control.policy.optimiser.options import load_options
from workcell_control.policy.optimiser.outcomes import OutcomeModels
from workcell_control.policy.optimiser.setting import Setting
from workcell_control.policy.policy import Cycle
from workcell_control.policy.value import load_prices

OPTIONS = load_options("config/optimiser.yaml")
CUP = HoldPrior(cup_area_m2=7.854e-5, friction=0.5)
FAST = Setting(1.0, 1.0, 1.0, 7.0, 70e3, 0.1, 0.08, 0.004)
CONTEXT = Context(
    mass_kg=0.264,
    wear=0.0,
    wear_trend=0.0,
    illumination=1.0,
    illumination_trend=0.0,
    tariff_eur_per_kwh=0.28,
    feed_interval_s=0.0,
    accept_share=0.85,
    reject_share=0.07,
    tool_vibration_m_s2=0.2,
    vibration_speed=1.0,
)
NO_BINS = (0.0, 0.0)
NS_PER_S = 1_000_000_000


def cycle_time_s(models: OutcomeModels, setting: Setting) -> float:
    return float(models.foresee(setting.array()[None], CONTEXT).time_s[0])


def loss_of(models: OutcomeModels, judged_pa: float, bound_m_s2: float) -> float:
    row = replace(FAST, part_acceleration_max_m_s2=bound_m_s2).array()
    return float(models.loss_of_grip(row, np.array([bound_m_s2]), judged_pa, CONTEXT)[0])


def test_the_same_peak_speed_costs_less_time_with_a_low_limit_and_full_acceleration() -> None:
    models = OutcomeModels(OPTIONS, CUP)
    slow_limit = replace(FAST, speed_scale=0.38)
    weak = replace(FAST, acceleration_scale=0.16)
    assert cycle_time_s(models, slow_limit) < cycle_time_s(models, weak) - 0.5


def test_a_bound_that_the_planner_rounded_down_is_not_taken_for_the_arm_s_reach() -> None:
    models = OutcomeModels(OPTIONS, CUP)
    bound = replace(FAST, part_acceleration_max_m_s2=3.25)
    before = models.snapshot()["reach"]
    for _ in range(20):
        models.learn_motion(bound.array(), 3.7, 2.98, 600.0, NO_BINS)
    assert models.snapshot()["reach"] == before
    models.learn_motion(replace(FAST, acceleration_scale=0.5).array(), 3.7, 3.4, 600.0, NO_BINS)
    assert models.snapshot()["reach"] != before


def test_a_tight_grip_is_known_to_build_up_further_and_a_leaking_one_not() -> None:
    models = OutcomeModels(OPTIONS, CUP)
    tight, leaking = loss_of(models, 61e3, 3.5), loss_of(models, 42e3, 1.8)
    for _ in range(20):
        models.learn_build_up(FAST.array(), 61e3, 69e3)
    assert loss_of(models, 61e3, 3.5) < 0.5 * tight
    assert loss_of(models, 42e3, 1.8) == pytest.approx(leaking)


def worn_cycle(wear: float) -> Cycle:
    """A cycle in which the first gear shakes as it does when so worn, and the others as sound ones."""
    readings = {f"arm/joint_{joint}/speed": 0.4 for joint in range(1, 7)}
    readings |= {f"arm/joint_{joint}/vibration": 0.25 for joint in range(1, 7)}
    readings["arm/joint_1/vibration"] = 0.05 + 0.2 * (1.0 + 6.0 * wear)
    return Cycle(False, "accept", 3.3, 60e3, 6.0, 1, 6e-4, 600.0, FAST.by_node(), readings=readings)


def test_wear_that_grows_is_foreseen_a_cycle_ahead() -> None:
    found = tracker()
    for _ in range(10):
        found.learn(worn_cycle(0.0), 1.0)
    assert found.context.wear == pytest.approx(0.0, abs=1e-9)
    for step in range(60):
        found.learn(worn_cycle(0.01 * step), 1.0)
    ahead = found.context
    assert ahead.wear + ahead.wear_trend == pytest.approx(0.01 * 60, abs=0.01)
    for _ in range(60):
        found.learn(worn_cycle(0.6), 1.0)
    assert found.context.wear == pytest.approx(0.6, abs=0.01)
    assert found.context.wear_trend == pytest.approx(0.0, abs=0.001)


def tracker() -> ContextTracker:
    return ContextTracker(0.12, 0.5, 0.004, 0.35, takt_s=3.5)


def feed(found: ContextTracker, periods_s: list[float], cycle_time_s: float, begin_s: float = 0.0) -> float:
    """Tells of cycles that ended such times one after the other; returns the interval between parts as found."""
    now_s = begin_s
    for period_s in periods_s:
        now_s += period_s
        found.learn_period(round(now_s * NS_PER_S), cycle_time_s, is_stopped=False)
    return found.context.feed_interval_s


def test_parts_are_taken_to_come_as_planned_until_a_cell_waits() -> None:
    assert feed(tracker(), [4.0] * 50, 4.0) == 3.5


def test_a_cell_that_does_not_wait_for_long_hopes_for_more_parts() -> None:
    assert feed(tracker(), [3.4] * 110, 3.4) == 0.0


def test_waits_tell_how_often_parts_come() -> None:
    # Two cycles at full speed, then one that waits: three parts in 10.5 s.
    assert feed(tracker(), [3.2, 3.2, 4.1] * 15, 3.2) == pytest.approx(3.5, rel=0.01)


def test_a_cell_that_becomes_slow_does_not_think_that_parts_do() -> None:
    found = tracker()
    feed(found, [3.2, 3.2, 4.1] * 15, 3.2)
    assert feed(found, [5.0] * 60, 5.0, begin_s=157.5) == pytest.approx(3.5, rel=0.01)


def test_faster_parts_are_noticed_though_nothing_waits() -> None:
    found = tracker()
    feed(found, [3.2, 3.2, 4.1] * 15, 3.2)
    assert feed(found, [3.0] * 20, 3.0, begin_s=157.5) == 0.0
    assert feed(found, [3.5], 3.0, begin_s=217.5) == pytest.approx(3.2, abs=0.1)


def test_a_dearth_of_parts_is_not_believed_to_last() -> None:
    found = tracker()
    feed(found, [3.2, 3.2, 4.1] * 15, 3.2)
    assert feed(found, [10.5] * 5, 3.2, begin_s=157.5) < 3.75
    assert feed(found, [10.5] * 200, 3.2, begin_s=210.0) == pytest.approx(10.5, rel=0.1)


def test_the_interval_between_parts_is_known_with_a_deviation() -> None:
    assert 0.02 * 3.5 < tracker().context.feed_std_s < 0.03 * 3.5


def test_a_dearth_of_parts_as_the_first_wait_is_not_taken_for_how_they_come() -> None:
    assert feed(tracker(), [3.6] * 100 + [10.5], 3.6) == pytest.approx(3.6, rel=0.03)


def test_a_stop_and_another_run_s_clock_are_no_waiting() -> None:
    found = tracker()
    before_s = feed(found, [3.2, 3.2, 4.1] * 15, 3.2)
    found.learn_period(round(200.0 * NS_PER_S), 3.2, is_stopped=True)
    found.learn_period(round(1.0 * NS_PER_S), 3.2, is_stopped=False)
    assert found.context.feed_interval_s == before_s


def test_the_worth_bears_lots_that_nothing_announces_and_the_constraint_does_not() -> None:
    lots = replace(CUP, lots=LotPrior(parts=100.0, mass_kg=0.12, mass_ratio=2.0))
    light = replace(CONTEXT, mass_kg=0.12)
    rows = np.stack([replace(FAST, part_acceleration_max_m_s2=bound).array() for bound in (3.5, 6.5)])
    with_lots = OutcomeModels(OPTIONS, lots).foresee(rows, light)
    without = OutcomeModels(OPTIONS, CUP).foresee(rows, light)
    assert with_lots.loss == pytest.approx(without.loss)
    gentle, fast = with_lots.toll - without.toll
    assert 5e-4 < gentle < 0.7 * fast < 2e-3
    prices = load_prices("config/value.yaml")
    # Where parts are waited for anyway, the gentler carry costs nothing and is worth more.
    waiting = replace(light, feed_interval_s=4.5, feed_std_s=0.1)
    worth = worth_of(with_lots, waiting, prices, OPTIONS).mean_eur
    assert worth[0] > worth[1]
