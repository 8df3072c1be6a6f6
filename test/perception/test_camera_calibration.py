"""Camera and hand-eye calibration against a camera and an arm whose truth is known."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from scipy.spatial.transform import Rotation

from workcell_console.main import main
from workcell_perception.calibration import load_calibration
from workcell_perception.calibration_store import newest_calibration, save_calibration
from workcell_perception.charuco import CameraResult, CharucoBoard, calibrate_camera
from workcell_perception.errors import CalibrationError
from workcell_perception.hand_eye import calibrate_fixed, calibrate_on_tool

BOARD = CharucoBoard(columns=8, rows=6)
MATRIX = np.array([[820.0, 0.0, 322.0], [0.0, 815.0, 238.0], [0.0, 0.0, 1.0]])
DISTORTION = np.array([-0.12, 0.05, 0.0, 0.0, 0.0])
SIZE = (640, 480)
PX_PER_SQUARE = 60


@lru_cache(maxsize=1)
def board_image() -> np.ndarray:
    return BOARD.make().generateImage((BOARD.columns * PX_PER_SQUARE, BOARD.rows * PX_PER_SQUARE))


def pose_of(seed: int) -> np.ndarray:
    """A board in view, tilted."""
    rng = np.random.default_rng(seed)
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_euler("xyz", rng.uniform(-0.45, 0.45, 3)).as_matrix()
    centre = np.array([BOARD.columns, BOARD.rows, 0.0]) * BOARD.square_m / 2
    pose[:3, 3] = [*rng.uniform(-0.01, 0.01, 2), rng.uniform(0.13, 0.17)] - pose[:3, :3] @ centre
    return pose


def photo(pose: np.ndarray) -> np.ndarray:
    scale = BOARD.square_m / PX_PER_SQUARE
    to_board = np.array([[scale, 0, scale / 2], [0, scale, scale / 2], [0, 0, 1]])
    homography = MATRIX @ pose[:3, [0, 1, 3]] @ to_board
    straight = cv2.warpPerspective(board_image(), homography, SIZE, borderValue=128)
    columns, rows = np.meshgrid(np.arange(SIZE[0]), np.arange(SIZE[1]))
    points = np.stack([columns, rows], axis=-1).reshape(-1, 1, 2).astype(np.float32)
    source = cv2.undistortPoints(points, MATRIX, DISTORTION, P=MATRIX).reshape(SIZE[1], SIZE[0], 2)
    image = cv2.remap(straight, source.astype(np.float32), None, cv2.INTER_LINEAR, borderValue=128)
    noise = np.random.default_rng(0).normal(0, 2, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


@lru_cache(maxsize=1)
def photos() -> tuple[tuple[str, np.ndarray], ...]:
    return tuple((f"{seed}.png", photo(pose_of(seed))) for seed in range(8))


@lru_cache(maxsize=1)
def calibrated() -> CameraResult:
    return calibrate_camera(photos(), BOARD)


def test_camera_is_found_again() -> None:
    result = calibrated()
    assert result.error_px < 0.3
    assert result.calibration.intrinsics == pytest.approx(MATRIX, abs=6.0)
    corner = np.array([[[90.0, 70.0]]])
    found = result.calibration
    straight = cv2.undistortPoints(corner, found.intrinsics, np.array(found.distortion), P=MATRIX)
    assert straight == pytest.approx(cv2.undistortPoints(corner, MATRIX, DISTORTION, P=MATRIX), abs=1.5)
    for view in result.views:
        assert view.t_camera_board[:3, 3] == pytest.approx(pose_of(int(view.name[:-4]))[:3, 3], abs=0.002)


def test_images_that_do_not_help_are_named() -> None:
    blank, small = np.full((480, 640), 90, np.uint8), np.zeros((240, 320), np.uint8)
    result = calibrate_camera([*photos(), ("blank.png", blank), ("small.png", small)], BOARD)
    assert dict(result.refused)["blank.png"].startswith("shows fewer than 8 corners")
    assert dict(result.refused)["small.png"] == "is 320x240, the first image 640x480"


def test_too_few_images_are_no_calibration() -> None:
    with pytest.raises(CalibrationError, match="2 images show the board well, need 6"):
        calibrate_camera(photos()[:2], BOARD)
    with pytest.raises(CalibrationError, match="0 images"):
        calibrate_camera([], BOARD)


def test_impossible_board_is_refused() -> None:
    with pytest.raises(CalibrationError, match="markers smaller than squares"):
        CharucoBoard(marker_m=0.02)


def arm_poses(count: int, seed: int, turn_rad: float = 0.6) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    poses = []
    for _ in range(count):
        pose = np.eye(4)
        pose[:3, :3] = Rotation.from_rotvec(rng.uniform(-turn_rad, turn_rad, 3)).as_matrix()
        pose[:3, 3] = rng.uniform(-0.2, 0.2, 3)
        poses.append(pose)
    return poses


def noisy(poses: list[np.ndarray]) -> list[np.ndarray]:
    rng = np.random.default_rng(4)
    jitter = np.repeat(np.eye(4)[None], len(poses), axis=0)
    jitter[:, :3, :3] = Rotation.from_rotvec(rng.normal(0, 2e-4, (len(poses), 3))).as_matrix()
    jitter[:, :3, 3] = rng.normal(0, 5e-5, (len(poses), 3))
    return [pose @ move for pose, move in zip(poses, jitter, strict=True)]


@pytest.mark.parametrize("is_fixed", [False, True])
def test_hand_eye_is_found_again(is_fixed: bool) -> None:
    camera, target = arm_poses(2, seed=8)
    arm = arm_poses(10, seed=9)
    base = [np.linalg.inv(pose) for pose in arm] if is_fixed else arm
    board = noisy([np.linalg.inv(camera) @ np.linalg.inv(pose) @ target for pose in base])
    found = (calibrate_fixed if is_fixed else calibrate_on_tool)(arm, board)
    assert found.transform == pytest.approx(camera, abs=1e-3)
    assert found.rotation_error_rad < 2e-3
    assert found.translation_error_m < 1e-3


def test_poses_that_cannot_tell_are_refused() -> None:
    with pytest.raises(CalibrationError, match="need 4"):
        calibrate_on_tool(arm_poses(2, 0), arm_poses(2, 1))
    with pytest.raises(CalibrationError, match="turn too little"):
        calibrate_on_tool(arm_poses(6, 0, turn_rad=0.0), arm_poses(6, 1))
    about_z = [np.eye(4) for _ in range(6)]
    for index, pose in enumerate(about_z):
        pose[:3, :3] = Rotation.from_euler("z", 0.3 * index).as_matrix()
    with pytest.raises(CalibrationError, match="about one axis"):
        calibrate_on_tool(about_z, about_z)


def test_command_stores_versions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, image in photos():
        cv2.imwrite(str(tmp_path / name), image)
    (tmp_path / "torn.png").write_bytes(b"\x89PNG")
    camera, out = arm_poses(1, seed=8)[0], tmp_path / "calibrations"
    poses = {}
    for name, _ in photos():
        tool = camera @ pose_of(int(name[:-4]))
        angles = Rotation.from_matrix(tool[:3, :3]).as_euler("xyz")
        poses[name] = {"position_m": tool[:3, 3].tolist(), "rotation_rpy_rad": angles.tolist()}
    (tmp_path / "poses.yaml").write_text(yaml.safe_dump(poses))
    images = [str(tmp_path / name) for name, _ in photos()] + [str(tmp_path / "torn.png")]
    arguments = ["--columns", "8", "--rows", "6", "--out", str(out), "--poses", str(tmp_path / "poses.yaml")]
    save_calibration(out, calibrated(), None, "base")
    assert main(["calibrate", "camera", *images, *arguments]) == 0
    assert "v0002.yaml: 8 images, reprojection error 0." in capsys.readouterr().out
    newest = newest_calibration(out)
    assert newest.name == "v0002.yaml"
    assert load_calibration(newest).width_px == 640
    facts = yaml.safe_load(newest.read_text())["workcell"]
    assert facts["reprojection_error_px"] < 0.3
    assert np.array(facts["hand_eye"]["transform"]) == pytest.approx(camera, abs=5e-3)


def test_wrong_pose_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, image in photos()[:7]:
        cv2.imwrite(str(tmp_path / name), image)
    (tmp_path / "poses.yaml").write_text("0.png: {position_m: [1, 2]}\n")
    images = [str(tmp_path / name) for name, _ in photos()[:7]]
    arguments = ["--columns", "8", "--rows", "6", "--poses", str(tmp_path / "poses.yaml")]
    assert main(["calibrate", "camera", *images, *arguments, "--out", str(tmp_path)]) == 2
    assert "0.png" in capsys.readouterr().err


def test_folder_without_versions_is_returned_as_it_is(tmp_path: Path) -> None:
    assert newest_calibration(tmp_path) == tmp_path
    file = save_calibration(tmp_path, calibrated(), None, "base")
    assert newest_calibration(tmp_path) == file
