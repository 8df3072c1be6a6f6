"""Pairs of shapes that are proven to stay apart, and hence never checked."""

import coal
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ur5e_arm import arm

from workcell_control.motion.apart import stay_apart
from workcell_control.motion.clearance import Body
from workcell_control.motion.covers import box_cover, sphere_cover

CLEARANCE_M = 0.015


def body(joint, shape, translation=(0.0, 0.0, 0.0)):
    place = np.eye(3), np.array(translation)
    return Body("shape", joint, shape, *place, sphere_cover(shape, *place), box_cover(shape, *place))


FOREARM = body(3, coal.Box(0.3, 0.05, 0.05))
WRIST = body(5, coal.Cylinder(0.03, 0.08))


def reach_m(shape):
    return float(shape.levers(arm().chain.links_m)[3])


@given(st.floats(-np.pi, np.pi))
def test_a_near_place_anywhere_in_the_range_is_found(place_rad):
    def distance_at(position):
        away = abs((position[3] - place_rad + np.pi) % (2.0 * np.pi) - np.pi)
        return 0.01 + reach_m(WRIST) * away  # as fast as the joint can bring it away

    assert not stay_apart(arm(), FOREARM, WRIST, distance_at, CLEARANCE_M)


def test_shapes_that_stay_apart_are_found_with_few_looks():
    looks = []

    def distance_at(position):
        looks.append(position.copy())
        return 0.06 + 0.02 * np.cos(position[3])

    assert stay_apart(arm(), FOREARM, WRIST, distance_at, CLEARANCE_M)
    assert stay_apart(arm(), WRIST, FOREARM, distance_at, CLEARANCE_M)
    assert len(looks) < 200
    assert np.ptp([look[3] for look in looks]) > 6.0  # the whole turn
    assert not np.any([look[:3] for look in looks])


@pytest.mark.parametrize(
    "other",
    [body(5, coal.Box(0.06, 0.06, 0.08)), body(5, coal.Cylinder(0.03, 0.08), (0.01, 0.0, 0.0)), body(6, WRIST.shape)],
    ids=["not round", "beside its axis", "two joints away"],
)
def test_where_two_joints_matter_nothing_is_proven(other):
    assert not stay_apart(arm(), FOREARM, other, lambda position: 1.0, CLEARANCE_M)
