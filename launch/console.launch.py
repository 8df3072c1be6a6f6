"""Page and recorder alone."""

from __future__ import annotations

from launch import LaunchDescription

from workcell_console.cell_arguments import arguments
from workcell_console.cell_check import prepared
from workcell_ros.cell_processes import part


def generate_launch_description() -> LaunchDescription:
    return part("console", arguments, prepared)
