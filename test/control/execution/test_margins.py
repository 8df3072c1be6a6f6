"""The rest of a move is slowed before grip or torques, as they are measured, would not bear it."""

import numpy as np
import pytest

from workcell_control.execution.margins import RATE_LEAST, TORQUE_SHARE, TREND_S, MarginWatch, MoveLoads

S = 1_000_000_000
TORQUE_MAX = np.array([100.0, 50.0])
LOADS = MoveLoads(
    time_s=np.array([0.0, 0.5, 1.0, 1.5, 2.0]),
    tool_acceleration_m_s2=np.array([0.0, 6.0, 1.0, 4.0, 0.0]),
    torque_still_n_m=np.array([[40.0, 5.0]] * 5),
    torque_moving_n_m=np.array([[0.0, 0.0], [30.0, 10.0], [0.0, 0.0], [-20.0, 10.0], [0.0, 0.0]]),
)


def holds_m_s2(vacuum_pa):
    return vacuum_pa / 1e4


def watch(*, is_held=True):
    margins = MarginWatch(holds_m_s2, TORQUE_MAX)
    margins.begin(6.0, lambda: LOADS, is_held=is_held)
    return margins


def followed(margins, at_s, effort=(), rate=1.0):
    return margins.follow(effort, lambda: at_s, rate)


def test_nothing_is_worked_out_while_all_margins_are_kept():
    margins = MarginWatch(holds_m_s2, TORQUE_MAX)
    margins.begin(6.0, lambda: pytest.fail("asked for the loads"), is_held=True)
    margins.on_vacuum(60e3, 0)
    assert margins.follow([60.0, 30.0], lambda: pytest.fail("asked for the place"), 1.0) == 1.0


def test_a_weak_grip_slows_what_lies_ahead_by_the_root_of_what_it_holds():
    margins = watch()
    margins.on_vacuum(30e3, 0)
    assert followed(margins, 0.1) == pytest.approx(np.sqrt(3.0 / 6.0))


def test_what_lies_behind_does_not_slow_the_rest():
    margins = watch()
    margins.on_vacuum(38e3, 0)
    assert followed(margins, 1.2) == 1.0
    margins.on_vacuum(32e3, 1)
    assert followed(margins, 1.2) == pytest.approx(np.sqrt(3.2 / 4.0))


def test_a_falling_vacuum_is_met_ahead_of_time():
    margins = watch()
    for step in range(5):
        margins.on_vacuum(70e3 - 4e3 * step, round(step * TREND_S / 4 * S))
    # 16 kPa in the time of the trend: at 54 kPa the grip still holds, at the expected 38 kPa it will not.
    assert followed(margins, 0.1) == pytest.approx(np.sqrt(3.8 / 6.0))


def test_without_a_part_the_vacuum_does_not_matter():
    margins = watch(is_held=False)
    margins.on_vacuum(0.0, 0)
    assert followed(margins, 0.1) == 1.0


def test_a_lost_grip_leaves_the_least_rate():
    margins = watch()
    margins.on_vacuum(0.0, 0)
    assert followed(margins, 0.1) == RATE_LEAST


def test_a_torque_beyond_the_plan_slows_what_lies_ahead_so_that_it_keeps_its_limit():
    margins = watch()
    # Standing at the begin takes 40 Nm: 35 more than the model knows will come on top of everything.
    rate = followed(margins, 0.0, effort=[75.0, 5.0])
    assert rate == pytest.approx(np.sqrt((TORQUE_SHARE * 100.0 - 35.0 - 40.0) / 30.0))
    assert 40.0 + rate**2 * 30.0 + 35.0 == pytest.approx(TORQUE_SHARE * 100.0)


def test_a_large_torque_that_was_planned_changes_nothing():
    margins = watch()
    assert followed(margins, 0.5, effort=[-70.5, 15.0]) == 1.0


def test_a_rate_only_falls_until_the_next_move():
    margins = watch()
    margins.on_vacuum(30e3, 0)
    slowed = followed(margins, 0.1)
    margins.on_vacuum(60e3, 1)
    assert followed(margins, 0.1) == slowed
    margins.begin(6.0, lambda: LOADS, is_held=True)
    assert margins.rate == 1.0
