"""The arm's numbers that are not in a URDF: typed view of `urdf/ur5e.yaml` and its like."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from workcell_ros.config import check_keys, load_yaml
from workcell_ros.errors import ConfigError

FloatArray = npt.NDArray[np.float64]

JOINTS = ("shoulder_pan", "shoulder_lift", "elbow", "wrist_1", "wrist_2", "wrist_3")
JOINT_COUNT = len(JOINTS)
_LIMITS = ("min_position", "max_position", "max_velocity", "max_effort", "max_acceleration", "max_jerk")
_DRIVE = ("gear_ratio", "torque_constant", "armature", "stiffness", "damping")
_SECTIONS = ("kinematics", "joint_limits", "inertia", "geometry", "drives")


@dataclass(frozen=True, eq=False)
class ArmParameters:
    """Limits and drives, one entry per joint from the base up; all arrays have shape (6,)."""

    position_min_rad: FloatArray
    position_max_rad: FloatArray
    velocity_max_rad_s: FloatArray
    effort_max_n_m: FloatArray
    acceleration_max_rad_s2: FloatArray
    jerk_max_rad_s3: FloatArray
    gear_ratio: FloatArray
    torque_constant_n_m_per_a: FloatArray
    armature_kg_m2: FloatArray
    stiffness_n_m_per_rad: FloatArray
    """Of the joint servo: tau = feedforward + stiffness * position error + damping * velocity error."""
    damping_n_m_s_per_rad: FloatArray


def joint_names(prefix: str = "") -> tuple[str, ...]:
    """Names of the joints in the URDF, from the base up."""
    return tuple(f"{prefix}{name}_joint" for name in JOINTS)


def load_arm_parameters(path: str | Path) -> ArmParameters:
    """Reads limits and drives from an arm's parameter file.

    Raises:
        ConfigError: the file cannot be read, or a joint or number is missing or not positive.
    """
    data = load_yaml(path)
    check_keys(path, "", data, _SECTIONS)
    limits = _table(path, data, "joint_limits", _LIMITS)
    drives = _table(path, data, "drives", _DRIVE)
    return ArmParameters(
        position_min_rad=limits["min_position"],
        position_max_rad=limits["max_position"],
        velocity_max_rad_s=limits["max_velocity"],
        effort_max_n_m=limits["max_effort"],
        acceleration_max_rad_s2=limits["max_acceleration"],
        jerk_max_rad_s3=limits["max_jerk"],
        gear_ratio=drives["gear_ratio"],
        torque_constant_n_m_per_a=drives["torque_constant"],
        armature_kg_m2=drives["armature"],
        stiffness_n_m_per_rad=drives["stiffness"],
        damping_n_m_s_per_rad=drives["damping"],
    )


def _table(file: str | Path, data: Mapping[str, Any], section: str, fields: tuple[str, ...]) -> dict[str, FloatArray]:
    """Column arrays of a section `joint -> field -> number`."""
    rows = data.get(section)
    if not isinstance(rows, Mapping):
        raise ConfigError(file, section, "is missing", f"a mapping with {', '.join(JOINTS)}")
    check_keys(file, section, rows, JOINTS)
    columns = {field: np.array([_number(file, rows, section, joint, field) for joint in JOINTS]) for field in fields}
    for column in columns.values():
        column.flags.writeable = False
    return columns


def _number(file: str | Path, rows: Mapping[str, Any], section: str, joint: str, field: str) -> float:
    row = rows.get(joint)
    value = row.get(field) if isinstance(row, Mapping) else None
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not good or (field != "min_position" and value is not None and value <= 0.0):
        raise ConfigError(file, f"{section}.{joint}.{field}", f"{value!r} cannot be used", "a finite number above 0")
    return float(value)  # type: ignore[arg-type]  # `good` holds, which mypy cannot carry over
