"""The separation formula solved for the speed, how it is applied, and the record of a move."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workcell_control.execution.outcome import TrackingWatch
from workcell_control.execution.record import MoveRecorder
from workcell_control.execution.separation import SeparationMonitor, SeparationParameters

S = 1_000_000_000
PARAMETERS = SeparationParameters(reaction_s=0.2)


@given(distance_m=st.floats(0.0, 20.0))
def test_the_protective_distance_at_the_allowed_speed_is_the_distance(distance_m):
    speed = PARAMETERS.speed_allowed_m_s(distance_m)
    if speed > 0.0:
        assert PARAMETERS.protective_distance_m(speed) == pytest.approx(distance_m, abs=1e-9)
    else:
        assert distance_m <= PARAMETERS.protective_distance_m(0.0)


def test_the_formula_by_hand():
    # 1.6 (0.2 + 0.5) + 1.0 x 0.2 + 1.0 / (2 x 2) + 0.1 + 0.05 + 0.01
    assert PARAMETERS.protective_distance_m(1.0) == pytest.approx(1.73)


def test_the_speed_falls_at_once_and_rises_late_and_silence_stops():
    monitor = SeparationMonitor(PARAMETERS)
    assert monitor.speed_m_s(0) == math.inf
    monitor.on_distance(math.inf, 0)
    monitor.on_distance(1.0, S // 10)
    slow = monitor.speed_m_s(S // 10)
    assert slow == pytest.approx(PARAMETERS.speed_allowed_m_s(1.0))
    for tenth in range(2, 6):
        monitor.on_distance(3.0, tenth * S // 10)
        assert monitor.speed_m_s(tenth * S // 10) == slow
    monitor.on_distance(3.0, 6 * S // 10)
    assert monitor.speed_m_s(6 * S // 10) == pytest.approx(PARAMETERS.speed_allowed_m_s(3.0))
    assert monitor.speed_m_s(2 * S) == 0.0


def test_not_a_number_stops_and_makes_no_sense_as_a_parameter():
    monitor = SeparationMonitor(PARAMETERS)
    monitor.on_distance(math.nan, 0)
    assert monitor.speed_m_s(0) == 0.0
    with pytest.raises(ValueError, match="deceleration_m_s2 is 0"):
        SeparationParameters(deceleration_m_s2=0.0)


def test_a_record_holds_what_was_measured_during_its_move_alone():
    recorder = MoveRecorder(np.array([100.0, 20.0]))
    recorder.on_effort([90.0, 1.0])
    recorder.begin(1.5, 0)
    recorder.on_effort([50.0, -15.0])
    recorder.on_current(-2.0)
    recorder.on_power(100.0, 0)
    recorder.on_power(200.0, S)
    record = recorder.end(True, "", np.array([0.01, 0.02]), 2 * S)
    figures = {name: value for name, value, _ in record.figures()}
    assert figures["actual_time"] == 2.0
    assert figures["torque_margin"] == pytest.approx(0.25)
    assert figures["current_max"] == 2.0
    assert figures["energy"] == pytest.approx(150.0)
    assert figures["tracking_error_joint_2"] == 0.02
    assert math.isnan(figures["vibration_max"])
    assert recorder.end(True, "", np.zeros(2), 3 * S) is None


def test_a_deviation_names_its_joint_and_every_end_has_a_reason():
    watch = TrackingWatch(["a", "b"], 0.1)
    assert watch.on_error([0.05, -0.09]) == ""
    assert watch.on_error([0.0, -0.2]).startswith("b deviates from its path by 0.200 rad")
    assert watch.reason(6, -4, "Aborted") == "path tolerance violated: Aborted; most deviated b, by 0.200 rad"
    assert watch.reason(6, 0, "") == "aborted"
    assert watch.reason(5, 0, "") == "canceled by somebody else"
