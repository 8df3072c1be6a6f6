"""The camera's intrinsics: image <-> straight pixels. Files are ROS camera calibration YAML (camera_info)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import yaml

from workcell_ros.config import load_yaml
from workcell_ros.errors import ConfigError

FloatArray = npt.NDArray[np.float64]
ImageU8 = npt.NDArray[np.uint8]

DISTORTION_MODEL = "plumb_bob"
_DISTORTION_MIN = 1e-9


@dataclass(frozen=True)
class Calibration:
    """A camera's size, matrix K as nine numbers row by row, and plumb_bob distortion k1 k2 p1 p2 k3.

    Raises:
        ValueError: a size or focal length is not positive, or a number of coefficients is wrong.
    """

    width_px: int
    height_px: int
    camera_matrix: tuple[float, ...]
    distortion: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        if self.width_px < 1 or self.height_px < 1:
            raise ValueError(f"image size {self.width_px}x{self.height_px} is not positive")
        if len(self.camera_matrix) != 9 or len(self.distortion) != 5:
            raise ValueError("a camera matrix has 9 numbers and plumb_bob distortion 5")
        if self.camera_matrix[0] <= 0 or self.camera_matrix[4] <= 0:
            raise ValueError(f"focal lengths {self.camera_matrix[0]}, {self.camera_matrix[4]} are not positive")

    @classmethod
    def ideal(cls, width_px: int, height_px: int, focal_px: float) -> Calibration:
        """A camera without distortion whose axis goes through the image centre."""
        cx, cy = (width_px - 1) / 2, (height_px - 1) / 2
        return cls(width_px, height_px, (focal_px, 0.0, cx, 0.0, focal_px, cy, 0.0, 0.0, 1.0))

    @property
    def is_distorted(self) -> bool:
        """Whether images need straightening at all."""
        return any(abs(coefficient) > _DISTORTION_MIN for coefficient in self.distortion)

    @property
    def intrinsics(self) -> FloatArray:
        """Camera matrix K, shape (3, 3)."""
        return np.array(self.camera_matrix, dtype=np.float64).reshape(3, 3)

    def straighten(self, image: ImageU8) -> ImageU8:
        """Removes the lens distortion, same shape; returns the image itself where there is none."""
        if not self.is_distorted:
            return image
        return np.asarray(cv2.remap(image, *self._maps, cv2.INTER_LINEAR), dtype=np.uint8)

    @cached_property
    def _maps(self) -> tuple[Any, Any]:
        matrix = self.intrinsics
        size = (self.width_px, self.height_px)
        coefficients = np.array(self.distortion)
        first, second = cv2.initUndistortRectifyMap(matrix, coefficients, np.eye(3), matrix, size, cv2.CV_16SC2)
        return first, second

    def save(self, file: str | Path) -> None:
        """Writes a ROS camera calibration file."""
        data = {
            "image_width": self.width_px,
            "image_height": self.height_px,
            "camera_name": "inspection_camera",
            "camera_matrix": {"rows": 3, "cols": 3, "data": list(self.camera_matrix)},
            "distortion_model": DISTORTION_MODEL,
            "distortion_coefficients": {"rows": 1, "cols": 5, "data": list(self.distortion)},
        }
        Path(file).write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")


def load_calibration(file: str | Path) -> Calibration:
    """Reads a ROS camera calibration file.

    Raises:
        ConfigError: the file is missing, a key is absent or its value cannot be used.
    """
    data = load_yaml(file)
    model = data.get("distortion_model", DISTORTION_MODEL)
    if model != DISTORTION_MODEL:
        raise ConfigError(file, "distortion_model", f"{model!r} is not supported", DISTORTION_MODEL)
    width, height = (_number(file, data, key) for key in ("image_width", "image_height"))
    matrix = _matrix(file, data, "camera_matrix", 9)
    distortion = _matrix(file, data, "distortion_coefficients", 5)
    try:
        return Calibration(int(width), int(height), matrix, distortion)
    except ValueError as error:
        raise ConfigError(file, "camera_matrix", str(error), "positive sizes and focal lengths") from None


def _number(file: str | Path, data: dict[str, Any], key: str) -> float:
    value = data.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ConfigError(file, key, f"{value!r} is no image size", "a positive whole number")
    return value


def _matrix(file: str | Path, data: dict[str, Any], key: str, count: int) -> tuple[float, ...]:
    block = data.get(key)
    values = block.get("data") if isinstance(block, dict) else None
    is_list = isinstance(values, Sequence) and not isinstance(values, str) and len(values) == count
    if not is_list or not all(isinstance(value, int | float) for value in values or ()):
        raise ConfigError(file, f"{key}.data", f"{values!r} does not fit", f"a list of {count} numbers")
    return tuple(float(value) for value in values or ())
