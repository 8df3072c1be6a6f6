"""A retimed move is the same way, nearly as fast as its bounds allow, and keeps every one of them."""

import itertools

import numpy as np
import pytest
from ur5e_arm import arm

from workcell_control.motion.dynamics import tool_rows
from workcell_control.motion.path import blend_reach, blended, straight_leg
from workcell_control.motion.retiming import RateBounds, RateRows, retimed
from workcell_control.motion.smoothing import smoothed
from workcell_control.motion.timing import grid_of, joint_bounds, points_on, rate_squares, time_path
from workcell_control.motion.trajectory import JointState, joint_move, standing

CORNERS = np.array(
    [[0.0, -1.5, 1.5, -1.5, -1.5, 0.0], [1.2, -0.8, 0.9, -1.9, -1.2, 0.5], [0.4, -0.4, 0.5, -1.2, -1.6, 1.4]]
)
STEP_S = 0.004
NEARLY = 1.0 + 2e-3


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
    return plain, retimed(plain, arm().limits, RateBounds())


def shares(move):
    limits = arm().limits
    _, velocity, acceleration, jerk = move.states_at(np.arange(0.0, move.duration_s, 5e-4))
    pairs = (velocity, limits.velocity), (acceleration, limits.acceleration), (jerk, limits.jerk)
    return [np.abs(values / limit).max(axis=1) for values, limit in pairs]


def test_it_is_faster_by_most_of_what_the_averaging_cost(moves):
    plain, quick = moves
    saved_s = float((arm().limits.acceleration / arm().limits.jerk).max())
    assert plain.duration_s - quick.duration_s > 0.7 * saved_s


def test_it_passes_the_same_places_between_the_same_ends(moves):
    plain, quick = moves
    assert np.array_equal(quick.position, plain.position)
    assert (np.diff(quick.time_s) > 0.0).all()
    assert quick.start.is_at_rest
    assert quick.end.is_at_rest


def test_no_limit_is_exceeded_anywhere_and_some_is_nearly_reached_nearly_everywhere(moves):
    _, quick = moves
    used = np.stack(shares(quick))
    assert used.max() <= NEARLY
    assert np.mean(used.max(axis=0) > 0.9) > 0.75


def test_positions_velocities_and_accelerations_belong_together(moves):
    _, quick = moves
    fine_s = 1e-5
    times = np.linspace(0.1, quick.duration_s - 0.1, 200)
    before, after = quick.states_at(times - fine_s), quick.states_at(times + fine_s)
    now = quick.states_at(times)
    for order in range(2):
        slope = (after[order] - before[order]) / (2.0 * fine_s)
        assert slope == pytest.approx(now[order + 1], abs=0.02)
    # The quintics between samples would show a wrong time as a jerk far beyond its bound.
    assert np.abs(now[3] / arm().limits.jerk).max() <= NEARLY


@pytest.mark.parametrize("goal", CORNERS[1:])
def test_a_single_straight_move_comes_next_to_the_fastest_there_is(goal):
    plain = averaged(np.stack([CORNERS[0], goal]))
    best = joint_move(JointState.at_rest(CORNERS[0]), goal, arm().limits)
    quick = retimed(plain, arm().limits, RateBounds())
    assert best.duration_s <= quick.duration_s * NEARLY
    assert quick.duration_s < min(plain.duration_s, 1.03 * best.duration_s)


def test_further_bounds_hold(moves):
    plain, quick = moves
    bound_m_s2 = 3.0
    gentle = retimed(plain, arm().limits, RateBounds(ball=tool_rows(arm(), plain, bound_m_s2)))
    tool = arm().tool_motion(gentle.position, gentle.velocity, gentle.acceleration)
    assert np.linalg.norm(tool.acceleration, axis=1).max() <= bound_m_s2 * NEARLY
    slow = retimed(plain, arm().limits, RateBounds(square_max=np.full(len(plain.time_s), 0.25)))
    assert slow.duration_s == pytest.approx(2.0 * plain.duration_s, rel=0.02)
    push = plain.acceleration[:, :1] / arm().limits.acceleration[0]
    pull = plain.velocity[:, :1] / arm().limits.acceleration[0]
    half = retimed(plain, arm().limits, RateBounds([RateRows(np.zeros_like(push), 2.0 * push, pull)]))
    assert np.abs(half.acceleration[:, 0]).max() <= 0.5 * arm().limits.acceleration[0] * NEARLY
    assert min(gentle.duration_s, half.duration_s) > quick.duration_s


def test_what_hardly_has_samples_stays_as_it_is():
    still = standing(CORNERS[0])
    assert retimed(still, arm().limits, RateBounds()) is still
