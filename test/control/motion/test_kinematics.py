"""Kinematics: every branch exact and within limits, closed form or not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from ur5e_arm import HOME, arm, crooked_arm, urdf

from workcell_control.motion.branches import choose_branches
from workcell_control.motion.ik import POSE_ERROR_MAX
from workcell_control.motion.kinematics import Arm, KinematicsError

configurations = arrays(np.float64, 6, elements=st.floats(-np.pi, np.pi))


@settings(max_examples=200)
@given(configurations, configurations)
def test_every_branch_reproduces_the_pose_within_limits(position, seed):
    pose = arm().fk(position)
    for branch in arm().ik(pose, seed):
        assert arm().limits.contains(branch, 0.0)
        assert arm().pose_error(branch, pose) <= POSE_ERROR_MAX
        assert np.abs(arm().fk(branch) - pose).max() <= 1e-8


@settings(max_examples=200)
@given(configurations)
def test_the_branch_of_the_seed_is_found_first_away_from_singularities(position):
    if np.linalg.cond(arm().jacobian(position)) > 200.0:
        return
    branches = arm().ik(arm().fk(position), position)
    assert np.abs(branches[0] - position).max() < 1e-6


def test_a_generic_pose_has_eight_branches_and_they_differ():
    assert arm().is_analytic
    branches = arm().ik(arm().fk(HOME))
    assert len(branches) == 8
    for i, first in enumerate(branches):
        for second in branches[i + 1 :]:
            assert np.abs(first - second).max() > 1e-3


def test_branches_take_the_turn_nearest_to_the_seed():
    turned = HOME + np.array([2 * np.pi, 0, 0, -2 * np.pi, 0, 0]) * 0.9
    best = arm().ik(arm().fk(HOME), turned)[0]
    assert np.all(np.abs(best - turned) <= np.pi + 1e-9)


@settings(max_examples=10)
@given(configurations)
def test_an_arm_without_closed_form_is_solved_numerically(position):
    if np.linalg.cond(crooked_arm().jacobian(position)) > 100.0:
        return
    assert not crooked_arm().is_analytic
    pose = crooked_arm().fk(position)
    branches = crooked_arm().ik(pose, position)
    assert branches
    assert all(crooked_arm().pose_error(q, pose) <= POSE_ERROR_MAX for q in branches)


def test_a_pose_out_of_reach_has_no_branch():
    pose = np.eye(4)
    pose[:3, 3] = [3.0, 0.0, 0.5]
    assert arm().ik(pose) == ()


@settings(max_examples=100)
@given(configurations, arrays(np.float64, 6, elements=st.floats(-1.0, 1.0)))
def test_tool_motion_agrees_with_finite_differences_of_the_pose(position, velocity):
    acceleration = np.linspace(-1.0, 1.0, 6)
    motion = arm().tool_motion(position[None], velocity[None], acceleration[None])
    step = 1e-4
    points = [arm().fk(position + velocity * t + 0.5 * acceleration * t * t)[:3, 3] for t in (-step, 0.0, step)]
    assert np.allclose((points[2] - points[0]) / (2 * step), motion.velocity[0], atol=1e-5)
    assert np.allclose((points[2] - 2 * points[1] + points[0]) / step**2, motion.acceleration[0], atol=1e-4)
    assert np.allclose(arm().jacobian(position)[:3] @ velocity, motion.velocity[0], atol=1e-9)


def test_the_whole_task_decides_the_branch_not_its_first_pose():
    near = arm().ik(arm().fk(HOME), HOME)
    # Start next to branch 3, but the task ends on a pose that only costs little from branch 0.
    start = near[0] + 0.52 * (near[1] - near[0])
    target = near[0].copy()
    target[1:4] += 0.4
    chosen = choose_branches(arm(), start, [arm().fk(near[0]), arm().fk(target), arm().fk(near[0])])
    costs = []
    for first in near:
        second = arm().ik(arm().fk(target), first)[0]
        costs.append(
            arm().travel_cost(start, first) + arm().travel_cost(first, second) + arm().travel_cost(second, first)
        )
    total = sum(arm().travel_cost(a, b) for a, b in zip([start, *chosen[:-1]], chosen, strict=True))
    assert total <= min(costs) + 1e-9


def test_poses_joined_by_a_line_stay_on_one_branch():
    above = arm().fk(HOME)
    below = above.copy()
    below[2, 3] -= 0.1
    first, second = choose_branches(arm(), np.zeros(6), [above, below], same_branch=[(0, 1)])
    assert np.abs(second - first).max() < 0.6


def test_an_unreachable_task_names_the_pose():
    pose = np.eye(4)
    pose[0, 3] = 9.0
    with pytest.raises(KinematicsError, match=r"pose 1 of the task at \[9\.0"):
        choose_branches(arm(), HOME, [arm().fk(HOME), pose])


def test_a_description_without_the_tool_is_refused():
    with pytest.raises(KinematicsError, match="no link or frame named 'cup'"):
        Arm(urdf(), "cup")


def test_a_malformed_description_is_refused():
    with pytest.raises(KinematicsError, match="robot description"):
        Arm("<robot><link></robot>")
