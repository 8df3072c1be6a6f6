"""A move slowed down under way stays on its path, begins as fast as it was and ends at rest in the same place."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workcell_control.execution.path import PathUnderWay
from workcell_control.execution.rate import PathPlace, RateRamp
from workcell_control.motion.limits import JointLimits
from workcell_control.motion.trajectory import JointState, joint_move

LIMITS = JointLimits(*(np.full(2, value) for value in (-6.0, 6.0)), *(np.full(2, value) for value in (2.0, 8.0, 60.0)))
MOVE = joint_move(JointState.at_rest([0.0, 0.0]), np.array([1.5, -0.6]), LIMITS)
PATH = PathUnderWay(MOVE)


def slowed(from_s, factor, ramp_s):
    return PATH.along(RateRamp(PathPlace(from_s), 1.0 / factor, ramp_s))


@given(
    share=st.floats(0.0, 0.95),
    factor=st.floats(1.0, 6.0),
    ramp_s=st.floats(0.05, 1.5),
)
def test_the_rest_goes_on_where_it_was_and_ends_at_rest_at_the_goal(share, factor, ramp_s):
    from_s = share * MOVE.duration_s
    rest = slowed(from_s, factor, ramp_s)
    assert rest.position[0] == pytest.approx(MOVE.position_at(from_s), abs=1e-6)
    assert rest.velocity[0] == pytest.approx(PATH.sample(np.array([from_s]))[1][0], abs=1e-9)
    assert rest.position[-1] == pytest.approx(MOVE.position[-1], abs=1e-6)
    assert rest.velocity[-1] == pytest.approx(np.zeros(2), abs=1e-3)
    assert MOVE.duration_s - from_s - 1e-6 <= rest.duration_s <= factor * (MOVE.duration_s - from_s) + 1e-6
    assert np.all(np.diff(rest.time_s) > 0.0)


def test_velocity_and_acceleration_are_those_of_the_positions():
    rest = slowed(0.3, 2.0, 0.3)
    fine = PathUnderWay(rest)
    times = np.linspace(0.02, rest.duration_s - 0.02, 200)
    step = 1e-4
    slope = (fine.sample(times + step)[0] - fine.sample(times - step)[0]) / (2 * step)
    assert slope == pytest.approx(fine.sample(times)[1], abs=1e-3)
    assert np.abs(rest.velocity).max() <= np.abs(MOVE.velocity).max() + 1e-9


def test_at_half_the_rate_the_speed_halves_after_the_ramp():
    rest = slowed(0.2, 2.0, 0.1)
    later = rest.time_s > 0.1
    at = [PATH.time_at(position) for position in rest.position[later]]
    assert rest.velocity[later] == pytest.approx(0.5 * PATH.sample(np.array(at))[1], abs=0.02)


@pytest.mark.parametrize("at_s", [0.0, 0.123, 0.5])
def test_where_the_arm_is_on_its_path_is_found(at_s):
    assert PATH.time_at(MOVE.position_at(at_s) + 1e-5) == pytest.approx(at_s, abs=5e-3)


@pytest.mark.parametrize(("from_s", "factor", "ramp_s"), [(-0.1, 2.0, 0.1), (9.0, 2.0, 0.1), (0.1, 2.0, 0.0)])
def test_what_makes_no_sense_is_refused(from_s, factor, ramp_s):
    with pytest.raises(ValueError, match="on a path of"):
        slowed(from_s, factor, ramp_s)
