"""Collision checks and the way around an obstacle."""

from __future__ import annotations

import math

import numpy as np
import pytest
from ur5e_arm import HOME, arm, urdf

from workcell_control.motion.collision import CollisionScene, HeldPart
from workcell_control.motion.grip import SuctionGrip
from workcell_control.motion.kinematics import Arm
from workcell_control.motion.limits import MotionScales
from workcell_control.motion.planner import MotionPlanner, MoveRequest, PlanningError

PART = HeldPart((0.1, 0.1, 0.002))
GOAL = HOME + np.array([1.0, 0, 0, 0, 0, 1.0])


def planner(obstacle_at: np.ndarray | None = None, tool_rpy: str = "0 0 0") -> MotionPlanner:
    place = "" if obstacle_at is None else " ".join(f"{v:.4f}" for v in obstacle_at)
    text = urdf(place, tool_rpy=tool_rpy)
    model = Arm(text)
    return MotionPlanner(model, CollisionScene(model, text, HOME, PART))


def midway() -> np.ndarray:
    """The tool's place half way from HOME to GOAL."""
    return Arm(urdf(tool_rpy="0 0 0")).fk((HOME + GOAL) / 2)[:3, 3]


def test_a_free_way_is_taken_directly():
    plan = planner().plan(MoveRequest(HOME, GOAL))
    assert plan.via_count == 0
    assert np.allclose(plan.trajectory.end.position, GOAL)


def test_an_obstacle_is_found_and_passed_by_a_waypoint():
    blocked = planner(midway() - [0, 0, 0.1])
    straight_through = np.linspace(HOME, GOAL, 50)
    hit = blocked.scene.check(straight_through, held=False)
    assert hit is not None
    assert {hit.first, hit.second} == {"post_0", "tool0_0"}
    plan = blocked.plan(MoveRequest(HOME, GOAL))
    assert plan.via_count == 1
    assert blocked.scene.check(plan.trajectory.position, held=False) is None


def test_a_held_part_needs_more_room_than_the_tool_alone():
    # The top of the obstacle is 3 cm below the tool's path: only the part's width and clearance count.
    low = planner(midway() - [0.0, 0.0, 0.1 + 0.005])
    path = np.linspace(HOME, GOAL, 50)
    assert low.scene.check(path, held=True) is not None


def test_a_part_may_touch_what_it_lies_on_only_on_a_straight_approach():
    tool = Arm(urdf(tool_rpy="0 0 0")).fk(HOME)[:3, 3]
    scene = planner(tool - [0, 0, 0.105]).scene
    path = HOME[None]
    assert scene.check(path, held=True) is not None
    assert scene.check(path, held=True, near_contact=True) is None


def test_a_goal_inside_an_obstacle_is_refused_with_names():
    goal_place = Arm(urdf(tool_rpy="0 0 0")).fk(GOAL)[:3, 3]
    with pytest.raises(PlanningError, match=r"free move: at its goal .*post_0 comes too near to"):
        planner(goal_place).plan(MoveRequest(HOME, GOAL))


def test_a_thin_gap_between_samples_is_not_jumped():
    blocked = planner(midway() - [0, 0, 0.1])
    assert blocked.scene.check(np.array([HOME, GOAL]), held=False) is not None


def test_the_grip_slows_a_move_down_to_its_bound():
    free = planner()
    fast = free.plan(MoveRequest(HOME, GOAL, scales=MotionScales(1.0, 1.0, 1.0)))
    bound = 2.0
    gentle = free.plan(MoveRequest(HOME, GOAL, scales=MotionScales(1.0, 1.0, 1.0), acceleration_max_m_s2=bound))
    assert fast.tool_acceleration_max_m_s2 > bound
    assert gentle.is_slowed
    assert gentle.trajectory.duration_s > fast.trajectory.duration_s
    move = gentle.trajectory
    motion = free.arm.tool_motion(move.position, move.velocity, move.acceleration)
    assert np.linalg.norm(motion.acceleration, axis=1).max() <= bound * (1 + 1e-9)


def test_a_repeated_move_comes_from_memory_and_a_changed_one_does_not():
    cell = planner()
    request = MoveRequest(HOME, GOAL)
    first = cell.plan(request)
    again = cell.plan(MoveRequest(HOME + 1e-6, GOAL))
    assert again is first
    assert (cell.hits, cell.misses) == (1, 1)
    cell.plan(MoveRequest(HOME, GOAL, scales=MotionScales(0.9, 0.9, 0.9)))
    cell.plan(MoveRequest(HOME, GOAL, held=True))
    assert (cell.hits, cell.misses) == (1, 3)


def test_a_straight_move_onto_another_branch_is_refused():
    other = next(q for q in arm().ik(arm().fk(HOME), HOME) if np.abs(q - HOME).max() > 1.0)
    text = urdf()
    cell = MotionPlanner(arm(), CollisionScene(arm(), text, HOME, PART))
    above = HOME.copy()
    above[0] += 0.05
    with pytest.raises(PlanningError, match="another branch"):
        cell.plan(MoveRequest(above, other, kind="straight"))


def test_a_stronger_vacuum_allows_more_acceleration_and_none_allows_none():
    grip = SuctionGrip(cup_radius_m=0.005, part_mass_kg=0.12)
    assert grip.acceleration_max(10e3) == 0.0
    assert 0.0 < grip.acceleration_max(40e3) < grip.acceleration_max(80e3)
    force = 80e3 * math.pi * 0.005**2
    assert grip.acceleration_max(80e3) == pytest.approx(0.5 * (force / (0.12 * 1.5) - 9.80665))
    with pytest.raises(ValueError, match="part_mass_kg"):
        SuctionGrip(0.005, 0.0)
