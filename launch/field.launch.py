"""What speaks with the field alone: gateway and monitor, historian and outward servers where asked for."""

from __future__ import annotations

from launch import LaunchDescription

from workcell_console.cell_arguments import arguments
from workcell_console.cell_check import prepared
from workcell_ros.cell_processes import part


def generate_launch_description() -> LaunchDescription:
    return part("field", arguments, prepared)
