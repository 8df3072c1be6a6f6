"""A move whose rate changes stays on its path, within limits, and goes on without a jump."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workcell_control.execution.follower import JOINT_SHARE_AIM, LEAD_S, RUN_IN_S, Follower, limit_excess
from workcell_control.execution.rate import PathPlace, RateRamp
from workcell_control.motion.limits import JointLimits, MotionScales
from workcell_control.motion.trajectory import JointState, joint_move

LIMITS = JointLimits(*(np.full(2, value) for value in (-6.0, 6.0, 3.0, 12.0, 150.0)))
MOVE = joint_move(JointState.at_rest([0.0, 0.0]), np.array([1.5, -0.6]), LIMITS.scaled(MotionScales(0.6, 0.5, 0.5)))
RATES = st.sampled_from([0.0, 0.1, 0.35, 0.8, 1.0])


def follower(rate=1.0):
    return Follower(MOVE, lambda trajectory: limit_excess(trajectory, LIMITS) / JOINT_SHARE_AIM, rate)


def distance_to_path(position):
    path = MOVE.states_at(np.linspace(0.0, MOVE.duration_s, 4000))[0]
    return np.abs(path[:, None, :] - position[None, :, :]).max(axis=2).min(axis=0).max()


@settings(max_examples=25)
@given(changes=st.lists(st.tuples(st.floats(0.08, 0.5), RATES), min_size=1, max_size=5))
def test_the_rest_at_another_rate_goes_on_without_a_jump_on_the_path_and_within_limits(changes):
    move, now_ns = follower(), 0
    for wait_s, rate in changes:
        old = move.sent.trajectory
        heard_s = min(wait_s, old.duration_s)
        now_ns += round(heard_s * 1e9)
        move.on_feedback(now_ns, heard_s)
        sending = move.retimed(rate, now_ns)
        if sending is None:
            continue
        assert sending.stamp_ns == now_ns
        shared = np.linspace(0.0, LEAD_S, 7)
        was, will = old.states_at(heard_s + shared), sending.trajectory.states_at(shared)
        assert will[0] == pytest.approx(was[0], abs=3e-4)
        assert will[1] == pytest.approx(was[1], abs=2e-2)
        assert distance_to_path(sending.trajectory.position) < 1e-3
        assert limit_excess(sending.trajectory, LIMITS) <= 1.3
        assert sending.trajectory.velocity[-1] == pytest.approx(np.zeros(2), abs=1e-6)
        if rate > 0.0:
            assert sending.trajectory.position[-1] == pytest.approx(MOVE.position[-1], abs=1e-6)


@pytest.mark.parametrize("at_s", [0.1, 0.4, 0.7])
def test_a_brake_from_full_speed_keeps_all_limits_and_stands_on_the_path(at_s):
    move = follower()
    move.on_feedback(5_000, at_s)
    brake = move.retimed(0.0, 5_000)
    assert limit_excess(brake.trajectory, LIMITS) <= JOINT_SHARE_AIM + 0.02
    assert not move.is_to_the_end
    assert brake.trajectory.duration_s < 1.5
    assert distance_to_path(brake.trajectory.position[-1:]) < 1e-3


def test_what_stood_is_resumed_to_the_end():
    move = follower()
    move.on_feedback(0, 0.4)
    stood = move.retimed(0.0, 0).trajectory.position[-1]
    assert move.resumed(0.0) is None
    rest = move.resumed(0.5)
    assert rest.stamp_ns == 0
    assert rest.trajectory.position[0] == pytest.approx(stood, abs=1e-6)
    assert rest.trajectory.position[-1] == pytest.approx(MOVE.position[-1], abs=1e-6)
    assert move.is_to_the_end


def test_nothing_is_sent_before_the_controller_was_heard_nor_for_the_same_rate_nor_at_the_end():
    move = follower()
    assert move.retimed(0.5, 0) is None
    move.on_feedback(0, 0.2)
    assert move.retimed(1.0, 0) is None
    move.on_feedback(0, MOVE.duration_s - 0.01)
    assert move.retimed(0.5, 0) is None


def test_under_a_lowered_slider_only_what_must_become_slower_is_sent():
    move = follower()
    move.on_feedback(0, 0.3)
    assert move.retimed(0.6, 100_000_000, 0.5) is None
    slower = move.retimed(0.2, 100_000_000, 0.5)
    assert slower.stamp_ns == 0
    assert not slower.begins_exactly
    assert slower.trajectory.time_s[1] == RUN_IN_S
    assert slower.trajectory.position[1] == pytest.approx(MOVE.position_at(0.35 + RUN_IN_S), abs=1e-5)


def test_a_move_that_begins_at_half_the_rate_takes_twice_as_long():
    assert follower(0.5).sent.trajectory.duration_s == pytest.approx(2.0 * MOVE.duration_s)


@given(rate=st.floats(0.05, 1.0), end=st.floats(0.0, 1.0), ramp_s=st.floats(0.1, 1.0), left_s=st.floats(0.02, 3.0))
def test_a_ramp_reaches_the_end_when_it_says(rate, end, ramp_s, left_s):
    ramp = RateRamp(PathPlace(0.5, rate), end, ramp_s)
    reached = ramp.place_at(ramp.duration_s(0.5 + left_s))
    stands = reached.rate < 2e-3
    assert stands or reached.path_s == pytest.approx(0.5 + left_s, abs=1e-6) or end * 600.0 < left_s
