"""Planning from cold: a part's whole way with inverse kinematics and collision checks, and ways around obstacles."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from bench.motion.demo_cell import SERIES_APART, arm, scene, spread, station, timed
from bench.output import show
from workcell_control.cell.station import Station
from workcell_control.cell.steps import CLEAR, Way
from workcell_control.cell.task import CellTask, Tuning
from workcell_control.motion.collision import BoxObstacle, CollisionScene
from workcell_control.motion.kinematics import KinematicsError
from workcell_control.motion.limits import MotionScales
from workcell_control.motion.planner import MotionPlanner, MoveRequest
from workcell_control.motion.trajectory import JointState, TrajectoryError, joint_move

PLANS = 300
BLOCKED = 20
SHIFT_M = 0.02
TUNING = Tuning(
    speed_scale=0.6,
    acceleration_scale=0.5,
    jerk_scale=0.5,
    part_acceleration_max_m_s2=6.0,
    grip_vacuum_pa=55e3,
    grip_dwell_s=0.2,
    settle_s=0.2,
)
WAYS = (
    (("infeed_above", True, True), ()),
    (("camera_inspect", False, True), ()),
    (("accept_above", False, True), (Way("accept_place", True),)),
    ((CLEAR, True, False), (Way("infeed_above"), Way("infeed_pick", True))),
)
"""Of one part, from the pick on: first waypoint, straight?, with the part?; and what follows without a stop. The arm
stands after lifting, as the sequence has it: there a grip is judged."""


def measure(share: float, series: int) -> dict[str, Any]:
    return {"cycle": _cycles(max(10, int(PLANS * share)), series), "blocked": _blocked(series)}


def _cycles(count: int, series: int) -> dict[str, Any]:
    rng = np.random.default_rng(51 + SERIES_APART * series)
    still = scene()
    spent, durations = [], []
    for _ in range(count):
        shifted = _shifted_station(rng)
        duration_s, cold_s = timed(partial(plan_cycle, still, shifted))
        spent.append(1e3 * cold_s)
        durations.append(duration_s)
    retimed = [timed(partial(plan_cycle, still, _shifted_station(rng), is_retimed=True)) for _ in range(count // 5)]
    figures: dict[str, Any] = {
        "plans": count,
        "ms": spread(spent),
        "duration_s_median": float(np.median(durations)),
        "retimed_ms_median": 1e3 * float(np.median([cold_s for _, cold_s in retimed])),
        "retimed_duration_s_median": float(np.median([duration_s for duration_s, _ in retimed])),
    }
    rows: list[list[object]] = [
        ["plans of a whole pick, inspection and place", count],
        ["ms, median", figures["ms"]["median"]],
        ["ms, 99th percentile", figures["ms"]["p99"]],
        ["s of motion, median", figures["duration_s_median"]],
        ["retimed as the cell does: ms, median", figures["retimed_ms_median"]],
        ["retimed: s of motion, median", figures["retimed_duration_s_median"]],
    ]
    show("From cold: inverse kinematics, branches, four moves, collision checks", ["figure", "value"], rows)
    return figures


def plan_cycle(still: CollisionScene, where: Station, *, is_retimed: bool = False) -> float:
    """Plans from nothing but the scene; returns the time of the moves in [s]."""
    planner = MotionPlanner(arm(), still, is_retimed=is_retimed)
    task = CellTask(planner, where, approach_speed_max_m_s=0.5)
    start, total_s = task.waypoints["infeed_pick"], 0.0
    for (waypoint, is_straight, is_held), onward in WAYS:
        plan = task.plan(start, waypoint, is_straight=is_straight, is_held=is_held, tuning=TUNING, onward=onward)
        start, total_s = plan.trajectory.end.position, total_s + plan.trajectory.duration_s
    return total_s


def _shifted_station(rng: np.random.Generator) -> Station:
    """The station with every place a little elsewhere: no plan is like another."""
    poses = {}
    for name, pose in station().poses.items():
        moved = np.array(pose)
        moved[:2, 3] += rng.uniform(-SHIFT_M, SHIFT_M, 2)
        poses[name] = moved
    return replace(station(), poses=poses)


def _blocked(series: int) -> dict[str, Any]:
    spent, vias, unsolved, checked = [], [], 0, 0
    for seed in range(BLOCKED):
        blocked, request = blocked_case(seed + SERIES_APART * series)
        planner = MotionPlanner(arm(), blocked)
        try:
            plan, cold_s = timed(partial(planner.plan, request))
        except TrajectoryError:
            unsolved += 1
            continue
        again = MotionPlanner(arm(), blocked).plan(request)
        checked += blocked.check_trajectory(plan.trajectory, held=True) is None
        assert np.array_equal(again.trajectory.position, plan.trajectory.position), "the same seed found another way"
        spent.append(1e3 * cold_s)
        vias.append(plan.via_count)
    figures: dict[str, Any] = {
        "scenes": BLOCKED,
        "solved": len(spent),
        "free_by_check": checked,
        "ms": spread(spent),
        "corners_median": float(np.median(vias)),
    }
    rows: list[list[object]] = [
        ["seeded blocked scenes", BLOCKED],
        ["solved", len(spent)],
        ["ms, median", figures["ms"]["median"]],
        ["ms, slowest", figures["ms"]["max"]],
        ["corners, median", figures["corners_median"]],
    ]
    show("Blocked scenes", ["figure", "value"], rows)
    return figures


def blocked_case(seed: int) -> tuple[CollisionScene, MoveRequest]:
    """Boxes on the table between two free places so that the direct move of the part runs into one."""
    rng = np.random.default_rng(1000 + seed)
    while True:
        start, goal = _free_place(rng), _free_place(rng)
        if start is None or goal is None or np.abs(goal - start).max() < 0.8:
            continue
        middle = arm().fk(0.5 * (start + goal))[:3, 3]
        blocked = scene(tuple(_box(rng, middle, number) for number in range(int(rng.integers(1, 4)))))
        if any(blocked.check(end[None], held=True) is not None for end in (start, goal)):
            continue
        scales = MotionScales(0.6, 0.5, 0.5)
        direct = joint_move(JointState.at_rest(start), goal, arm().limits.scaled(scales))
        if blocked.check_trajectory(direct, held=True) is not None:
            return blocked, MoveRequest(start, goal, scales=scales, held=True)


def _free_place(rng: np.random.Generator) -> Any:
    """A configuration with the tool down over the table, or None where it is not reached freely."""
    pose = np.array(station().poses["camera_inspect"])
    pose[:3, 3] = [rng.uniform(-0.3, 0.5), rng.uniform(-0.4, 0.5), rng.uniform(0.95, 1.2)]
    if np.hypot(pose[0, 3], pose[1, 3]) < 0.35:
        return None
    try:
        found = arm().ik(pose, station().home)
    except KinematicsError:
        return None
    return found[0] if found else None


def _box(rng: np.random.Generator, middle: Any, number: int) -> BoxObstacle:
    near = middle[:2] + rng.uniform(-0.12, 0.12, 2)
    height = float(rng.uniform(0.25, 0.55))
    size = (float(rng.uniform(0.04, 0.2)), float(rng.uniform(0.04, 0.2)), height)
    return BoxObstacle(f"box_{number}", size, (float(near[0]), float(near[1]), 0.75 + height / 2), rng.uniform(0, 3.1))
