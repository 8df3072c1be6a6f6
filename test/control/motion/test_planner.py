"""Plans through waypoints, around obstacles, in the shipped cell."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from bench.motion.planning import blocked_case
from workcell_control.cell.station import Station, load_arm, load_station
from workcell_control.motion.arrays import FloatArray
from workcell_control.motion.collision import (
    CONTACT_CLEARANCE_M,
    TRAVEL_CLEARANCE_M,
    BoxObstacle,
    CollisionScene,
)
from workcell_control.motion.description import load_description
from workcell_control.motion.kinematics import Arm
from workcell_control.motion.limits import MotionScales
from workcell_control.motion.planner import MotionPlanner, MoveRequest, PlanningError, Waypoint
from workcell_control.motion.trajectory import JointState, joint_move

ROOT = Path(__file__).resolve().parents[3]
SCALES = MotionScales(0.6, 0.5, 0.5)


@lru_cache
def description() -> str:
    return load_description(ROOT / "urdf" / "cell.urdf.xacro")


@lru_cache
def ur5e() -> Arm:
    return load_arm(description(), ROOT / "urdf" / "ur5e.yaml", "gripper_tcp")


@lru_cache
def station() -> Station:
    return load_station(ROOT / "config" / "station.yaml")


def scene(*obstacles: BoxObstacle) -> CollisionScene:
    return CollisionScene(ur5e(), description(), station().home, station().part, obstacles)


def place(name: str, above_m: float = 0.0) -> FloatArray:
    pose = np.array(station().poses[name])
    pose[2, 3] += above_m
    return ur5e().ik(pose, station().home)[0]


def lift_and_carry(blend_m: float) -> MoveRequest:
    lifted = Waypoint(place("infeed_pick", 0.06), "straight", blend_m)
    return MoveRequest(place("infeed_pick"), place("camera_inspect"), "free", (lifted,), SCALES, held=True)


def test_a_blend_saves_the_stop_and_says_when_it_passes():
    planner = MotionPlanner(ur5e(), scene())
    stopping, blended = planner.plan(lift_and_carry(0.0)), planner.plan(lift_and_carry(0.03))
    assert blended.trajectory.duration_s < stopping.trajectory.duration_s - 0.1
    for plan in (stopping, blended):
        assert len(plan.passed_s) == 1
        passing = plan.trajectory.position_at(plan.passed_s[0])
        lifted = ur5e().fk(place("infeed_pick", 0.06))[:3, 3]
        assert np.linalg.norm(ur5e().fk(passing)[:3, 3] - lifted) < 0.02
    stopped = stopping.trajectory.states_at(np.array(stopping.passed_s))[1]
    passed = blended.trajectory.states_at(np.array(blended.passed_s))[1]
    assert np.abs(stopped).max() < 1e-6 < 0.1 < np.abs(passed).max()


def test_the_way_stays_straight_until_the_blend():
    move = MotionPlanner(ur5e(), scene()).plan(lift_and_carry(0.03)).trajectory
    places = ur5e().chain.tool_poses(move.position)[:, :3, 3]
    low = places[places[:, 2] < places[0, 2] + 0.02]
    assert len(low) > 5
    assert np.abs(low[:, :2] - places[0, :2]).max() < 5e-4


def test_an_obstacle_beside_the_blend_makes_it_smaller_or_stop():
    free = MotionPlanner(ur5e(), scene()).plan(lift_and_carry(0.05))
    corner = ur5e().fk(place("infeed_pick", 0.06))[:3, 3]
    # Just where the part would be swept when it leaves the line early.
    post = BoxObstacle("post", (0.02, 0.02, 0.05), (corner[0], corner[1] + 0.075, corner[2] - 0.045))
    blocked = scene(post)
    plan = MotionPlanner(ur5e(), blocked).plan(lift_and_carry(0.05))
    assert plan.trajectory.duration_s >= free.trajectory.duration_s
    assert blocked.check_trajectory(plan.trajectory, held=True, near_contact=True) is None


def test_a_wall_between_two_places_is_gone_around():
    start, goal = place("camera_inspect"), place("rework_place", 0.1)
    middle = ur5e().fk(0.5 * (start + goal))[:3, 3]
    blocked = scene(BoxObstacle("wall", (0.3, 0.03, 0.35), (middle[0], middle[1], 0.92), 0.6))
    request = MoveRequest(start, goal, scales=SCALES, held=True)
    direct = joint_move(JointState.at_rest(start), goal, ur5e().limits.scaled(SCALES))
    assert "wall" in str(blocked.check_trajectory(direct, held=True))
    plan = MotionPlanner(ur5e(), blocked).plan(request)
    assert plan.via_count >= 1
    assert blocked.check_trajectory(plan.trajectory, held=True) is None
    again = MotionPlanner(ur5e(), blocked).plan(request)
    assert np.array_equal(plan.trajectory.position, again.trajectory.position)


def test_a_goal_shut_in_is_refused_by_name():
    goal = place("camera_inspect")
    at = ur5e().fk(goal)[:3, 3]
    lid = BoxObstacle("lid", (0.3, 0.3, 0.02), (at[0], at[1], at[2] - 0.005))
    with pytest.raises(PlanningError, match=r"at its goal lid comes too near to|at its goal .* comes too near to lid"):
        MotionPlanner(ur5e(), scene(lid)).plan(MoveRequest(place("infeed_pick", 0.06), goal, scales=SCALES, held=True))


def test_retiming_is_faster():
    for blend_m in (0.02, 0.05):
        quick = MotionPlanner(ur5e(), scene()).plan(lift_and_carry(blend_m))
        retimed = MotionPlanner(ur5e(), scene(), is_retimed=True).plan(lift_and_carry(blend_m))
        assert retimed.trajectory.duration_s < 0.97 * quick.trajectory.duration_s


def test_a_line_is_the_same_both_ways_between_exactly_its_ends():
    planner = MotionPlanner(ur5e(), scene())
    low, high = place("infeed_pick"), place("infeed_pick", 0.06)
    down, up = (planner.plan(MoveRequest(a, b, "straight", scales=SCALES)) for a, b in ((high, low), (low, high)))
    for plan, ends in ((down, (high, low)), (up, (low, high))):
        assert np.array_equal(plan.trajectory.start.position, ends[0])
        assert np.allclose(plan.trajectory.end.position, ends[1], atol=1e-12)
    assert up.trajectory.duration_s == pytest.approx(down.trajectory.duration_s, rel=1e-3)


def test_a_plan_says_whether_the_tools_bound_slowed_it():
    planner = MotionPlanner(ur5e(), scene())
    request = lift_and_carry(0.03)
    gentle = planner.plan(replace(request, acceleration_max_m_s2=2.0))
    assert gentle.is_slowed
    assert gentle.tool_acceleration_max_m_s2 <= 2.0
    assert not planner.plan(request).is_slowed


def test_scenes_that_differ_have_different_keys():
    box = BoxObstacle("box", (0.1, 0.1, 0.1), (1.0, 0.0, 1.0))
    assert scene().key == scene().key
    assert scene().key != scene(box).key


def test_whole_moves_are_checked_as_a_dense_look_finds_them():
    rng = np.random.default_rng(5)
    checked = scene()
    hits = 0
    for _ in range(40):
        start = np.clip(station().home + rng.uniform(-1.2, 1.2, 6), -3.1, 3.1)
        if checked.distance(start, held=True) < TRAVEL_CLEARANCE_M:
            continue
        goal = np.clip(start + rng.uniform(-1.0, 1.0, 6), -3.1, 3.1)
        move = joint_move(JointState.at_rest(start), goal, ur5e().limits)
        rows = move.states_at(np.linspace(0.0, move.duration_s, 60))[0]
        nearest = min(checked.distance(row, held=True) for row in rows)
        found = checked.check_trajectory(move, held=True)
        hits += found is not None
        assert found is not None or nearest >= TRAVEL_CLEARANCE_M - 1e-6
        # Sixty looks may pass a place between two of them by; what is far off is no collision in any case.
        assert found is None or nearest < TRAVEL_CLEARANCE_M + 0.02
    assert hits > 5


def test_places_are_free_one_by_one_as_the_check_says():
    rng = np.random.default_rng(6)
    checked = scene()
    rows = np.clip(station().home + rng.uniform(-1.5, 1.5, (40, 6)), -3.1, 3.1)
    expected = [checked.check(row[None], held=True) is None for row in rows]
    assert checked.free_each(ur5e().chain.frames(rows), held=True).tolist() == expected
    assert 5 < sum(expected) < 40
    assert CONTACT_CLEARANCE_M < TRAVEL_CLEARANCE_M


def test_no_pair_that_comes_near_is_left_out():
    checked = scene()
    rows = np.random.default_rng(9).uniform(-np.pi, np.pi, (200, 6))
    distances = np.array([checked.distance(row, held=True) for row in rows])
    free = checked.free_each(ur5e().chain.frames(rows), held=True)
    assert free.tolist() == (distances >= TRAVEL_CLEARANCE_M).tolist()
    assert 20 < free.sum() < 180


def test_outlines_follow_the_tool():
    rows = np.stack([place("camera_inspect"), place("infeed_pick", 0.06)])
    outlines = dict(scene().outlines(rows, held=True))
    assert outlines["held_part"].shape == (2, 8, 3)
    for corners, row in zip(outlines["held_part"], rows, strict=True):
        assert np.linalg.norm(corners.mean(axis=0) - ur5e().fk(row)[:3, 3]) < 2e-3
    assert "held_part" not in dict(scene().outlines(rows, held=False))
    assert len(scene().still_boxes()) >= 8


def test_a_way_that_is_too_tight_for_the_move_is_looked_for_elsewhere():
    # Of this scene the first way found leaves less space than a move along it is measured with.
    blocked, request = blocked_case(100_012)
    plan = MotionPlanner(ur5e(), blocked).plan(request)
    assert blocked.check_trajectory(plan.trajectory, held=True) is None
