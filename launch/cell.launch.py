"""The whole cell: every node, its parameters checked before anything starts, brought up in order.

Its parts can be launched alone: simulation, field, perception, control, console and arm `.launch.py`.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import IncludeLaunchDescription, OpaqueFunction
from launch.launch_description_sources import PythonLaunchDescriptionSource

from workcell_console.cell_arguments import arguments
from workcell_console.cell_check import prepared
from workcell_ros.arguments import Argument
from workcell_ros.cell_processes import declared, manager, processes, running, strings


def generate_launch_description() -> LaunchDescription:
    share_dir = Path(get_package_share_directory("workcell"))
    offered = arguments(share_dir)
    start = partial(_start, offered=offered, share_dir=share_dir)
    return LaunchDescription([*declared(offered), OpaqueFunction(function=start)])


def _start(context: LaunchContext, offered: list[Argument], share_dir: Path) -> list[LaunchDescriptionEntity]:
    texts = strings(context, offered)
    given, plan = prepared(texts, share_dir)
    common = running(given)
    return [*processes(plan, common), manager(plan, common), _included(given.sim, texts, share_dir)]


def _included(sim: str, texts: dict[str, str], share_dir: Path) -> IncludeLaunchDescription:
    """Gazebo's world, or else the arm's description and driver."""
    file = share_dir / "launch" / ("gazebo.launch.py" if sim == "gazebo" else "arm.launch.py")
    return IncludeLaunchDescription(PythonLaunchDescriptionSource(str(file)), launch_arguments=list(texts.items()))
