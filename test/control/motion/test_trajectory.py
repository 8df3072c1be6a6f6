"""Trajectories: bounds hold at every instant, ends are met, lines are straight."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from ur5e_arm import HOME, arm

from workcell_control.motion.limits import JointLimits, MotionScales
from workcell_control.motion.straight import line_move, tool_line
from workcell_control.motion.trajectory import (
    JointState,
    JointTrajectory,
    TrajectoryError,
    brake,
    join,
    joint_move,
)

configurations = arrays(np.float64, 6, elements=st.floats(-3.0, 3.0))
scales = st.builds(MotionScales, speed=st.floats(0.1, 1.0), acceleration=st.floats(0.1, 1.0), jerk=st.floats(0.1, 1.0))
FINE_S = 0.002
ROUNDING = 1e-5
"""Share of a bound: a jerk carries the rounding of positions over the cube of a span that may be microseconds."""


def excess(trajectory: JointTrajectory, limits: JointLimits) -> float:
    """Largest share of a bound that is used: velocity, acceleration, and jerk by differences."""
    used = [
        np.abs(trajectory.velocity / limits.velocity).max(),
        np.abs(trajectory.acceleration / limits.acceleration).max(),
    ]
    if len(trajectory.time_s) > 1:
        jerk = np.diff(trajectory.acceleration, axis=0) / np.diff(trajectory.time_s)[:, None]
        used.append(np.abs(jerk / limits.jerk).max())
    return float(max(used))


def dense_excess(trajectory: JointTrajectory, limits: JointLimits) -> float:
    """Largest share of a bound used anywhere between samples too, as a controller's quintics go."""
    times = np.arange(0.0, trajectory.duration_s, FINE_S)
    _, *derivatives = trajectory.states_at(times)
    bounds = (limits.velocity, limits.acceleration, limits.jerk)
    return float(max(np.abs(rows / bound).max() for rows, bound in zip(derivatives, bounds, strict=True)))


@settings(max_examples=100)
@given(configurations, configurations, scales)
def test_a_joint_move_meets_its_ends_and_every_bound(start, goal, scale):
    limits = arm().limits.scaled(scale)
    move = joint_move(JointState.at_rest(start), goal, limits)
    assert np.allclose(move.position[0], start, atol=1e-12)
    assert np.allclose(move.position[-1], goal, atol=1e-9)
    assert np.allclose(move.end.velocity, 0.0, atol=1e-9)
    if move.duration_s > 0.0:
        assert dense_excess(move, limits) <= 1.0 + ROUNDING


@settings(max_examples=100)
@given(
    configurations,
    arrays(np.float64, 6, elements=st.floats(-3.0, 3.0)),
    arrays(np.float64, 6, elements=st.floats(-8, 8)),
)
def test_braking_ends_at_rest_without_exceeding_acceleration_or_jerk(position, velocity, acceleration):
    limits = arm().limits
    stop = brake(JointState(position, velocity, acceleration), limits, period_s=FINE_S)
    assert np.allclose(stop.end.velocity, 0.0, atol=1e-6)
    assert np.allclose(stop.end.acceleration, 0.0, atol=1e-6)
    assert np.abs(stop.acceleration / limits.acceleration).max() <= 1.0 + 1e-6
    assert np.allclose(stop.position[0], position)


def test_braking_a_standing_arm_takes_no_time():
    assert brake(JointState.at_rest(HOME), arm().limits).duration_s == 0.0


