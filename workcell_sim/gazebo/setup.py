"""What Gazebo is started with: the world's file, the arm's description, the bridge's table, and variables. Pure."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from workcell_console.cell_arguments import CellArguments, arm_path, existing_file, station_path
from workcell_control.motion.description import load_description
from workcell_sim.gazebo.belt import ROLLER_RADIUS_M
from workcell_sim.gazebo.gazebo_parameters import GazeboWorldParameters

WORLD_NAME = "cell"
FOLDER = "gazebo"
"""Under the cell's output folder."""


@dataclass(frozen=True)
class GazeboSetup:
    """Files and names for one world.

    Attributes:
        world_file: the world as SDF, written for this cell.
        description: the arm's URDF.
        partition: keeps this world's transport apart from that of others on the same machine.
    """

    world_file: Path
    world_name: str
    description: str
    bridge_file: Path
    controllers_file: Path
    partition: str

    def environment(self, given: Mapping[str, str]) -> dict[str, str]:
        """Returns variables for Gazebo's processes; what the caller's environment says of these stands."""
        wanted = {
            "GZ_PARTITION": self.partition,
            # Gazebo would otherwise announce itself on every network of the machine.
            "GZ_IP": "127.0.0.1",
            "GZ_SIM_SYSTEM_PLUGIN_PATH": _library_path(given),
        }
        return {name: given.get(name) or value for name, value in wanted.items() if value}


def gazebo_setup(given: CellArguments, share_dir: Path) -> GazeboSetup:
    """Writes the world of a cell into its output folder.

    Raises:
        ConfigError: a xacro or a file that it reads is missing or malformed.
    """
    folder = Path(given.out_dir).absolute() / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    boards = folder / "boards"
    boards.mkdir(exist_ok=True)
    station = str(station_path(given, share_dir))
    slots = str(GazeboWorldParameters.board_slots)
    controllers = share_dir / "config" / "gazebo_controllers.yaml"
    world = load_description(
        share_dir / "worlds" / "cell.sdf.xacro",
        {
            "station": station,
            "boards": str(boards),
            "board_slots": slots,
            "roller_radius_m": str(ROLLER_RADIUS_M),
            "real_time_factor": str(given.time_scale),
        },
    )
    world_file = folder / "cell.sdf"
    world_file.write_text(world, encoding="utf-8")
    description = load_description(
        share_dir / "urdf" / "cell.urdf.xacro",
        {
            "sim": "gazebo",
            "arm_parameters": str(arm_path(given.robot, share_dir)),
            "station": station,
            "calibration": existing_file("calibration", given.calibration),
            "namespace": f"/{given.namespace.strip('/')}",
            "controllers": str(controllers),
            "board_slots": slots,
        },
    )
    return GazeboSetup(
        world_file=world_file,
        world_name=WORLD_NAME,
        description=description,
        bridge_file=share_dir / "config" / "gazebo_bridge.yaml",
        controllers_file=controllers,
        partition=f"workcell_{given.namespace.strip('/') or 'cell'}_{os.getpid()}",
    )


def _library_path(given: Mapping[str, str]) -> str:
    """Gazebo finds plugins of ROS packages, gz_ros2_control's among them, where the libraries of these are."""
    return given.get("LD_LIBRARY_PATH", "")
