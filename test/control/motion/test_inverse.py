"""Inverse kinematics of shipped, calibrated and foreign arms: all branches, one pose or many, the same answer."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from ur5e_arm import HOME, arm, crooked_arm

from workcell_control.cell.station import load_arm
from workcell_control.motion.branches import choose_branches
from workcell_control.motion.description import load_description
from workcell_control.motion.ik import POSE_ERROR_MAX, nearest_turns
from workcell_control.motion.kinematics import Arm

URDF = Path(__file__).resolve().parents[3] / "urdf"
SHIPPED = ("ur3e", "ur5e", "ur10e", "ur16e")
CALIBRATION = """
kinematics:
  shoulder: {x: 0, y: 0, z: 0.16248, roll: 0, pitch: 0, yaw: 8.3e-06}
  upper_arm: {x: 8.1e-05, y: 0, z: 0, roll: 1.570129, pitch: 0, yaw: 2.6e-05}
  forearm: {x: -0.42489, y: 0, z: 0, roll: 0.00123, pitch: -0.00052, yaw: 3.1e-05}
  wrist_1: {x: -0.39217, y: -0.00021, z: 0.1331, roll: 0.00158, pitch: 0.00041, yaw: -2.1e-05}
  wrist_2: {x: 5.1e-05, y: -0.09971, z: 6.4e-05, roll: 1.570152, pitch: 0, yaw: 1.2e-05}
  wrist_3: {x: -3.1e-05, y: 0.09953, z: 4.1e-05, roll: 1.5703, pitch: 3.141592653589793, yaw: 3.14158}
  hash: calib_0000000000000000
