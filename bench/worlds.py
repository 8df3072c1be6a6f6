"""The MuJoCo and the Gazebo world side by side on the same commanded trajectories: joints, tool, time, image.

`python -m bench.worlds`, where a ROS 2 with this package, Gazebo, ros_gz and gz_ros2_control is sourced. One board is
picked, shown to the camera and placed. Moves are jerk-limited from rest to rest under half of the joints' limits, the
same points for both worlds; errors are those to what was commanded at the same time.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import ruckig

from bench.output import keep, show
from workcell_control.motion.kinematics import Arm
from workcell_sim.world.cell_world import CellWorld, StepResult
from workcell_sim.world.scenario import Scenario
from workcell_sim.world.station import Pose
from workcell_sim.world.trajectory_goal import TrajectoryGoal, TrajectoryPoint
from workcell_sim.world.world_config import WorldConfig, load_world_config

FloatArray = npt.NDArray[np.float64]

ROOT = Path(__file__).parents[1]
SEED = 1
SCALE = 0.5
STEP_S = 0.02
AHEAD_S = 0.3
SETTLE_S = 0.3
REST_S = 0.15
THERE_RAD = 1e-3
VACUUM_PA = 55e3
EXPOSURE_S = 0.004
STOP_S = 60.0


@dataclass(frozen=True)
class Move:
    """A commanded motion from rest to rest."""

    name: str
    path: Any

    def points(self) -> list[tuple[float, list[float], list[float], list[float]]]:
        """Time, position, velocity and acceleration of its points, the end last."""
        count = max(int(self.path.duration / STEP_S), 2)
        times = np.linspace(0.0, self.path.duration, count + 1)[1:]
        return [(float(t), *(list(values) for values in self.path.at_time(float(t)))) for t in times]  # type: ignore[misc]

    def commanded(self, times_s: FloatArray) -> FloatArray:
        """Positions at times since its begin, shape (k, 6)."""
        return np.array([self.path.at_time(float(np.clip(t, 0.0, self.path.duration)))[0] for t in times_s])


@dataclass
class Seen:
    """What a world did: for each move its trace (time, six joints), and the image."""

    traces: dict[str, FloatArray] = field(default_factory=dict)
    image: npt.NDArray[np.uint8] | None = None


def planned(config: WorldConfig, arm: Arm) -> list[Move | str]:
    """The steps: moves, and the words part, grip, look and release between them."""
    station = config.station
    lift = station.approach_height_m
    at = np.array(config.station.home_joints_rad)
    steps: list[Move | str] = ["part"]
    for name, pose, height_m, then in (
        ("over the infeed", station.infeed_pick, lift, ""),
        ("down to the board", station.infeed_pick, 0.0, "grip"),
        ("lift", station.infeed_pick, lift, ""),
        ("to the camera", station.camera_inspect, 0.0, "look"),
        ("over the bin", station.accept_place, lift, ""),
        ("down to the bin", station.accept_place, 0.0, "release"),
        ("up", station.accept_place, lift, ""),
    ):
        target = _joints(arm, pose, height_m, at)
        steps.append(Move(name, _path(config, at, target)))
        steps += [then] if then else []
        at = target
    return steps


def in_mujoco(config: WorldConfig, steps: list[Move | str]) -> Seen:
    """Carries out the steps on the embedded world."""
    world, seen = CellWorld(config, Scenario("calm", "", 3600.0, ()), SEED), Seen()
    for step in steps:
        if step == "part":
            _until(world, lambda _result: world.is_part_at_pick)
        elif step == "look":
            _until(world, lambda result, end=world.time_s + SETTLE_S: result.time_s > end)
            seen.image = world.capture(EXPOSURE_S)
        elif isinstance(step, str):
            world.command_gripper(step, step == "grip", VACUUM_PA)
            _until(world, lambda result: bool(result.grip_ends))
        else:
            _move(world, step, seen)
    return seen


def in_gazebo(steps: list[Move | str], joints: tuple[str, ...]) -> Seen:
    """Starts Gazebo with the cell's world and carries out the steps over ROS."""
    seen = Seen()
    with tempfile.TemporaryDirectory(prefix="workcell-worlds-") as folder:
        told, result = Path(folder) / "steps.json", Path(folder) / "result.npz"
        told.write_text(json.dumps([_as_json(step, joints) for step in steps]), encoding="utf-8")
        common = [f"out_dir:={folder}/cell", f"seed:={SEED}", "sim:=gazebo", "transport:=memory", "log_level:=warn"]
        with _launched("gazebo.launch.py", common), _launched("simulation.launch.py", common):
            program = [sys.executable, "-m", "bench.programs.gazebo_moves", str(told), str(result)]
            subprocess.run(program, check=True, cwd=ROOT, timeout=600)
        data = np.load(result)
        for index, step in enumerate(steps):
            if isinstance(step, Move):
                seen.traces[step.name] = data[f"trace_{index}"]
        seen.image = data["image"]
    return seen


def main() -> None:
    """Compares the worlds."""
    config = load_world_config(
        ROOT / "config" / "station.yaml", ROOT / "urdf" / "ur5e.yaml", ROOT / "urdf" / "cell.urdf.xacro", tick_s=0.012
    )
    arm = Arm(config.urdf, "gripper_tcp")
    steps = planned(config, arm)
    worlds = {"mujoco": in_mujoco(config, steps), "gazebo": in_gazebo(steps, arm.joint_names)}
    moves = [step for step in steps if isinstance(step, Move)]
    rows = [row for move in moves for row in _rows(move, worlds, arm)]
    columns = ["move", "world", "commanded s", "there s", "joint error max mrad", "joint error end mrad", "tool mm"]
    show("The same trajectories in both worlds", columns, rows)
    images = _image_figures(worlds["mujoco"].image, worlds["gazebo"].image)
    show("The camera's view of the same board", list(images), [list(images.values())])
    total = {name: sum(there_s(move, seen.traces[move.name]) for move in moves) for name, seen in worlds.items()}
    total["commanded"] = sum(move.path.duration for move in moves)
    show("Time of all moves in [s]", list(total), [list(total.values())])
    keep("worlds", {"columns": columns, "moves": rows, "image": images, "total_s": total})


