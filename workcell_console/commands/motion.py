"""`workcell motion plan | preview`: plans a move of the configured cell, tells its figures, animates it."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from workcell_console.cell_arguments import CellArguments, station_path
from workcell_console.motion_report import MoveFigures, figures_of, preview_page
from workcell_console.shift import SHARE_DIR
from workcell_control.cell.assembly import build_task
from workcell_control.cell.cell_parameters import CellParameters
from workcell_control.cell.task import CellTask
from workcell_control.motion.arrays import FloatArray
from workcell_control.motion.dynamics import ArmDynamics, Payload
from workcell_control.motion.kinematics import KinematicsError
from workcell_control.motion.limits import MotionScales
from workcell_control.motion.planner import MotionPlanner, MoveRequest, Plan, Waypoint
from workcell_control.motion.trajectory import TrajectoryError
from workcell_ros.errors import WorkcellError

LINE = "line:"
DEFAULT_PAGE = Path("out/motion.html")


def add(subparsers: Any) -> None:
    """Describes the commands."""
    text = "plan a move of the configured cell; tell its figures, or animate it in a page"
    parser = subparsers.add_parser("motion", help=text, description=text)
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    for name, run, what in (
        ("plan", _plan, "plan a move and print its figures"),
        ("preview", _preview, "plan a move and write a page of one file that animates it"),
    ):
        action = actions.add_parser(name, help=what, description=what)
        action.add_argument("start", help="where it begins: a waypoint, or six joint angles as `a,b,c,d,e,f` in rad")
        action.add_argument(
            "goals", nargs="+", help=f"where it goes, the same, one after the other; `{LINE}` before it: straight there"
        )
        action.add_argument("--held", action="store_true", help="with a part on the tool")
        action.add_argument("--blend", type=float, default=0.03, metavar="M", help="how far before a waypoint to leave")
        for scale in ("speed", "acceleration", "jerk"):
            action.add_argument(f"--{scale}", type=float, default=1.0, metavar="SHARE", help=f"of the {scale} limits")
        action.add_argument("--tool-acceleration", type=float, default=np.inf, metavar="M_S2", help="bound of the tool")
        action.add_argument("--arm", type=Path, default=None, help="parameter file of the arm; default urdf/ur5e.yaml")
        action.add_argument("--station", type=Path, default=None, help="station file; default the arm's own")
        if name == "preview":
            action.add_argument("--out", type=Path, default=DEFAULT_PAGE, help=f"page to write; default {DEFAULT_PAGE}")
        action.set_defaults(run=run)


def _plan(options: argparse.Namespace) -> int:
    _show(*_planned(options)[2:])
    return 0


def _preview(options: argparse.Namespace) -> int:
    task, plan, figures, spent_ms = _planned(options)
    _show(figures, spent_ms)
    title = f"From {options.start} to {', then '.join(options.goals)}"
    page = preview_page(task.arm, task.scene, plan, figures, title=title, held=options.held)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(page, encoding="utf-8")
    print(f"animation in {options.out}")
    return 0


def _planned(options: argparse.Namespace) -> tuple[CellTask, Plan, MoveFigures, float]:
    values = _parameters(options)
    try:
        task = build_task(values)
        scales = MotionScales(options.speed, options.acceleration, options.jerk)
    except (KinematicsError, ValueError) as error:
        raise WorkcellError(str(error)) from None
    payload = Payload(task.part_mass_kg) if options.held else None
    planner = MotionPlanner(task.arm, task.scene, payload=payload, is_retimed=True)
    *via, last = (_waypoint(task, text, options.blend) for text in options.goals)
    request = MoveRequest(
        _place(task, options.start),
        last.position,
        last.kind,
        tuple(via),
        scales,
        options.held,
        options.tool_acceleration,
        values.approach_speed_max_m_s,
    )
    begun = time.perf_counter()
    try:
        plan = planner.plan(request)
    except TrajectoryError as error:
        raise WorkcellError(f"no plan: {error}") from None
    spent_ms = 1e3 * (time.perf_counter() - begun)
    if plan.trajectory.duration_s == 0.0:
        raise WorkcellError("no plan: the move ends where it begins")
    dynamics = ArmDynamics(task.arm, payload)
    return task, plan, figures_of(task.arm, task.scene, dynamics, plan, held=options.held), spent_ms


def _parameters(options: argparse.Namespace) -> CellParameters:
    given = CellParameters()
    arm_file = str(options.arm or SHARE_DIR / given.arm_file)
    return CellParameters(
        description_file=str(SHARE_DIR / given.description_file),
        arm_file=arm_file,
        station_file=str(options.station or station_path(CellArguments(robot=arm_file), SHARE_DIR)),
    )


def _waypoint(task: CellTask, text: str, blend_m: float) -> Waypoint:
    is_straight = text.startswith(LINE)
    return Waypoint(_place(task, text.removeprefix(LINE)), "straight" if is_straight else "free", blend_m)


def _place(task: CellTask, text: str) -> FloatArray:
    if text in task.waypoints:
        return task.waypoints[text]
    valid = f"one of {', '.join(task.waypoints)}, or {task.arm.joint_count} joint angles in rad, as 0,-1.5,1.5,0,0,0"
    try:
        position = np.array([float(part) for part in text.split(",")])
    except ValueError:
        raise WorkcellError(f"place '{text}' is not known; valid: {valid}") from None
    if len(position) != task.arm.joint_count or not task.arm.limits.contains(position):
        raise WorkcellError(f"place '{text}' is not within the arm's joint limits; valid: {valid}")
    return position


def _show(figures: MoveFigures, spent_ms: float) -> None:
    print(f"{figures.duration_s:.3f} s, planned in {spent_ms:.1f} ms")
    if figures.passed_s:
        print(f"passes its waypoints at {', '.join(f'{time_s:.3f}' for time_s in figures.passed_s)} s")
    print(
        f"tool: {figures.tool_way_m:.3f} m, at most {figures.tool_speed_max_m_s:.3f} m/s "
        f"and {figures.tool_acceleration_max_m_s2:.2f} m/s^2"
    )
    print(
        f"nearest to anything {1e3 * figures.clearance_min_m:.1f} mm, to a singularity "
        f"{figures.singularity_distance_min_m:.3f} m/rad; waypoints added: {figures.via_count}"
    )
    table = Table(title="Largest shares of the full limits")
    for index, column in enumerate(("joint", "travel rad", "velocity", "acceleration", "jerk", "torque")):
        table.add_column(column, justify="left" if index == 0 else "right")
    for joint in figures.joints:
        shares = (joint.velocity, joint.acceleration, joint.jerk, joint.torque)
        table.add_row(joint.joint, f"{joint.travel_rad:.2f}", *(f"{100.0 * share:.0f} %" for share in shares))
    Console().print(table)