"""


@lru_cache
def shipped(name: str, calibration: str = "") -> Arm:
    file = URDF / f"{name}.yaml"
    arguments = {"arm_parameters": str(file), "calibration": calibration}
    return load_arm(load_description(URDF / "cell.urdf.xacro", arguments), file, "gripper_tcp")


def drawn(count: int, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-3.1, 3.1, (count, 6))


def found(branches: np.ndarray) -> np.ndarray:
    return branches[~np.isnan(branches[:, 0])]


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_arm_is_solved_on_every_branch(name):
    model, positions = shipped(name), drawn(300)
    assert model.is_analytic
    poses = model.chain.tool_poses(positions)
    branches = model.ik_batch(poses, positions)
    nearest = np.nanmin(np.abs(branches - positions[:, None]).max(axis=2), axis=1)
    assert nearest.max() < 1e-6
    for index in range(0, 300, 10):
        rows = found(branches[index])
        assert max(model.pose_error(row, poses[index]) for row in rows) <= POSE_ERROR_MAX
        assert len(rows) % 2 == 0


def test_one_pose_and_many_give_the_same_branches():
    positions = drawn(200)
    poses = arm().chain.tool_poses(positions)
    for position, pose, many in zip(positions, poses, arm().ik_batch(poses, positions), strict=True):
        one, batch = np.array(arm().ik(pose, position)), found(many)
        assert one.shape == batch.shape
        # Just half a turn from the seed, rounding decides to which side a joint is turned.
        apart = np.abs(np.exp(1j * one[:, None]) - np.exp(1j * batch)).max(axis=2)
        assert apart.min(axis=1).max() < 1e-6


def test_a_calibrated_robot_is_solved_with_its_own_offsets(tmp_path):
    file = tmp_path / "calibration.yaml"
    file.write_text(CALIBRATION)
    calibrated, nominal = shipped("ur5e", str(file)), shipped("ur5e")
    shift = calibrated.fk(HOME)[:3, 3] - nominal.fk(HOME)[:3, 3]
    assert 1e-4 < np.linalg.norm(shift) < 5e-3
    positions = drawn(200)
    poses = calibrated.chain.tool_poses(positions)
    branches = calibrated.ik_batch(poses, positions)
    for pose, rows in zip(poses[::10], branches[::10], strict=True):
        assert max(calibrated.pose_error(row, pose) for row in found(rows)) <= POSE_ERROR_MAX
    has_seed = np.nanmin(np.abs(branches - positions[:, None]).max(axis=2), axis=1) < 1e-6
    # At the very end of reach the ideal neighbour's branch may end before the real arm's does.
    assert has_seed.mean() > 0.97
    assert not np.isnan(branches[:, 0, 0]).any()


def test_the_batched_chain_agrees_with_pinocchio():
    positions = drawn(50)
    frames = crooked_arm().chain.frames(positions)
    jacobians = crooked_arm().chain.jacobian(frames)
    for index, position in enumerate(positions):
        assert np.abs(crooked_arm().fk(position) - crooked_arm().chain.tool_poses(position[None])[0]).max() < 1e-12
        assert np.abs(crooked_arm().jacobian(position) - jacobians[index]).max() < 1e-12


def test_a_straight_wrist_keeps_the_seed_of_the_last_joint():
    straight = HOME.copy()
    straight[4] = 0.0
    model = shipped("ur5e")
    pose = model.fk(straight)
    best = model.ik_batch(pose[None], straight[None])[0]
    assert np.nanmin(np.abs(best - straight).max(axis=1)) < 1e-6
    assert model.singularity_distance(straight) < 1e-9 < model.singularity_distance(HOME)


def test_a_joint_without_a_turn_inside_its_range_is_no_solution():
    limits = shipped("ur5e").limits
    outside = np.array([0.0, 0.0, 3.5, 0.0, 0.0, 0.0])
    assert np.abs(nearest_turns(outside, np.zeros(6), limits)[2] - (3.5 - 2 * np.pi)) < 1e-12
    narrow = type(limits)(np.full(6, -1.0), np.full(6, 1.0), limits.velocity, limits.acceleration, limits.jerk)
    assert np.isnan(nearest_turns(outside, np.zeros(6), narrow)).all()


def test_a_task_avoids_a_branch_that_would_have_to_turn_far_later():
    model = shipped("ur5e")
    first = HOME + 0.0
    poses = [model.fk(first + np.array([0.3 * k, 0, 0, 0, 0, 0])) for k in range(8)]
    chosen = choose_branches(model, first + 5.5 * np.eye(6)[0], poses)
    # Winding on from the far side would end beyond the joint's range; the whole task is one turn further down.
    assert all(model.limits.contains(position) for position in chosen)
    steps = np.abs(np.diff(np.array(chosen), axis=0)).max()
    assert steps < 2 * np.pi


def test_the_task_costs_no_more_than_any_choice_of_branches():
    rng = np.random.default_rng(8)
    model = arm()
    for start in (HOME, HOME + 4.0 * np.eye(6)[0], rng.uniform(-6.0, 6.0, 6)):
        poses = model.chain.tool_poses(rng.uniform(-2.0, 2.0, (3, 6)))
        chosen = choose_branches(model, start, poses)
        branches = [found(rows) for rows in model.ik_batch(poses)]
        best = min(_cost(model, start, rows) for rows in itertools.product(*branches))
        assert _cost(model, start, chosen) <= best + 1e-9
        for pose, row in zip(poses, chosen, strict=True):
            assert model.pose_error(row, pose) <= POSE_ERROR_MAX
            assert model.limits.contains(row)


def _cost(model: Arm, start: np.ndarray, rows: Sequence[np.ndarray]) -> float:
    """Of a task, every joint given the turn nearest to where it comes from."""
    total, last = 0.0, start
    for row in rows:
        turned = nearest_turns(row, last, model.limits)
        total += model.travel_cost(last, turned)
        total += 0.5 * max(0.0, 1.0 - model.singularity_distance(turned) / 0.03)
        last = turned
    return total


def test_a_branch_that_is_not_allowed_is_not_chosen():
    model = arm()
    poses = model.chain.tool_poses(np.stack([HOME, HOME + 0.3]))
    free = choose_branches(model, HOME, poses)
    asked = []

    taken = model.chain.frames(free[1][None]).origin

    def are_allowed(frames):
        asked.extend(frames.origin.T)
        return np.abs(frames.origin - taken).max(axis=(0, 1)) > 1e-6

    other = choose_branches(model, HOME, poses, are_allowed=are_allowed)
    assert np.abs(other[1] - free[1]).max() > 0.1
    assert len(asked) <= 6  # only what would be chosen
