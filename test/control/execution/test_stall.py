"""A move that is stuck is given up; one that creeps at a low slider is not."""

from __future__ import annotations

import pytest

from workcell_control.execution.stall import StallWatch

S = 1_000_000_000
PERIOD_S = 0.1


def overdue(scaling: float, still_from_s: float, after_s: float, duration_s: float = 1.0) -> float:
    watch = StallWatch()
    watch.begin(5 * S, duration_s)
    overdue_s = 0.0
    for index in range(1, round(after_s / PERIOD_S) + 1):
        time_s = index * PERIOD_S
        overdue_s = watch.overdue_s(5 * S + round(time_s * S), scaling, is_still=time_s > still_from_s)
    return overdue_s


def test_a_move_that_stands_past_its_end_is_overdue() -> None:
    assert overdue(1.0, still_from_s=0.0, after_s=1.0) == pytest.approx(0.0, abs=1e-9)
    assert overdue(1.0, still_from_s=0.0, after_s=3.0) == pytest.approx(2.0)


def test_a_move_that_still_moves_past_its_end_is_not() -> None:
    assert overdue(1.0, still_from_s=4.0, after_s=4.0) == 0.0
    assert overdue(1.0, still_from_s=4.0, after_s=5.5) == pytest.approx(1.5)


def test_a_low_slider_gives_a_move_as_much_longer() -> None:
    assert overdue(0.2, still_from_s=0.0, after_s=5.0) == pytest.approx(0.0, abs=1e-9)
    assert overdue(0.2, still_from_s=0.0, after_s=15.0) == pytest.approx(2.0)


def test_a_new_trajectory_begins_anew() -> None:
    watch = StallWatch()
    watch.begin(0, 1.0)
    assert watch.overdue_s(4 * S, 1.0, is_still=True) == pytest.approx(3.0)
    watch.begin(4 * S, 2.0)
    assert watch.overdue_s(5 * S, 1.0, is_still=True) == 0.0
