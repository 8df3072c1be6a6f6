"""The demo cell's cycle beside the bound that time-optimal motion without a jerk limit and the process set."""

from __future__ import annotations

import json
import subprocess
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from bench.motion import peer_timing
from bench.motion.demo_cell import ROOT, arm, scene, station
from bench.motion.planning import TUNING, WAYS
from bench.output import show
from workcell_console.commands.children import virtual_run
from workcell_control.cell.task import CellTask
from workcell_control.motion.arrays import FloatArray
from workcell_control.motion.passage import MotionBounds
from workcell_control.motion.path import blended, curve_leg, straight_leg
from workcell_control.motion.planner import MotionPlanner
from workcell_control.motion.straight import tool_line

SHIFT_S = 120
FIRST_CYCLES = 3
"""Left out: the arm begins elsewhere, and the belt is still empty."""
SPEED_MAX_M_S = 0.5
SAME_RAD = 0.2


def measure(share: float, _series: int) -> dict[str, Any]:
    planned_s, bound_s = _motion()
    cycle_s = _measured_cycle_s(max(60, int(SHIFT_S * share)))
    # What is neither motion nor waiting for it: grip, dwell, settling, inspection, release, and all latencies.
    process_s = cycle_s - planned_s
    figures: dict[str, Any] = {
        "cycle_s": cycle_s,
        "motion_s": planned_s,
        "process_s": process_s,
        "motion_without_jerk_limit_s": bound_s,
        "bound_s": bound_s + process_s,
        "ratio": cycle_s / (bound_s + process_s),
        "motion_ratio": planned_s / bound_s,
    }
    rows: list[list[object]] = [
        ["cycle of the cell in virtual time, median", cycle_s],
        ["of it motion, as planned", planned_s],
        ["the same motion by toppra, without a jerk limit", bound_s],
        ["process and latencies", process_s],
        ["motion / bound", figures["motion_ratio"]],
        ["cycle / bound", figures["ratio"]],
    ]
    show("The demo cell's cycle at its default parameters, [s]", ["figure", "value"], rows)
    return figures


def _motion() -> tuple[float, float]:
    """Time of a cycle's moves as planned, and without a jerk limit on the same paths, in [s]."""
    planner = MotionPlanner(arm(), scene(), is_retimed=True)
    task = CellTask(planner, station(), SPEED_MAX_M_S)
    start, planned_s, bound_s = task.waypoints["infeed_pick"], 0.0, 0.0
    for (waypoint, is_straight, is_held), onward in WAYS:
        plan = task.plan(start, waypoint, is_straight=is_straight, is_held=is_held, tuning=TUNING, onward=onward)
        corners = [start, *plan.trajectory.states_at(np.array(plan.passed_s))[0], plan.trajectory.end.position]
        kinds = [is_straight, *(way.is_straight for way in onward)]
        grip = TUNING.part_acceleration_max_m_s2 if is_held else np.inf
        bound_s += _bound_s(task, corners, kinds, grip)
        planned_s += plan.trajectory.duration_s
        start = plan.trajectory.end.position
    return planned_s, bound_s


def _bound_s(task: CellTask, corners: list[FloatArray], kinds: list[bool], grip: float) -> float:
    """toppra's time along the legs, with the same blends as the cell's."""
    blend_m = 0.5 * station().approach_height_m
    known = list(task.waypoints.values())
    # The passed corners are those of the rounded way; the waypoints themselves bound the legs.
    ends = [_nearest(known, corner) for corner in corners]
    legs, ratios = [], []
    for (first, last), is_straight in zip(pairwise(ends), kinds, strict=True):
        line = tool_line(arm(), first, arm().fk(last)) if is_straight else None
        leg = straight_leg(first, last) if line is None else curve_leg(line.position, line.length_m, SPEED_MAX_M_S)
        legs.append(leg)
        ratios.append(0.0 if line is None else leg.length / line.length_m)
    reaches = [blend_m * max(a, b) for a, b in pairwise(ratios)]
    bounds = MotionBounds(arm().limits.scaled(TUNING.scales), grip)
    return peer_timing.duration_s(arm(), blended(legs, reaches), bounds)


def _nearest(known: list[FloatArray], corner: FloatArray) -> FloatArray:
    """The waypoint that was rounded at a corner; the corner itself where it was none of the task's."""
    best = min(known, key=lambda q: float(np.abs(q - corner).max()))
    return best if float(np.abs(best - corner).max()) < SAME_RAD else corner


def _measured_cycle_s(seconds: int) -> float:
    """Median cycle of a calm shift of the whole cell in virtual time, with the parameters it starts with."""
    with tempfile.TemporaryDirectory() as folder:
        command = virtual_run("--policy", "fixed", "--scenario", "calm", "--duration", str(seconds), "--no-twin")
        subprocess.run([*command, "--out", folder], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        results = json.loads((Path(folder) / "results.json").read_text(encoding="utf-8"))
    # Accepted parts go to the nearest bin: that is the cycle which is bounded.
    times = [c["cycle_time"] for c in results["cycles"][FIRST_CYCLES:] if c["verdict"] == 0.0]
    return float(np.median(times))
