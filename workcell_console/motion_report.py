"""What is worth knowing of a planned move, and a page that animates it. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workcell_control.motion.arrays import FloatArray
from workcell_control.motion.collision import CollisionScene
from workcell_control.motion.dynamics import ArmDynamics
from workcell_control.motion.kinematics import Arm
from workcell_control.motion.limits import JointLimits
from workcell_control.motion.planner import Plan
from workcell_control.motion.trajectory import JointTrajectory

SAMPLE_S = 0.002
CLEARANCE_SAMPLES = 60
FRAMES_PER_S = 50
_TEMPLATE = Path(__file__).parent / "templates" / "motion_preview.html"
_DATA_MARK = "__MOVE__"


@dataclass(frozen=True)
class JointPeaks:
    """Largest shares of one joint's limits (unscaled) over a move."""

    joint: str
    travel_rad: float
    velocity: float
    acceleration: float
    jerk: float
    torque: float


@dataclass(frozen=True)
class MoveFigures:
    """A planned move in figures."""

    duration_s: float
    tool_way_m: float
    tool_speed_max_m_s: float
    tool_acceleration_max_m_s2: float
    clearance_min_m: float
    singularity_distance_min_m: float
    passed_s: tuple[float, ...]
    via_count: int
    is_slowed: bool
    joints: tuple[JointPeaks, ...]


def figures_of(arm: Arm, scene: CollisionScene, dynamics: ArmDynamics, plan: Plan, *, held: bool) -> MoveFigures:
    """Figures of a plan, from dense samples of it."""
    move = plan.trajectory
    times = np.linspace(0.0, move.duration_s, max(2, int(move.duration_s / SAMPLE_S)))
    position, velocity, acceleration, jerk = move.states_at(times)
    tool = arm.tool_motion(position, velocity, acceleration)
    speed = np.linalg.norm(tool.velocity, axis=1)
    places = position[:: max(1, len(position) // CLEARANCE_SAMPLES)]
    torque = np.abs(dynamics.torques(position, velocity, acceleration)).max(axis=0) / dynamics.torque_max
    return MoveFigures(
        duration_s=move.duration_s,
        tool_way_m=float(speed[1:] @ np.diff(times)),
        tool_speed_max_m_s=float(speed.max()),
        tool_acceleration_max_m_s2=float(np.linalg.norm(tool.acceleration, axis=1).max()),
        clearance_min_m=min(scene.distance(row, held=held) for row in places),
        singularity_distance_min_m=float(arm.singularity_distances(arm.chain.frames(places)).min()),
        passed_s=plan.passed_s,
        via_count=plan.via_count,
        is_slowed=plan.is_slowed,
        joints=_peaks(arm.joint_names, position, (velocity, acceleration, jerk), torque, arm.limits),
    )


def preview_page(arm: Arm, scene: CollisionScene, plan: Plan, figures: MoveFigures, *, title: str, held: bool) -> str:
    """A page of one file that animates the move and plots its shares of the joint limits."""
    move = plan.trajectory
    count = max(2, round(move.duration_s * FRAMES_PER_S) + 1)
    times = np.linspace(0.0, move.duration_s, count)
    data = {
        "title": title,
        "figures": asdict(figures),
        "time_s": _rounded(times),
        "still": [_box(rotation, centre, half) for rotation, centre, half in scene.still_boxes()],
        "bodies": [
            {"name": name, "frames": [_rounded(points) for points in outline]}
            for name, outline in scene.outlines(move.states_at(times)[0], held=held)
        ],
        "tool": _rounded(arm.chain.tool_poses(move.states_at(times)[0])[:, :3, 3]),
        "shares": _shares(move, times, arm.limits),
        "joints": list(arm.joint_names),
    }
    page = _TEMPLATE.read_text(encoding="utf-8")
    # A closing tag inside the data would end the script.
    return page.replace(_DATA_MARK, json.dumps(data, separators=(",", ":")).replace("</", "<\\/"))


def _peaks(
    names: Sequence[str],
    position: FloatArray,
    derivatives: tuple[FloatArray, FloatArray, FloatArray],
    torque: FloatArray,
    limits: JointLimits,
) -> tuple[JointPeaks, ...]:
    travel = np.abs(np.diff(position, axis=0)).sum(axis=0)
    bounds = (limits.velocity, limits.acceleration, limits.jerk)
    shares = [np.abs(rows).max(axis=0) / bound for rows, bound in zip(derivatives, bounds, strict=True)]
    columns = zip(names, travel, *shares, torque, strict=True)
    return tuple(JointPeaks(name, *(float(value) for value in values)) for name, *values in columns)


def _shares(move: JointTrajectory, times: FloatArray, limits: JointLimits) -> dict[str, Any]:
    _, velocity, acceleration, jerk = move.states_at(times)
    return {
        "velocity": _rounded((velocity / limits.velocity).T),
        "acceleration": _rounded((acceleration / limits.acceleration).T),
        "jerk": _rounded((jerk / limits.jerk).T),
    }


def _box(rotation: FloatArray, centre: FloatArray, half: FloatArray) -> Any:
    """The eight corners of a box, x fastest."""
    signs = np.array([[x, y, z] for z in (-1, 1) for y in (-1, 1) for x in (-1, 1)])
    return _rounded(centre + (signs * half) @ rotation.T)


def _rounded(values: FloatArray) -> Any:
    return np.round(values, 4).tolist()
