"""Straight beginnings and ends of a move are as fast as the joints allow; what lies between stays as it is."""

import itertools

import numpy as np
import pytest
from ur5e_arm import arm

from workcell_control.motion.hastening import hastened
from workcell_control.motion.path import blend_reach, blended, straight_leg
from workcell_control.motion.smoothing import smoothed
from workcell_control.motion.timing import grid_of, joint_bounds, points_on, rate_squares, time_path
from workcell_control.motion.trajectory import JointState, joint_move

CORNERS = np.array(
    [[0.0, -1.5, 1.5, -1.5, -1.5, 0.0], [1.2, -0.8, 0.9, -1.9, -1.2, 0.5], [0.4, -0.4, 0.5, -1.2, -1.6, 1.4]]
)
STEP_S = 0.004


def averaged(corners):
    """A move through corners as the averaging alone makes it."""
    limits = arm().limits
    legs = [straight_leg(a, b) for a, b in itertools.pairwise(corners)]
    path = blended(legs, [blend_reach(*corners[i : i + 3], 0.1) for i in range(len(corners) - 2)])
    grid = grid_of(path, 0.02)
    points = points_on(path, grid)
    bounds = joint_bounds(points, limits.acceleration)
    timing = time_path(grid, bounds, rate_squares(path, grid, points, limits.velocity))
    times = np.linspace(0.0, timing.times_s[-1], round(timing.times_s[-1] / STEP_S) + 1)
    return smoothed(path.sample(timing.at(times)), float(times[1]), limits.jerk)


@pytest.fixture(scope="module")
def moves():
    plain = averaged(CORNERS)
    return plain, hastened(plain, arm().limits)


def test_begin_and_end_gain_most_of_what_the_averaging_cost_them(moves):
    plain, hasty = moves
    limits = arm().limits
    saved_s = float((limits.acceleration / limits.jerk).max())
    assert 0.5 * saved_s < plain.duration_s - hasty.duration_s <= saved_s + 1e-3


def test_it_stays_on_its_path_between_the_same_ends(moves):
    plain, hasty = moves
    places = plain.states_at(np.linspace(0.0, plain.duration_s, 4000))[0]
    apart = [np.abs(places - position).max(axis=1).min() for position in hasty.position]
    assert max(apart) < 2e-3
    for end in (0, -1):
        assert hasty.position[end] == pytest.approx(plain.position[end], abs=1e-9)
        assert hasty.velocity[end] == pytest.approx(np.zeros(6), abs=1e-9)


def test_no_limit_is_exceeded_anywhere(moves):
    _, hasty = moves
    limits = arm().limits
    assert (np.diff(hasty.time_s) > 0.0).all()
    _, velocity, acceleration, jerk = hasty.states_at(np.arange(0.0, hasty.duration_s, 5e-4))
    for values, limit in ((velocity, limits.velocity), (acceleration, limits.acceleration), (jerk, limits.jerk)):
        assert np.abs(values / limit).max() <= 1.0 + 1e-6


def test_a_single_straight_move_comes_near_to_the_fastest_there_is():
    plain = averaged(CORNERS[:2])
    best = joint_move(JointState.at_rest(CORNERS[0]), CORNERS[1], arm().limits)
    assert hastened(plain, arm().limits).duration_s <= 1.05 * best.duration_s < plain.duration_s


def test_less_acceleration_is_used_where_it_is_asked_for(moves):
    plain, hasty = moves
    gentle = hastened(plain, arm().limits, 0.7)
    assert hasty.duration_s <= gentle.duration_s <= plain.duration_s
