"""Builds the cell's task from its files: description, arm, station, scene, planner."""

from __future__ import annotations

from pathlib import Path

from workcell_control.cell.cell_parameters import CellParameters
from workcell_control.cell.station import load_arm, load_station
from workcell_control.cell.task import CellTask
from workcell_control.motion.collision import CollisionScene
from workcell_control.motion.description import load_description
from workcell_control.motion.dynamics import Payload
from workcell_control.motion.planner import MotionPlanner
from workcell_ros.config import load_yaml
from workcell_ros.errors import ConfigError


def build_task(values: CellParameters) -> CellTask:
    """The task of the cell that the files of `values` describe.

    Raises:
        ConfigError: a file is missing or a value in it cannot be used.
        KinematicsError: a pose of the station is out of reach, or only reached in collision.
    """
    station = load_station(values.station_file)
    # The station and arm files go on to the xacro, so that model and task cannot disagree.
    arguments = {
        "prefix": values.joint_prefix,
        "station": str(Path(values.station_file).resolve()),
        "arm_parameters": str(Path(values.arm_file).resolve()),
        "calibration": _calibration(values.calibration_file),
    }
    description = load_description(values.description_file, arguments)
    arm = load_arm(description, values.arm_file, values.joint_prefix + station.tool_frame)
    scene = CollisionScene(arm, description, station.home, station.part)
    # The cell repeats its moves: they are worth some milliseconds more of planning.
    planner = MotionPlanner(arm, scene, payload=Payload(station.grip.part_mass_kg), is_retimed=True)
    return CellTask(planner, station, values.approach_speed_max_m_s)


def _calibration(file: str) -> str:
    """The absolute path of a calibration that holds kinematics, empty for none.

    Raises:
        ConfigError: the file is missing or holds none.
    """
    if not file:
        return ""
    if not isinstance(load_yaml(file).get("kinematics"), dict):
        raise ConfigError(
            file, "kinematics", "is missing", "the links' poses as the robot's calibration tool writes them"
        )
    return str(Path(file).resolve())
