"""Where the camera is on the arm, or beside it: the X of AX = XB (F. C. Park and B. J. Martin, 1994)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np
import numpy.typing as npt

from workcell_perception.errors import CalibrationError

FloatArray = npt.NDArray[np.float64]

POSES_MIN = 4
TURN_MIN_RAD = 0.1
# Rotation axes must span space: the smallest singular value of their set, per axis.
_AXES_SPREAD_MIN = 0.05


@dataclass(frozen=True)
class HandEye:
    """`transform` (4, 4) from camera to tool, or to the arm's base for a fixed camera, and the RMS by which the motions
    contradict it in [rad] and [m]."""

    transform: FloatArray
    rotation_error_rad: float
    translation_error_m: float


def calibrate_on_tool(t_base_tool: Sequence[FloatArray], t_camera_board: Sequence[FloatArray]) -> HandEye:
    """Finds T_tool_camera of a camera on the tool that looked at a board standing still.

    Args:
        t_base_tool: the tool's poses (4, 4) in the base.
        t_camera_board: the board's poses (4, 4) in the camera, in the same order.

    Raises:
        CalibrationError: there are fewer than four poses, or they turn too little to tell.
    """
    return _solve(list(t_base_tool), list(t_camera_board))


def calibrate_fixed(t_base_tool: Sequence[FloatArray], t_camera_board: Sequence[FloatArray]) -> HandEye:
    """Finds T_base_camera of a fixed camera that looked at a board held by the tool; as `calibrate_on_tool`."""
    return _solve([np.asarray(np.linalg.inv(pose), dtype=np.float64) for pose in t_base_tool], list(t_camera_board))


def _solve(arm: list[FloatArray], board: list[FloatArray]) -> HandEye:
    if len(arm) != len(board) or len(arm) < POSES_MIN:
        raise CalibrationError(f"{len(arm)} poses of the arm and {len(board)} of the board, need {POSES_MIN} of both")
    motions = [
        (np.linalg.inv(arm[j]) @ arm[i], board[j] @ np.linalg.inv(board[i]))
        for i, j in combinations(range(len(arm)), 2)
    ]
    turns = [(_turn(a), _turn(b)) for a, b in motions]
    used = [index for index, (a, _) in enumerate(turns) if np.linalg.norm(a) > TURN_MIN_RAD]
    axes = np.array([turns[index][0] / np.linalg.norm(turns[index][0]) for index in used])
    if len(axes) < 2 or np.linalg.svd(axes, compute_uv=False)[1] < _AXES_SPREAD_MIN * np.sqrt(len(axes)):
        raise CalibrationError("the poses turn too little, or about one axis alone; turn the tool about two axes")
    rotation = _rotation([turns[index] for index in used])
    left = np.concatenate([a[:3, :3] - np.eye(3) for a, _ in motions])
    right = np.concatenate([rotation @ b[:3, 3] - a[:3, 3] for a, b in motions])
    shift_m = np.linalg.lstsq(left, right, rcond=None)[0]
    transform = np.eye(4)
    transform[:3, :3], transform[:3, 3] = rotation, shift_m
    gaps = [np.linalg.inv(transform @ b) @ (a @ transform) for a, b in motions]
    return HandEye(
        transform,
        float(np.sqrt(np.mean([np.sum(_turn(gap) ** 2) for gap in gaps]))),
        float(np.sqrt(np.mean([np.sum(gap[:3, 3] ** 2) for gap in gaps]))),
    )


def _rotation(turns: Sequence[tuple[FloatArray, FloatArray]]) -> FloatArray:
    """The rotation that brings the board's rotation vectors onto the arm's best: (M^T M)^(-1/2) M^T."""
    products = np.array([np.outer(b, a) for a, b in turns]).sum(axis=0)
    left, _, right = np.linalg.svd(products)
    flip = np.diag([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    result: FloatArray = (left @ flip @ right).T
    return result


def _turn(pose: FloatArray) -> FloatArray:
    """Rotation vector of a pose (4, 4)."""
    return np.asarray(cv2.Rodrigues(pose[:3, :3])[0], dtype=np.float64).ravel()
