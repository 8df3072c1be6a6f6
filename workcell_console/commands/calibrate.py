"""`workcell calibrate camera`: intrinsics from ChArUco images and, with the arm's poses, where the camera is."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from workcell_perception.calibration_store import save_calibration
from workcell_perception.charuco import CameraResult, CharucoBoard, calibrate_camera
from workcell_perception.errors import ImageError
from workcell_perception.hand_eye import HandEye, calibrate_fixed, calibrate_on_tool
from workcell_perception.images import read_image
from workcell_ros.config import load_yaml
from workcell_ros.errors import ConfigError

DEFAULT_FOLDER = Path("out/calibration")
MOUNTS = {"base": calibrate_fixed, "tool": calibrate_on_tool}
_POSE_HINT = "IMAGE: {position_m: [x, y, z], rotation_rpy_rad: [roll, pitch, yaw]} of the tool in the base"


def add(subparsers: Any) -> None:
    """Describes the command."""
    parser = subparsers.add_parser("calibrate", help="calibrate the camera, and where it is on the arm or beside it")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    text = "camera matrix and distortion from images of a ChArUco board; hand-eye with the arm's poses"
    camera = verbs.add_parser("camera", help=text, description=text)
    camera.add_argument("images", nargs="+", type=Path, help="images of the board, well spread and tilted")
    board = CharucoBoard()
    camera.add_argument("--columns", type=int, default=board.columns, help=f"squares across; default {board.columns}")
    camera.add_argument("--rows", type=int, default=board.rows, help=f"squares down; default {board.rows}")
    camera.add_argument("--square", type=float, default=board.square_m, metavar="M", help="side of a square")
    camera.add_argument("--marker", type=float, default=board.marker_m, metavar="M", help="side of a marker")
    camera.add_argument("--poses", type=Path, help=f"YAML file of {_POSE_HINT}")
    camera.add_argument("--mount", choices=tuple(MOUNTS), default="base", help="what carries the camera; default base")
    camera.add_argument("--out", type=Path, default=DEFAULT_FOLDER, help=f"default {DEFAULT_FOLDER}")
    camera.set_defaults(run=_camera)


def _camera(options: argparse.Namespace) -> int:
    images, unreadable = [], []
    for file in options.images:
        try:
            images.append((file.name, read_image(file)))
        except ImageError as error:
            unreadable.append(str(error))
    board = CharucoBoard(options.columns, options.rows, options.square, options.marker)
    result = calibrate_camera(images, board)
    hand_eye = _hand_eye(options.poses, options.mount, result) if options.poses is not None else None
    file = save_calibration(options.out, result, hand_eye, options.mount)
    for reason in unreadable:
        print(f"refused {reason}")
    for name, reason in result.refused:
        print(f"refused {name}: {reason}")
    print(f"{file}: {len(result.views)} images, reprojection error {result.error_px:.3f} px")
    if hand_eye is not None:
        millimetres, degrees = hand_eye.translation_error_m * 1e3, np.degrees(hand_eye.rotation_error_rad)
        print(f"camera in {options.mount}: motions agree to {millimetres:.2f} mm and {degrees:.3f} degrees")
    return 0


def _hand_eye(file: Path, mount: str, result: CameraResult) -> HandEye:
    poses = load_yaml(file)
    named = [view for view in result.views if view.name in poses]
    arm = [_pose(file, view.name, poses[view.name]) for view in named]
    return MOUNTS[mount](arm, [view.t_camera_board for view in named])


def _pose(file: Path, name: str, block: Any) -> npt.NDArray[np.float64]:
    try:
        position, angles = np.array(block["position_m"], float), np.array(block["rotation_rpy_rad"], float)
        pose = np.eye(4)
        pose[:3, :3] = Rotation.from_euler("xyz", angles).as_matrix()
        pose[:3, 3] = position
    except (KeyError, TypeError, ValueError):
        raise ConfigError(file, name, f"{block!r} is no pose", _POSE_HINT) from None
    return pose
