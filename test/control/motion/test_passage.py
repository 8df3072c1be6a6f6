"""Moves through waypoints: blended paths, their timing, smoothing and every bound."""

from __future__ import annotations

import itertools
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workcell_control.cell.station import load_arm
from workcell_control.motion import passage
from workcell_control.motion.description import load_description
from workcell_control.motion.dynamics import ArmDynamics, Payload
from workcell_control.motion.kinematics import Arm
from workcell_control.motion.limits import JointLimits, MotionScales
from workcell_control.motion.passage import (
    MotionBounds,
    move_along,
    move_through,
    path_through,
    tool_acceleration_peak,
    torque_excess,
)
from workcell_control.motion.path import blend_reach, blended, curve_leg, straight_leg
from workcell_control.motion.retiming import retimed
from workcell_control.motion.smoothing import smoothed
from workcell_control.motion.trajectory import JointState, JointTrajectory, joint_move

URDF = Path(__file__).resolve().parents[3] / "urdf"
HOME = np.array([-0.44, -1.57, 1.57, -1.57, -1.57, 1.13])


@lru_cache
def ur5e() -> Arm:
    file = URDF / "ur5e.yaml"
    return load_arm(load_description(URDF / "cell.urdf.xacro"), file, "gripper_tcp")


def waypoints(seed: int, count: int = 4) -> np.ndarray:
    steps = np.random.default_rng(seed).uniform(-0.8, 0.8, (count, 6))
    return np.clip(np.vstack([HOME, HOME + np.cumsum(steps, axis=0)]), -3.1, 3.1)


def shares_used(trajectory: JointTrajectory, limits: JointLimits) -> tuple[float, float, float]:
    times = np.arange(0.0, trajectory.duration_s, 0.001)
    _, velocity, acceleration, jerk = trajectory.states_at(times)
    return (
        float(np.abs(velocity / limits.velocity).max()),
        float(np.abs(acceleration / limits.acceleration).max()),
        float(np.abs(jerk / limits.jerk).max()),
    )


scales = st.builds(MotionScales, speed=st.floats(0.2, 1.0), acceleration=st.floats(0.2, 1.0), jerk=st.floats(0.2, 1.0))


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(2, 6), scales)
def test_every_bound_of_the_joints_holds_between_samples_too(seed, count, scale):
    limits = ur5e().limits.scaled(scale)
    rows = waypoints(seed, count)
    move = move_through(ur5e(), rows, 0.2, MotionBounds(limits))
    assert max(shares_used(move, limits)) <= 1.0 + 1e-6
    assert np.array_equal(move.start.position, rows[0])
    assert np.allclose(move.end.position, rows[-1], atol=1e-12)
    assert move.start.is_at_rest
    assert move.end.is_at_rest


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.floats(0.02, 0.3))
def test_waypoints_are_passed_within_the_tolerance(seed, tolerance):
    rows = waypoints(seed)
    move = move_through(ur5e(), rows, tolerance, MotionBounds(ur5e().limits))
    for row in rows[1:-1]:
        assert np.linalg.norm(move.position - row, axis=1).min() <= tolerance


def test_passing_waypoints_is_faster_than_stopping_at_them():
    for seed in range(10):
        rows = waypoints(seed)
        through = move_through(ur5e(), rows, 0.2, MotionBounds(ur5e().limits)).duration_s
        stopping = sum(
            joint_move(JointState.at_rest(a), b, ur5e().limits).duration_s for a, b in itertools.pairwise(rows)
        )
        assert through < stopping


def test_the_tool_keeps_the_grip_bound():
    bounds = MotionBounds(ur5e().limits, tool_acceleration_max_m_s2=4.0)
    for seed in range(10):
        move = move_through(ur5e(), waypoints(seed), 0.2, bounds)
        fine = np.arange(0.0, move.duration_s, 0.001)
        motion = ur5e().tool_motion(*move.states_at(fine)[:3])
        assert np.linalg.norm(motion.acceleration, axis=1).max() <= 4.0 * 1.002
        assert tool_acceleration_peak(ur5e(), move) <= 4.0 * (1.0 + 1e-6)


