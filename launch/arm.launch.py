"""The arm alone: its description with transforms, and the driver of a mock or real one."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import OpaqueFunction

from workcell_console.cell_arguments import CellArguments, arguments
from workcell_console.cell_plan import robot_description
from workcell_ros.arguments import Argument
from workcell_ros.cell_processes import declared, running, state_publisher, strings


def generate_launch_description() -> LaunchDescription:
    share_dir = Path(get_package_share_directory("workcell"))
    offered = arguments(share_dir)
    start = partial(_start, offered=offered, share_dir=share_dir)
    return LaunchDescription([*declared(offered), OpaqueFunction(function=start)])


def _start(context: LaunchContext, offered: list[Argument], share_dir: Path) -> list[LaunchDescriptionEntity]:
    given = CellArguments.from_strings(strings(context, offered))
    if not given.tf:
        return []
    return [state_publisher(robot_description(given, share_dir), running(given))]
