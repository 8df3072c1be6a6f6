"""Fewer samples that quintics follow as they follow all of them."""

import numpy as np
import pytest
from ur5e_arm import arm

from workcell_control.motion.passage import MotionBounds, move_along, path_through
from workcell_control.motion.thinning import ACCELERATION_ERROR, SPACING_MAX_S, thinned

POSITIONS = np.array(
    [[0.0, -1.5, 1.5, -1.5, -1.5, 0.0], [0.9, -1.0, 1.2, -1.9, -1.2, 0.5], [0.4, -0.6, 0.7, -1.2, -1.6, 1.4]]
)


@pytest.fixture(scope="module")
def moves():
    bounds = MotionBounds(arm().limits)
    every = move_along(arm(), path_through(POSITIONS, 0.1), bounds)
    return every, thinned(every, bounds.limits), bounds.limits


def test_most_samples_are_left_out_and_ends_are_kept(moves):
    every, few, _ = moves
    assert len(few.time_s) < 0.4 * len(every.time_s)
    assert set(few.time_s) <= set(every.time_s)
    assert np.diff(few.time_s).max() <= SPACING_MAX_S + 1e-9
    for end in (0, -1):
        assert np.array_equal(few.position[end], every.position[end])


def test_quintics_between_them_follow_the_same_motion_within_limits(moves):
    every, few, limits = moves
    times = np.linspace(0.0, every.duration_s, 5000)
    wanted, got = every.states_at(times), few.states_at(times)
    assert got[0] == pytest.approx(wanted[0], abs=1e-6)
    assert np.abs((got[2] - wanted[2]) / limits.acceleration).max() <= 2.0 * ACCELERATION_ERROR
    for values, limit in zip(got[1:], (limits.velocity, limits.acceleration, limits.jerk), strict=True):
        assert np.abs(values / limit).max() <= 1.0 + 1e-6


def test_a_trajectory_of_few_samples_stays_as_it_is(moves):
    every, _, limits = moves
    short = type(every)(*(getattr(every, name)[:3] for name in ("time_s", "position", "velocity", "acceleration")))
    assert thinned(short, limits) is short
