"""Inverse kinematics of a UR5e: success, branches, error and time, beside EAIK, ur-analytic-ik and a Pinocchio loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pinocchio as pin
import ur_analytic_ik
from eaik.pybindings.EAIK import Robot

from bench.motion.demo_cell import SERIES_APART, arm, timed
from bench.output import show
from workcell_control.motion.arrays import BoolArray, FloatArray

POSES = 10_000
LOOP_POSES = 300
NEAR_SINGULAR_M = 0.01
ERROR_MAX = 1e-9
_LOOP_STEPS = 200
_LOOP_DAMPING = 1e-6


@dataclass(frozen=True)
class Score:
    """How a solver does on a set of poses; a branch counts where its pose error is at most 1e-9."""

    solver: str
    poses: int
    solved_percent: float
    branches_found: int
    branches_percent: float
    error_max: float
    us_per_pose: float


def measure(share: float, series: int) -> dict[str, Any]:
    model = arm("tool0")
    rng = np.random.default_rng(11 + SERIES_APART * series)
    positions = rng.uniform(-np.pi, np.pi, (int(POSES * share), 6))
    poses = model.chain.tool_poses(positions)
    is_near = np.array([model.singularity_distance(q) < NEAR_SINGULAR_M for q in positions])
    result: dict[str, Any] = {}
    for title, chosen in (("regular", ~is_near), ("near-singular", is_near)):
        scores = _scores(positions[chosen], poses[chosen])
        columns = ["solver", "poses", "solved %", "branches", "of all %", "error max", "us per pose"]
        show(f"Inverse kinematics, {title} poses", columns, [list(asdict(score).values()) for score in scores])
        result[title] = [asdict(score) for score in scores]
    return result


def _scores(positions: FloatArray, poses: FloatArray) -> list[Score]:
    model = arm("tool0")
    seeds = np.zeros_like(positions)
    batch, batch_s = timed(lambda: model.ik_batch(poses, seeds))
    found: list[tuple[str, list[FloatArray], float]] = [
        ("workcell, batched", [rows[~np.isnan(rows[:, 0])] for rows in batch], batch_s),
        _one_by_one("workcell, one by one", poses, lambda i: np.array(model.ik(poses[i])).reshape(-1, 6)),
    ]
    closed, targets = _eaik(poses)
    found.append(_one_by_one("EAIK, one by one", poses, lambda i: np.array(closed.calculate_IK(targets[i]).Q)))
    answers, many_s = timed(lambda: closed.calculate_IK_batched(list(targets), 1))
    found.append(("EAIK, batched, 1 thread", [np.array(answer.Q) for answer in answers], many_s))
    in_base = _in_base(positions, poses)
    solve = ur_analytic_ik.ur5e.inverse_kinematics
    found.append(_one_by_one("ur-analytic-ik", poses, lambda i: np.array(solve(in_base[i])).reshape(-1, 6)))
    every = max(sum(_exact(rows, pose).sum() for rows, pose in zip(f[1], poses, strict=True)) for f in found)
    scores = [_score(name, rows, poses, seconds, int(every)) for name, rows, seconds in found]
    few = min(LOOP_POSES, len(poses))
    loop = _one_by_one("Pinocchio loop, from zero", poses[:few], lambda i: _loop(poses[i]))
    return [*scores, _score(*loop[:2], poses[:few], loop[2], int(every * few / len(poses)))]


def _one_by_one(
    name: str, poses: FloatArray, solve: Callable[[int], FloatArray]
) -> tuple[str, list[FloatArray], float]:
    rows, seconds = timed(lambda: [solve(index).reshape(-1, 6) for index in range(len(poses))])
    return name, rows, seconds


def _score(name: str, rows: list[FloatArray], poses: FloatArray, seconds: float, every: int) -> Score:
    errors = [_errors(found, pose) for found, pose in zip(rows, poses, strict=True)]
    exact = [error[error <= ERROR_MAX] for error in errors]
    solved = 100.0 * float(np.mean([len(error) > 0 for error in exact]))
    count = sum(map(len, exact))
    worst = max((float(error.max()) for error in exact if len(error)), default=float("nan"))
    return Score(name, len(poses), solved, count, 100.0 * count / every, worst, 1e6 * seconds / len(poses))


def _exact(rows: FloatArray, pose: FloatArray) -> BoolArray:
    return _errors(rows, pose) <= ERROR_MAX


def _errors(rows: FloatArray, pose: FloatArray) -> FloatArray:
    return np.array([arm("tool0").pose_error(row, pose) for row in rows])


def _eaik(poses: FloatArray) -> tuple[Robot, FloatArray]:
    """EAIK's own solver of the same arm, and the poses as it wants them."""
    chain = arm("tool0").chain
    frames = chain.frames(np.zeros((1, 6)))
    axes = np.einsum("nij,nj->ni", frames.rotation[:-1, :, :, 0], chain.axes)
    places = frames.origin[:, :, 0]
    robot = Robot(np.round(axes, 9).T + 0.0, np.vstack([places[0], np.diff(places, axis=0)]).T, np.eye(3), [], True)
    targets = poses.copy()
    targets[:, :3, :3] = poses[:, :3, :3] @ frames.rotation[-1, :, :, 0].T
    return robot, targets


def _in_base(positions: FloatArray, poses: FloatArray) -> FloatArray:
    """The poses in the frame of the maker's tables, in which ur-analytic-ik works."""
    reference = ur_analytic_ik.ur5e.forward_kinematics(*positions[0].tolist())
    return np.ascontiguousarray(reference @ np.linalg.inv(poses[0]) @ poses)


def _loop(pose: FloatArray) -> FloatArray:
    """Damped least squares from the zero configuration, as in Pinocchio's own example."""
    model = arm("tool0").model
    data = model.createData()
    tool = model.getFrameId("tool0")
    q, target = np.zeros(6) + 0.1, pin.SE3(pose)
    for _ in range(_LOOP_STEPS):
        pin.framesForwardKinematics(model, data, q)
        error = pin.log6(data.oMf[tool].actInv(target)).vector
        if np.linalg.norm(error) < ERROR_MAX / 2:
            break
        jacobian = pin.computeFrameJacobian(model, data, q, tool)
        q = q + jacobian.T @ np.linalg.solve(jacobian @ jacobian.T + _LOOP_DAMPING * np.eye(6), error)
    return np.array(q)[None]