def _rows(move: Move, worlds: dict[str, Seen], arm: Arm) -> Iterator[list[object]]:
    for name, seen in worlds.items():
        trace = seen.traces[move.name]
        inside = trace[(trace[:, 0] >= 0.0) & (trace[:, 0] <= move.path.duration)]
        wanted = move.commanded(inside[:, 0])
        error = np.abs(inside[:, 1:] - wanted)
        tool = [np.linalg.norm((arm.fk(q) - arm.fk(c))[:3, 3]) for q, c in zip(inside[:, 1:], wanted, strict=True)]
        final = np.abs(trace[-1, 1:] - move.commanded(np.array([move.path.duration]))[0])
        figures = (error.max() * 1e3, final.max() * 1e3, max(tool) * 1e3)
        yield [move.name, name, move.path.duration, there_s(move, trace), *(float(value) for value in figures)]


def there_s(move: Move, trace: FloatArray) -> float:
    """When all joints had come within `THERE_RAD` of the move's end, not to leave it again."""
    end = move.commanded(np.array([move.path.duration]))[0]
    away = np.abs(trace[:, 1:] - end).max(axis=1) > THERE_RAD
    return float(trace[int(np.flatnonzero(away)[-1]) + 1, 0])


def _image_figures(mujoco: Any, gazebo: Any) -> dict[str, float]:
    """How the images differ: levels, and where the fiducials lie."""
    difference = np.abs(mujoco.astype(float) - gazebo.astype(float))
    places = [_fiducials(image) for image in (mujoco, gazebo)]
    shared = sorted(places[0].keys() & places[1].keys())
    shift = np.array([places[1][key] - places[0][key] for key in shared]).mean(axis=0)
    aligned = cv2.warpAffine(gazebo, np.array([[1.0, 0.0, -shift[0]], [0.0, 1.0, -shift[1]]]), gazebo.shape[::-1])
    return {
        "mean level mujoco": float(mujoco.mean()),
        "mean level gazebo": float(gazebo.mean()),
        "mean difference": float(difference.mean()),
        "shift x px": float(shift[0]),
        "shift y px": float(shift[1]),
        "mean difference aligned": float(np.abs(mujoco.astype(float) - aligned.astype(float))[20:-20, 20:-20].mean()),
    }


def _fiducials(image: Any) -> dict[int, FloatArray]:
    detector = cv2.aruco.ArucoDetector(cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_5X5_1000))
    corners, ids, _ = detector.detectMarkers(image)
    return {int(key): corner.reshape(4, 2).mean(axis=0) for key, corner in zip(ids.ravel(), corners, strict=True)}


def _until(world: CellWorld, is_done: Any) -> StepResult:
    for _ in range(10_000):
        result = world.step()
        if is_done(result):
            return result
    raise TimeoutError("the embedded world did not get there")


def _move(world: CellWorld, move: Move, seen: Seen) -> None:
    start_s = world.time_s + AHEAD_S
    points = [TrajectoryPoint(*point) for point in move.points()]
    goal = TrajectoryGoal(world.joints, points, start_s=start_s)
    refusal = world.trajectory_refusal(goal)
    if refusal is not None:
        raise RuntimeError(f"{move.name}: {refusal.reason}")
    world.start_trajectory(move.name, goal)
    trace: list[list[float]] = []
    while world.time_s < start_s + move.path.duration + REST_S:
        result = world.step()
        trace.append([result.time_s - start_s, *result.position_rad])
    seen.traces[move.name] = np.array(trace)


def _as_json(step: Move | str, joints: tuple[str, ...]) -> dict[str, Any]:
    if isinstance(step, Move):
        return {"kind": "move", "name": step.name, "joints": list(joints), "points": step.points()}
    if step in ("grip", "release"):
        return {"kind": "grip", "is_on": step == "grip"}
    return {"kind": step}


def _joints(arm: Arm, pose: Pose, height_m: float, near: FloatArray) -> FloatArray:
    target = pose.matrix
    target[2, 3] += height_m
    solution = arm.ik_near(target, near)
    if solution is None:
        raise RuntimeError("a pose of the station is out of reach")
    return solution


def _path(config: WorldConfig, start: FloatArray, end: FloatArray) -> Any:
    request = ruckig.InputParameter(6)
    request.current_position, request.target_position = list(start), list(end)
    request.max_velocity = list(config.arm.velocity_max_rad_s * SCALE)
    request.max_acceleration = list(config.arm.acceleration_max_rad_s2 * SCALE)
    request.max_jerk = list(config.arm.jerk_max_rad_s3 * SCALE)
    path = ruckig.Trajectory(6)
    ruckig.Ruckig(6).calculate(request, path)
    return path


@contextmanager
def _launched(file: str, arguments: list[str]) -> Iterator[None]:
    """A launch as a group of its own, ended as a person would end it."""
    environment = dict(os.environ, GZ_PARTITION=f"worlds_{os.getpid()}")
    command = ["ros2", "launch", "workcell", file, *arguments]
    process = subprocess.Popen(command, env=environment, start_new_session=True)
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(STOP_S)


if __name__ == "__main__":
    main()