def test_a_heavy_payload_slows_the_move_to_the_torque_limits():
    heavy = ArmDynamics(ur5e(), Payload(5.0, (0.0, 0.0, 0.15)))
    light = ArmDynamics(ur5e())
    slower = 0
    for seed in range(10):
        rows = waypoints(seed)
        fast = move_through(ur5e(), rows, 0.2, MotionBounds(ur5e().limits, dynamics=light))
        slow = move_through(ur5e(), rows, 0.2, MotionBounds(ur5e().limits, dynamics=heavy))
        assert torque_excess(fast, light) <= 1.0
        assert torque_excess(slow, heavy) <= 1.0
        slower += slow.duration_s > fast.duration_s * 1.001
    assert slower > 0


def test_torques_left_out_of_the_search_are_looked_at_again_where_they_are_exceeded(monkeypatch):
    heavy = ArmDynamics(ur5e(), Payload(5.0, (0.0, 0.0, 0.15)))
    bounds = MotionBounds(ur5e().limits, dynamics=heavy, is_retimed=True)
    tries = []
    monkeypatch.setattr(passage, "retimed", lambda *given: tries.append(bool(given[2].rows)) or retimed(*given))
    monkeypatch.setattr(passage, "_TORQUE_FAR", 1.0)
    for seed in range(6):
        tries.append(None)
        assert torque_excess(move_along(ur5e(), path_through(waypoints(seed), 0.2), bounds), heavy) <= 1.0
    assert [None, False, True] in [tries[at : at + 3] for at in range(len(tries))]


def test_a_payload_shows_in_the_torques():
    zero = np.zeros((1, 6))
    bare = ArmDynamics(ur5e()).torques(HOME[None], zero, zero)
    loaded = ArmDynamics(ur5e(), Payload(2.0)).torques(HOME[None], zero, zero)
    lever_m = np.linalg.norm((ur5e().fk(HOME)[:3, 3] - [0.0, 0.0, 0.75])[:2])
    assert abs(loaded[0, 1] - bare[0, 1]) <= 2.0 * 9.81 * lever_m + 1e-9
    assert abs(loaded[0, 1] - bare[0, 1]) > 2.0
    with pytest.raises(ValueError, match="payload mass -1"):
        Payload(-1.0)


def test_the_rate_bound_of_a_leg_holds():
    rows = np.linspace(HOME, HOME + 0.3, 9)
    leg = curve_leg(rows, tool_length_m=0.5, speed_max_m_s=0.1)
    move = move_along(ur5e(), blended([leg], []), MotionBounds(ur5e().limits))
    assert move.duration_s > 5.0
    assert move.duration_s < 5.5


def test_a_blend_passes_a_corner_at_its_tolerance():
    a, b, c = np.zeros(6), np.eye(6)[0], np.eye(6)[0] + np.eye(6)[1]
    path = path_through(np.stack([a, b, c]), 0.1)
    places = path.sample(np.linspace(0.0, path.length, 2001))
    assert np.linalg.norm(places - b, axis=1).min() == pytest.approx(0.1, rel=1e-3)
    assert blend_reach(a, b, 2 * b, 0.1) == np.inf
    slope = path.sample(np.linspace(0.0, path.length, 2001), 1)
    assert np.abs(np.diff(slope, axis=0)).max() < 0.01


def test_a_short_leg_between_two_corners_shares_its_length():
    legs = [
        straight_leg(a, b) for a, b in ((0.0, 1.0), (1.0, 1.1), (1.1, 2.0)) for a, b in [(np.full(2, a), np.full(2, b))]
    ]
    path = blended(legs, [10.0, 10.0])
    assert np.allclose(path.sample(np.array([0.0, path.length])), [[0.0, 0.0], [2.0, 2.0]])


def test_smoothing_keeps_ends_and_bounds_jerk():
    steps = np.linspace(0.0, 1.0, 30)[:, None] * np.array([[1.0, -2.0]])
    move = smoothed(steps, 0.02, np.array([50.0, 80.0]))
    assert np.array_equal(move.start.position, steps[0])
    assert np.allclose(move.end.position, steps[-1])
    jerk = np.diff(move.acceleration, axis=0) / np.diff(move.time_s)[:, None]
    assert np.abs(jerk / [50.0, 80.0]).max() <= 1.0 + 1e-6
    assert np.abs(move.velocity).max() <= np.abs(np.diff(steps, axis=0)).max() / 0.02 + 1e-9
