"""Plans one whole cycle of the cell without ROS: the way of a part from the infeed past the camera into a bin.

Run it from the repository's root: python examples/plan_pick.py
"""

from __future__ import annotations

import time
from pathlib import Path

from workcell_control.cell.station import load_arm, load_station
from workcell_control.cell.task import CellTask, Tuning
from workcell_control.motion.collision import CollisionScene
from workcell_control.motion.description import load_description
from workcell_control.motion.planner import MotionPlanner

ROOT = Path(__file__).resolve().parent.parent
# Waypoint, on a straight line?, with the part?
CYCLE = (
    ("infeed_pick", True, False),
    ("infeed_above", True, True),
    ("camera_inspect", False, True),
    ("accept_above", False, True),
    ("accept_place", True, True),
    ("clear", True, False),
    ("infeed_above", False, False),
)
DEFAULTS = Tuning(
    speed_scale=0.6,
    acceleration_scale=0.5,
    jerk_scale=0.5,
    part_acceleration_max_m_s2=7.0,
    grip_vacuum_pa=55e3,
    grip_dwell_s=0.2,
    settle_s=0.2,
)


def main() -> float:
    """Prints the moves of one cycle; returns their total time in [s]."""
    station = load_station(ROOT / "config" / "station.yaml")
    urdf = load_description(ROOT / "urdf" / "cell.urdf.xacro")
    arm = load_arm(urdf, ROOT / "urdf" / "ur5e.yaml", station.tool_frame)
    planner = MotionPlanner(arm, CollisionScene(arm, urdf, station.home, station.part))
    task = CellTask(planner, station, approach_speed_max_m_s=0.5)
    print(f"{'to':16} {'way':8} {'time s':>7} {'tool m/s^2':>11} {'planned in ms':>14}")
    start, total_s = task.waypoints["infeed_above"], 0.0
    for waypoint, is_straight, is_held in CYCLE:
        begun = time.perf_counter()
        plan = task.plan(start, waypoint, is_straight=is_straight, is_held=is_held, tuning=DEFAULTS)
        spent_ms = (time.perf_counter() - begun) * 1e3
        move = plan.trajectory
        way = "straight" if is_straight else "free"
        peak = plan.tool_acceleration_max_m_s2
        print(f"{waypoint:16} {way:8} {move.duration_s:7.3f} {peak:11.2f} {spent_ms:14.2f}")
        start, total_s = move.end.position, total_s + move.duration_s
    print(f"{'moves of a cycle':25} {total_s:7.3f}")
    return total_s


if __name__ == "__main__":
    main()
