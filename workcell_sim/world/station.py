"""Where things stand in the cell: the typed view of `config/station.yaml`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from transforms3d.euler import euler2mat

from workcell_ros.config import check_keys, load_yaml
from workcell_ros.errors import ConfigError

FloatArray = npt.NDArray[np.float64]

POSES = ("infeed_pick", "camera_inspect", "accept_place", "rework_place", "reject_place")
BINS = ("accept", "rework", "reject")
_SECTIONS = (
    "frame",
    "tcp_frame",
    "arm_base_frame",
    "camera_frame",
    "arm_base",
    "poses",
    "home_joints_rad",
    "safe_height_m",
    "approach_height_m",
    "board",
    "gripper",
    "camera",
    "infeed",
    "bins",
    "table",
)


@dataclass(frozen=True)
class Pose:
    """A pose in the frame `world`; rotation as fixed-axis roll, pitch, yaw (URDF)."""

    position_m: tuple[float, float, float]
    rotation_rpy_rad: tuple[float, float, float]

    @property
    def matrix(self) -> FloatArray:
        """Homogeneous transform, shape (4, 4)."""
        transform = np.eye(4)
        transform[:3, :3] = euler2mat(*self.rotation_rpy_rad, axes="sxyz")
        transform[:3, 3] = self.position_m
        return transform


@dataclass(frozen=True)
class Bin:
    """An outfeed bin seen from above: what is let go inside it falls in."""

    name: str
    centre_m: tuple[float, float]
    size_m: tuple[float, float]
    yaw_rad: float
    top_m: float

    def holds(self, x_m: float, y_m: float) -> bool:
        """Whether a point lies over the bin."""
        dx, dy = x_m - self.centre_m[0], y_m - self.centre_m[1]
        along = math.cos(self.yaw_rad) * dx + math.sin(self.yaw_rad) * dy
        across = -math.sin(self.yaw_rad) * dx + math.cos(self.yaw_rad) * dy
        return abs(along) <= self.size_m[0] / 2 and abs(across) <= self.size_m[1] / 2


@dataclass(frozen=True)
class CameraPlace:
    """Pose of the optical frame in `world` and the intrinsics of the camera."""

    pose: Pose
    working_distance_m: float
    focal_length_px: float
    image_size_px: tuple[int, int]


@dataclass(frozen=True)
class Station:
    """The layout. Poses are those of the cup's lip (`gripper_tcp`), z out of the cup."""

    arm_base: Pose
    infeed_pick: Pose
    camera_inspect: Pose
    accept_place: Pose
    rework_place: Pose
    reject_place: Pose
    home_joints_rad: tuple[float, ...]
    safe_height_m: float
    approach_height_m: float
    board_size_m: float
    board_thickness_m: float
    board_mass_kg: float
    cup_radius_m: float
    camera: CameraPlace
    bins: tuple[Bin, ...]


def load_station(path: str | Path) -> Station:
    """Reads a station file.

    Raises:
        ConfigError: the file cannot be read, or a key is missing, unknown or not a number.
    """
    data = load_yaml(path)
    check_keys(path, "", data, _SECTIONS)
    reader = _Reader(path, data)
    poses = {name: reader.pose("poses", name) for name in POSES}
    bins = tuple(_bin(reader, name, poses[f"{name}_place"]) for name in BINS)
    return Station(
        arm_base=reader.pose("arm_base"),
        home_joints_rad=reader.numbers("home_joints_rad", count=6),
        safe_height_m=reader.number("safe_height_m"),
        approach_height_m=reader.number("approach_height_m"),
        board_size_m=reader.number("board", "size_m"),
        board_thickness_m=reader.number("board", "thickness_m"),
        board_mass_kg=reader.number("board", "mass_kg"),
        cup_radius_m=reader.number("gripper", "cup_radius_m"),
        camera=_camera(reader),
        bins=bins,
        **poses,
    )


def _bin(reader: _Reader, name: str, place: Pose) -> Bin:
    x, y, z = place.position_m
    width, length = reader.numbers("bins", "size_m", count=2)
    return Bin(
        name=name,
        centre_m=(x, y),
        size_m=(width, length),
        yaw_rad=reader.number("bins", "yaw_rad", name),
        top_m=z - reader.number("bins", "drop_height_m"),
    )


def _camera(reader: _Reader) -> CameraPlace:
    position = reader.numbers("camera", "position_m", count=3)
    rotation = reader.numbers("camera", "rotation_rpy_rad", count=3)
    width, height = reader.numbers("camera", "image_size_px", count=2)
    return CameraPlace(
        pose=Pose((position[0], position[1], position[2]), (rotation[0], rotation[1], rotation[2])),
        working_distance_m=reader.number("camera", "working_distance_m"),
        focal_length_px=reader.number("camera", "focal_length_px"),
        image_size_px=(int(width), int(height)),
    )


class _Reader:
    """Reads numbers out of nested mappings; errors name the dotted key."""

    def __init__(self, file: str | Path, data: Mapping[str, Any]) -> None:
        self._file = file
        self._data = data

    def number(self, *keys: str) -> float:
        value = self._get(keys)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ConfigError(self._file, ".".join(keys), f"{value!r} is not a number", "a finite number")
        return float(value)

    def numbers(self, *keys: str, count: int) -> tuple[float, ...]:
        values = self._get(keys)
        if not isinstance(values, Sequence) or isinstance(values, str) or len(values) != count:
            raise ConfigError(self._file, ".".join(keys), f"{values!r} is not a list of {count}", f"{count} numbers")
        if any(isinstance(v, bool) or not isinstance(v, int | float) or not math.isfinite(v) for v in values):
            raise ConfigError(self._file, ".".join(keys), f"{values!r} holds a non-number", f"{count} finite numbers")
        return tuple(float(v) for v in values)

    def pose(self, *keys: str) -> Pose:
        position = self.numbers(*keys, "position_m", count=3)
        rotation = self.numbers(*keys, "rotation_rpy_rad", count=3)
        return Pose((position[0], position[1], position[2]), (rotation[0], rotation[1], rotation[2]))

    def _get(self, keys: tuple[str, ...]) -> Any:
        node: Any = self._data
        for depth, key in enumerate(keys):
            if not isinstance(node, Mapping) or key not in node:
                valid = sorted(node) if isinstance(node, Mapping) else "a mapping"
                raise ConfigError(self._file, ".".join(keys[: depth + 1]), "is missing", valid)
            node = node[key]
        return node
