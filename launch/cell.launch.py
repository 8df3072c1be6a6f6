"""The whole cell: every node, its parameters checked before anything starts, brought up in order.

Its parts can be launched alone: simulation, field, perception, control, console and arm `.launch.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from launch import LaunchDescription, LaunchDescriptionEntity
from launch.actions import IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource

from workcell_console.cell_arguments import arguments
from workcell_console.cell_check import prepared
from workcell_ros.cell_processes import description, manager, processes, running


def generate_launch_description() -> LaunchDescription:
    return description(arguments, _start)


def _start(texts: Mapping[str, str], share_dir: Path) -> list[LaunchDescriptionEntity]:
    given, plan = prepared(texts, share_dir)
    common = running(given)
    return [*processes(plan, common), manager(plan, common), _included(given.sim, texts, share_dir)]


def _included(sim: str, texts: Mapping[str, str], share_dir: Path) -> IncludeLaunchDescription:
    """Gazebo's world, or else the arm's description and driver."""
    file = share_dir / "launch" / ("gazebo.launch.py" if sim == "gazebo" else "arm.launch.py")
    return IncludeLaunchDescription(PythonLaunchDescriptionSource(str(file)), launch_arguments=list(texts.items()))