def test_a_move_may_start_faster_than_the_new_limits():
    slow = arm().limits.scaled(MotionScales(0.1, 0.5, 0.5))
    start = JointState(HOME, np.full(6, 0.6), np.zeros(6))
    move = joint_move(start, HOME + 1.0, slow)
    assert np.allclose(move.end.position, HOME + 1.0)
    assert np.abs(move.velocity[-len(move.velocity) // 2 :] / slow.velocity).max() <= 1.0 + 1e-6


@settings(max_examples=50)
@given(configurations, configurations, arrays(np.float64, 6, elements=st.floats(-2, 2)))
def test_a_moving_arm_goes_over_into_a_planned_move_without_a_jump(start, goal, velocity):
    limits = arm().limits
    planned = joint_move(JointState.at_rest(start), goal, limits)
    state = JointState(start, velocity, np.linspace(-2.0, 2.0, 6))
    joined = join(state, planned, limits)
    assert np.array_equal(joined.start.velocity, state.velocity)
    assert np.array_equal(joined.start.acceleration, state.acceleration)
    assert np.allclose(joined.end.position, goal, atol=1e-8)  # what the profile itself leaves
    # The profile meets the planned state to a nanoradian, which a short step turns into some jerk.
    assert dense_excess(joined, limits) <= 1.0 + 2e-3
    assert joined.duration_s <= joint_move(state, goal, limits).duration_s + 1e-9


@settings(max_examples=40)
@given(st.floats(-0.15, 0.15), st.floats(-0.15, 0.15), st.floats(-0.15, 0.1), scales)
def test_a_straight_move_is_straight_and_within_bounds(dx, dy, dz, scale):
    limits = arm().limits.scaled(scale)
    start_pose = arm().fk(HOME)
    goal_pose = start_pose.copy()
    goal_pose[:3, 3] += [dx, dy, dz]
    line = tool_line(arm(), HOME, goal_pose)
    assume(line is not None)
    move = line_move(line, limits, period_s=FINE_S * 5)
    assert arm().pose_error(move.end.position, goal_pose) < 1e-8
    assert excess(move, limits) <= 1.01
    direction = np.array([dx, dy, dz])
    for position in move.position[:: max(1, len(move.position) // 20)]:
        offset = arm().fk(position)[:3, 3] - start_pose[:3, 3]
        length = max(float(direction @ direction), 1e-12)
        assert np.linalg.norm(offset - direction * (offset @ direction) / length) < 1e-6


def test_a_straight_move_may_turn_the_tool_on_the_spot():
    goal = arm().fk(HOME + np.array([0, 0, 0, 0, 0, 0.8]))
    move = line_move(tool_line(arm(), HOME, goal), arm().limits)
    assert arm().pose_error(move.end.position, goal) < 1e-8
    assert np.linalg.norm(arm().fk(move.position[len(move.position) // 2])[:3, 3] - goal[:3, 3]) < 1e-6


def test_the_speed_bound_of_a_straight_move_holds():
    goal = arm().fk(HOME)
    goal[2, 3] -= 0.15
    move = line_move(tool_line(arm(), HOME, goal), arm().limits, speed_max_m_s=0.1)
    speed = np.linalg.norm(arm().tool_motion(move.position, move.velocity, move.acceleration).velocity, axis=1)
    assert 0.095 < speed.max() <= 0.1 + 1e-9


def test_a_line_out_of_reach_says_how_far_it_gets():
    goal = arm().fk(HOME)
    goal[0, 3] += 1.5
    with pytest.raises(TrajectoryError, match=r"breaks off after \d+ %"):
        tool_line(arm(), HOME, goal)


def test_a_goal_beyond_a_joint_limit_names_joint_and_range():
    with pytest.raises(TrajectoryError, match=r"joint 2 is 7\.0000 rad: valid -6\.2832\.\.6\.2832"):
        joint_move(JointState.at_rest(HOME), np.array([0, 7.0, 0, 0, 0, 0]), arm().limits)


def test_dilation_divides_speed_and_acceleration():
    move = joint_move(JointState.at_rest(HOME), HOME + 0.5, arm().limits)
    slow = move.dilated(2.0)
    assert slow.duration_s == pytest.approx(2.0 * move.duration_s)
    assert np.allclose(slow.velocity * 2.0, move.velocity)
    assert np.allclose(slow.acceleration * 4.0, move.acceleration)


@settings(max_examples=30)
@given(configurations, configurations)
def test_the_quintic_between_coarse_samples_follows_the_profile(start, goal):
    coarse = joint_move(JointState.at_rest(start), goal, arm().limits)
    fine = joint_move(JointState.at_rest(start), goal, arm().limits, period_s=FINE_S)
    deviation = max(
        np.abs(coarse.position_at(t) - q).max() for t, q in zip(fine.time_s.tolist(), fine.position, strict=True)
    )
    assert deviation < 1e-9


def test_samples_cannot_be_changed():
    move = joint_move(JointState.at_rest(HOME), HOME + 0.5, arm().limits)
    with pytest.raises(ValueError, match="read-only"):
        move.position[0, 0] = 1.0


@pytest.mark.parametrize("field", ["speed", "acceleration", "jerk"])
@pytest.mark.parametrize("value", [0.0, -1.0, 1.01])
def test_a_scale_out_of_range_is_refused(field, value):
    with pytest.raises(ValueError, match=f"motion scale {field} = {value}"):
        MotionScales(**{field: value})


@given(scales)
def test_quantising_only_ever_reduces_a_scale(scale):
    used = scale.quantised()
    for name in ("speed", "acceleration", "jerk"):
        assert 0.0 < getattr(used, name) <= getattr(scale, name) + 1e-12
        assert getattr(used, name) >= getattr(scale, name) - 0.005


def test_a_line_is_passed_within_a_bound_of_the_tools_acceleration():
    goal = arm().fk(HOME)
    goal[2, 3] -= 0.12
    line = tool_line(arm(), HOME, goal)
    free = line_move(line, arm().limits)
    for bound_m_s2 in (0.5, 2.0):
        move = line_move(line, arm().limits, acceleration_max_m_s2=bound_m_s2)
        fine = np.linspace(0.0, move.duration_s, 400)
        tool = arm().tool_motion(*move.states_at(fine)[:3])
        assert 0.98 * bound_m_s2 < np.linalg.norm(tool.acceleration, axis=1).max() <= bound_m_s2
        assert move.duration_s > free.duration_s
    back = line_move(line.reversed(), arm().limits)
    assert back.duration_s == pytest.approx(free.duration_s, rel=1e-3)
    assert np.abs(back.end.position - HOME).max() < 1e-9
