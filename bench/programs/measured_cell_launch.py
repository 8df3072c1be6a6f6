"""The cell with a probe that ends it after a number of parts; further arguments are those of cell.launch.py."""

from __future__ import annotations

import sys
from pathlib import Path

from ament_index_python.packages import get_package_share_directory
from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, EmitEvent, IncludeLaunchDescription
from launch.events import Shutdown
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

PROBE = Path(__file__).with_name("cell_probe.py")


def generate_launch_description() -> LaunchDescription:
    cell = Path(get_package_share_directory("workcell")) / "launch" / "cell.launch.py"
    probe = Node(
        executable=sys.executable,
        arguments=[str(PROBE), LaunchConfiguration("probe_file"), LaunchConfiguration("parts")],
        exec_name="probe",
        namespace=LaunchConfiguration("namespace"),
        # What it times, it times by the clock that stamped it.
        parameters=[{"use_sim_time": ParameterValue(LaunchConfiguration("use_sim_time"), value_type=bool)}],
        output="screen",
        on_exit=EmitEvent(event=Shutdown(reason="the probe has seen enough")),
    )
    return LaunchDescription(
        [
            DeclareLaunchArgument("probe_file", description="Where the probe writes what it saw"),
            DeclareLaunchArgument("parts", default_value="200", description="Parts after which the cell is ended"),
            IncludeLaunchDescription(PythonLaunchDescriptionSource(str(cell))),
            probe,
        ]
    )
