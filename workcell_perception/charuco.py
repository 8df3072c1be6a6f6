"""Calibrates a camera from images of a ChArUco board: its matrix, its distortion, and how well they fit.

The model is Brown's with five coefficients, fitted by Z. Zhang's method (2000) as OpenCV implements it. An image whose
corners fit far worse than the others' is left out and named.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from workcell_perception.calibration import Calibration
from workcell_perception.errors import CalibrationError

FloatArray = npt.NDArray[np.float64]
Float32Array = npt.NDArray[np.float32]
ImageU8 = npt.NDArray[np.uint8]

VIEWS_MIN = 6
CORNERS_MIN = 8
ERROR_MAX_PX = 1.0
# A view is an outlier with more than this many times the median error, unless it is small anyway.
_OUTLIER_RATIO = 3.0
_ERROR_FINE_PX = 0.3


@dataclass(frozen=True)
class CharucoBoard:
    """A printed board of `columns` x `rows` squares; lengths in [m]. The first marker has id 0 of DICT_5X5_1000."""

    columns: int = 9
    rows: int = 7
    square_m: float = 0.012
    marker_m: float = 0.009

    def __post_init__(self) -> None:
        if self.columns < 3 or self.rows < 3 or not 0.0 < self.marker_m < self.square_m:
            raise CalibrationError(
                f"a board of {self.columns}x{self.rows} squares of {self.square_m} m with markers of {self.marker_m} m "
                "cannot be; valid: 3x3 squares and more, markers smaller than squares"
            )

    def make(self) -> cv2.aruco.CharucoBoard:
        """The board as OpenCV knows it."""
        dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_5X5_1000)
        return cv2.aruco.CharucoBoard((self.columns, self.rows), self.square_m, self.marker_m, dictionary)


@dataclass(frozen=True)
class CalibrationView:
    """An image that was used: the RMS reprojection error in [px], and the board's pose T_camera_board (4, 4)."""

    name: str
    error_px: float
    t_camera_board: FloatArray


@dataclass(frozen=True)
class CameraResult:
    """A calibration, its RMS reprojection error in [px], what it was made from, and what was left out with why."""

    calibration: Calibration
    error_px: float
    views: tuple[CalibrationView, ...]
    refused: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class _Corners:
    name: str
    model: Float32Array
    seen: Float32Array


def calibrate_camera(images: Sequence[tuple[str, ImageU8]], board: CharucoBoard) -> CameraResult:
    """Calibrates from named grey images of one size.

    Raises:
        CalibrationError: fewer than 6 images show the board well, or they fit no camera.
    """
    found: list[_Corners] = []
    refused: list[tuple[str, str]] = []
    detector = cv2.aruco.CharucoDetector(board.make())
    shape = images[0][1].shape if images else (0, 0)
    for name, image in images:
        if image.shape != shape:
            sizes = ("x".join(map(str, other[::-1])) for other in (image.shape, shape))
            refused.append((name, "is {}, the first image {}".format(*sizes)))
            continue
        corners = _find(detector, board, name, image)
        if corners is None:
            refused.append((name, f"shows fewer than {CORNERS_MIN} corners of the board"))
        else:
            found.append(corners)
    return _fit(found, refused, shape)


def _find(detector: cv2.aruco.CharucoDetector, board: CharucoBoard, name: str, image: ImageU8) -> _Corners | None:
    seen, ids, _, _ = detector.detectBoard(image)
    if ids is None or len(ids) < CORNERS_MIN:
        return None
    model = np.asarray(board.make().getChessboardCorners(), dtype=np.float32)[np.asarray(ids).ravel()]
    return _Corners(name, model, np.asarray(seen, dtype=np.float32).reshape(-1, 2))


def _fit(found: list[_Corners], refused: list[tuple[str, str]], shape: tuple[int, ...]) -> CameraResult:
    while True:
        if len(found) < VIEWS_MIN:
            why = "; ".join(f"{name}: {reason}" for name, reason in refused) or "none refused"
            raise CalibrationError(f"{len(found)} images show the board well, need {VIEWS_MIN} ({why})")
        size = (shape[1], shape[0])
        error, matrix, distortion, rotations, shifts, _, _, per_view = cv2.calibrateCameraExtended(
            [item.model for item in found], [item.seen for item in found], size, np.eye(3), np.zeros(5)
        )
        errors = np.asarray(per_view).ravel()
        worst = int(errors.argmax())
        if errors[worst] <= max(_OUTLIER_RATIO * float(np.median(errors)), _ERROR_FINE_PX):
            break
        refused.append((found.pop(worst).name, f"fits to {errors[worst]:.2f} px only, the others much better"))
    if error > ERROR_MAX_PX:
        raise CalibrationError(
            f"the corners fit a camera to {error:.2f} px only, limit {ERROR_MAX_PX} px; is the board flat, and are its "
            "measures as given?"
        )
    views = [
        CalibrationView(item.name, float(view_error), _pose(np.asarray(rotation), np.asarray(shift)))
        for item, view_error, rotation, shift in zip(found, errors, rotations, shifts, strict=True)
    ]
    numbers = tuple(float(value) for value in np.asarray(matrix).ravel())
    coefficients = tuple(float(value) for value in np.asarray(distortion).ravel()[:5])
    calibration = Calibration(size[0], size[1], numbers, coefficients)
    return CameraResult(calibration, float(error), tuple(views), tuple(refused))


def _pose(rotation: FloatArray, shift_m: FloatArray) -> FloatArray:
    pose = np.eye(4)
    pose[:3, :3] = cv2.Rodrigues(rotation)[0]
    pose[:3, 3] = shift_m.ravel()
    return pose
