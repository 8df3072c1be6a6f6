"""What the cell needs to know of its station: the poses of the tool, and how parts are held."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from transforms3d.euler import euler2mat

from workcell_control.cell.steps import BINS, Bin
from workcell_control.motion.arrays import FloatArray, frozen_array
from workcell_control.motion.collision import HeldPart
from workcell_control.motion.grip import SuctionGrip
from workcell_control.motion.kinematics import Arm
from workcell_ros.config import load_yaml
from workcell_ros.errors import ConfigError

POSES = ("infeed_pick", "camera_inspect", "accept_place", "rework_place", "reject_place")


@dataclass(frozen=True)
class Footprint:
    """An outfeed bin seen from above: what is let go inside it falls in."""

    centre_m: tuple[float, float]
    size_m: tuple[float, float]
    yaw_rad: float
    top_m: float

    def is_below(self, position_m: FloatArray) -> bool:
        """Whether a point (3,) in `world` lies over the bin."""
        dx, dy = float(position_m[0]) - self.centre_m[0], float(position_m[1]) - self.centre_m[1]
        along = math.cos(self.yaw_rad) * dx + math.sin(self.yaw_rad) * dy
        across = math.cos(self.yaw_rad) * dy - math.sin(self.yaw_rad) * dx
        is_inside = abs(along) <= self.size_m[0] / 2 and abs(across) <= self.size_m[1] / 2
        return is_inside and float(position_m[2]) >= self.top_m


@dataclass(frozen=True)
class Station:
    """The station's poses (4x4, of the tool in `world`) and dimensions."""

    tool_frame: str
    poses: Mapping[str, FloatArray]
    home: FloatArray
    """Configuration from which the arm begins, shape (n,) [rad]."""
    safe_height_m: float
    approach_height_m: float
    part: HeldPart
    grip: SuctionGrip
    bins: Mapping[Bin, Footprint]

    def above(self, name: str) -> FloatArray:
        """The pose straight above the pose `name`, where its approach begins."""
        pose = np.array(self.poses[name])
        pose[2, 3] += self.approach_height_m
        return pose

    def bin_below(self, position_m: FloatArray) -> Bin | None:
        """The bin that a point (3,) in `world` lies over, None where it lies over none."""
        return next((name for name, footprint in self.bins.items() if footprint.is_below(position_m)), None)


def load_station(file: str | Path) -> Station:
    """Read the station file.

    Raises:
        ConfigError: the file is missing, or a value it must hold is missing or no number.
    """
    data = load_yaml(file)
    poses = {name: _pose(file, data, name) for name in POSES}
    size_m = _number(file, data, "board", "size_m")
    cup_radius_m = _number(file, data, "gripper", "cup_radius_m")
    part_mass_kg = _number(file, data, "board", "mass_kg")
    try:
        grip = SuctionGrip(cup_radius_m=cup_radius_m, part_mass_kg=part_mass_kg)
    except ValueError as error:
        raise ConfigError(file, "gripper, board", str(error), "a cup and a board that there can be") from None
    return Station(
        tool_frame=str(data.get("tcp_frame", "tool0")),
        poses=poses,
        home=frozen_array(_numbers(file, data, None, "home_joints_rad")),
        safe_height_m=_number(file, data, "safe_height_m"),
        approach_height_m=_number(file, data, "approach_height_m"),
        part=HeldPart((size_m, size_m, _number(file, data, "board", "thickness_m"))),
        grip=grip,
        bins={name: _footprint(file, data, name, poses[f"{name}_place"]) for name in BINS},
    )


def _footprint(file: str | Path, data: Mapping[str, Any], name: Bin, place: FloatArray) -> Footprint:
    width_m, length_m = _numbers(file, data, 2, "bins", "size_m")
    return Footprint(
        centre_m=(float(place[0, 3]), float(place[1, 3])),
        size_m=(width_m, length_m),
        yaw_rad=_number(file, data, "bins", "yaw_rad", name),
        top_m=float(place[2, 3]) - _number(file, data, "bins", "drop_height_m"),
    )


def load_arm(description: str, arm_file: str | Path, tool_frame: str) -> Arm:
    """The arm of a URDF with the acceleration and jerk limits of its parameter file, which a URDF cannot hold.

    Raises:
        ConfigError: the file is missing, or a joint's limit is.
        KinematicsError: the description cannot be used.
    """
    bare = Arm(description, tool_frame)
    data = load_yaml(arm_file)
    # A joint may carry a prefix in the URDF; its row is named without it and without `_joint`.
    table = _at(arm_file, data, ("joint_limits",))
    rows = [_row_of(arm_file, table, name) for name in bare.joint_names]
    return Arm(
        description,
        tool_frame,
        acceleration_max=np.array([_number(arm_file, data, "joint_limits", row, "max_acceleration") for row in rows]),
        jerk_max=np.array([_number(arm_file, data, "joint_limits", row, "max_jerk") for row in rows]),
    )


def _row_of(file: str | Path, table: Mapping[str, Any], joint: str) -> str:
    matches = [row for row in table if joint.removesuffix("_joint").endswith(row)]
    if not matches:
        raise ConfigError(file, "joint_limits", f"has no row for joint {joint}", list(table))
    return max(matches, key=len)


def _pose(file: str | Path, data: Mapping[str, Any], name: str) -> FloatArray:
    pose = np.eye(4)
    pose[:3, 3] = _numbers(file, data, 3, "poses", name, "position_m")
    # Fixed-axis roll, pitch, yaw, as in URDF.
    pose[:3, :3] = euler2mat(*_numbers(file, data, 3, "poses", name, "rotation_rpy_rad"), axes="sxyz")
    return frozen_array(pose)


def _at(file: str | Path, data: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    value: Any = data
    for depth, key in enumerate(keys):
        if not isinstance(value, Mapping) or key not in value:
            valid = list(value) if isinstance(value, Mapping) else "a mapping"
            raise ConfigError(file, ".".join(keys[: depth + 1]), "is missing", valid)
        value = value[key]
    return value


def _number(file: str | Path, data: Mapping[str, Any], *keys: str) -> float:
    value = _at(file, data, keys)
    if not _is_number(value):
        raise ConfigError(file, ".".join(keys), f"{value!r} is no number", "a finite number")
    return float(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _numbers(file: str | Path, data: Mapping[str, Any], count: int | None, *keys: str) -> list[float]:
    value = _at(file, data, keys)
    is_numbers = isinstance(value, list) and all(map(_is_number, value))
    if not is_numbers or (count is not None and len(value) != count):
        expected = "finite numbers" if count is None else f"{count} finite numbers"
        raise ConfigError(file, ".".join(keys), f"{value!r} cannot be used", f"a list of {expected}")
    return [float(v) for v in value]
