"""The benchmark's own figures, against values worked out by hand and against SKAB's definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.skab_metrics import ChangeTrace, change_figures, outlier_figures

ROWS = 700


def trace(changes: list[int], calls: list[int]) -> ChangeTrace:
    rows = np.arange(ROWS)
    return ChangeTrace(rows.astype(float), np.isin(rows, changes), np.isin(rows, calls))


def test_the_perfect_detector_scores_100_and_the_silent_one_0() -> None:
    perfect = change_figures([trace([100, 300], [100, 300])])
    silent = change_figures([trace([100, 300], [])])
    assert (perfect.standard, perfect.low_fp, perfect.low_fn) == (100.0, 100.0, 100.0)
    assert (silent.standard, silent.low_fp, silent.low_fn, silent.missed) == (0.0, 0.0, 0.0, 2)


def test_a_detection_in_the_middle_of_its_window_is_worth_0445() -> None:
    """tanh is 0 there, up to the step of SKAB's table of 1000."""
    figures = change_figures([trace([100], [130])])
    x = -math.pi / 2 + 500 * math.pi / 999
    worth = 0.445 - 0.555 * math.tanh(x) / math.tanh(math.pi / 2)
    assert figures.standard == pytest.approx(100 * (worth + 1) / 2)


def test_each_call_outside_costs_and_a_second_one_inside_does_not() -> None:
    figures = change_figures([trace([100], [50, 100, 120, 160, 161])])
    assert figures.false_alarms == 2
    assert figures.standard == pytest.approx(100 * (1.0 - 2 * 0.11 + 1.0) / 2)
    assert figures.low_fp == pytest.approx(100 * (1.0 - 2 * 0.22 + 1.0) / 2)


def test_a_window_that_would_overlap_begins_where_the_one_before_ends() -> None:
    assert change_figures([trace([100, 130], [140])]).missed == 1
    both = change_figures([trace([100, 130], [100, 160])])
    assert both.missed == 0
    assert both.standard == pytest.approx(100.0)


def test_always_alarm_has_the_f1_of_the_share_of_anomalies() -> None:
    truth = np.arange(10) < 4
    figures = outlier_figures([truth], [np.ones(10, dtype=np.bool_)])
    assert (figures.f1, figures.far_percent, figures.mar_percent) == (pytest.approx(2 * 0.4 / 1.4), 100.0, 0.0)


def test_rows_of_all_files_count_alike() -> None:
    one = outlier_figures([np.array([True, False])], [np.array([True, True])])
    assert one.f1 == pytest.approx(2 / 3)
    assert one.far_percent == 100.0


@given(st.sets(st.integers(0, ROWS - 1), min_size=1, max_size=5), st.sets(st.integers(0, ROWS - 1), max_size=40))
def test_no_score_is_above_100_and_low_fp_is_never_above_standard(changes: set[int], calls: set[int]) -> None:
    figures = change_figures([trace(sorted(changes), sorted(calls))])
    assert figures.standard <= 100.0 + 1e-9
    assert figures.low_fp <= figures.standard + 1e-9


def test_without_a_change_there_is_nothing_to_score() -> None:
    with pytest.raises(ValueError, match="no change point"):
        change_figures([trace([], [3])])
