"""Page and recorder alone."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription

from workcell_console.cell_arguments import arguments
from workcell_console.cell_check import prepared
from workcell_ros.cell_processes import part


def generate_launch_description() -> LaunchDescription:
    share_dir = Path(get_package_share_directory("workcell"))
    return part("console", arguments(share_dir), partial(prepared, share_dir=share_dir, part="console"))
