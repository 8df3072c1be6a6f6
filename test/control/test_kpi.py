"""KPIs by ISO 22400 names: worked by hand, and identities that always hold."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workcell_control.cell.kpi import KpiTracker
from workcell_control.cell.steps import FATES, State

S = 1_000_000_000


def figures(tracker: KpiTracker, now_s: float) -> dict[str, float]:
    return {m.name: m.value for m in tracker.shift(int(now_s * S)).metrics()}


def test_a_shift_worked_by_hand():
    tracker = KpiTracker(planned_run_time_per_item_s=5.0)
    tracker.begin(State.IDLE, 0)
    tracker.on_state(State.PICK, 10 * S)  # 10 s starved
    tracker.on_part_ended("c00001", "accept", "accept", 1, 20 * S)
    tracker.on_part_ended("c00002", "accept", "accept", 1, 30 * S)
    tracker.on_part_ended("c00003", "reject", "reject", 1, 40 * S)
    tracker.on_state(State.HOLD, 50 * S)
    tracker.on_state(State.PLACE, 60 * S)  # 10 s down
    tracker.on_part_ended("c00004", "floor", "accept", 2, 70 * S)
    tracker.on_audit("p1", "accept", is_defective=True)
    tracker.on_audit("p3", "reject", is_defective=False)
    got = figures(tracker, 80)
    assert (got["busy_time"], got["starved_time"], got["down_time"]) == (60.0, 10.0, 10.0)
    assert got["availability"] == pytest.approx(60 / 80)
    assert got["effectiveness"] == pytest.approx(5 * 4 / 60)
    assert got["quality_ratio"] == pytest.approx(1 / 4)
    assert got["oee"] == pytest.approx(60 / 80 * 20 / 60 / 4)
    assert (got["produced_quantity"], got["good_quantity"], got["scrap_quantity"]) == (4, 1, 2)
    assert (got["drops"], got["escapes"], got["false_rejects"]) == (1, 1, 1)
    assert got["good_parts_per_hour"] == pytest.approx(3600 / 80)


def test_an_audit_heard_twice_counts_once():
    tracker = KpiTracker(5.0)
    tracker.on_audit("p1", "accept", is_defective=True)
    tracker.on_audit("p1", "accept", is_defective=True)
    assert figures(tracker, 1)["escapes"] == 1


def test_energy_is_the_integral_of_power_without_the_gaps():
    tracker = KpiTracker(5.0)
    tracker.begin(State.PICK, 0)
    for second, power_w in ((0, 100.0), (1, 300.0), (2, 300.0), (60, 300.0), (61, 100.0)):
        tracker.on_power(power_w, second * S)
    record = tracker.on_part_ended("c00001", "accept", "accept", 1, 61 * S)
    assert record.energy_j == pytest.approx(200 + 300 + 200)
    assert figures(tracker, 61)["energy_per_good_part"] == pytest.approx(700)


def test_a_cycle_counts_work_and_recovery_but_no_waiting():
    tracker = KpiTracker(5.0)
    tracker.begin(State.IDLE, 0)
    tracker.on_state(State.PICK, 4 * S)
    tracker.on_vacuum_held(60e3)
    tracker.on_vacuum_held(45e3)
    tracker.on_move_held(3.0)
    tracker.on_tracking_error(0.002)
    tracker.on_state(State.HOLD, 6 * S)
    tracker.on_state(State.RECOVER, 9 * S)
    record = tracker.on_part_ended("c00017", "rework", "unsure", 2, 10 * S)
    assert record.cycle_time_s == pytest.approx(3.0)
    values = {m.name: m.value for m in record.metrics()}
    assert values["vacuum_min"] == 45e3
    assert values["serial"] == 17
    assert values["verdict"] == 3.0
    assert (values["acceleration_max"], values["tracking_error_max"]) == (3.0, 0.002)
    following = tracker.on_part_ended("c00018", "floor", "none", 1, 11 * S)
    assert math.isnan(following.vacuum_min_pa)
    assert following.acceleration_max_m_s2 == 0.0


def test_before_the_first_good_part_energy_per_part_is_infinite_and_shares_are_zero():
    got = figures(KpiTracker(5.0), 10)
    assert got["energy_per_good_part"] == math.inf
    assert got["oee"] == got["availability"] == got["good_parts_per_hour"] == 0.0


def test_a_shift_is_gone_on_with_after_a_kill():
    tracker = KpiTracker(5.0)
    tracker.resume({"accept": 3, "floor": 1}, 0, 40 * S, 50 * S)
    tracker.begin(State.PICK, 50 * S)
    got = figures(tracker, 60)
    assert (got["produced_quantity"], got["good_quantity"]) == (4, 3)
    assert (got["busy_time"], got["down_time"]) == (50.0, 10.0)


@given(
    st.lists(st.tuples(st.sampled_from(list(State)), st.integers(0, 100), st.sampled_from([None, *FATES])), max_size=40)
)
def test_times_add_up_and_shares_stay_within_bounds(steps):
    tracker = KpiTracker(5.0)
    tracker.begin(State.IDLE, 0)
    now_s = 0
    for number, (state, seconds, fate) in enumerate(steps):
        now_s += seconds
        tracker.on_state(state, now_s * S)
        if fate is not None:
            tracker.on_part_ended(f"c{number}", fate, "accept", 1, now_s * S)
    got = figures(tracker, now_s)
    assert got["busy_time"] + got["down_time"] + got["starved_time"] == pytest.approx(now_s)
    assert 0.0 <= got["availability"] <= 1.0
    assert 0.0 <= got["quality_ratio"] <= 1.0
    assert got["oee"] == pytest.approx(got["availability"] * got["effectiveness"] * got["quality_ratio"])


def test_a_planned_time_of_nothing_is_refused():
    with pytest.raises(ValueError, match="planned run time per item 0"):
        KpiTracker(0.0)
