"""The cell's world in Gazebo: server without a window, the arm with its controllers, and the bridge to ROS.

What the cell's nodes need beyond that comes from the node gazebo_world, a part of the cell (see docs/worlds.md).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import EmitEvent, ExecuteProcess, RegisterEventHandler
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch_ros.actions import Node

from workcell_console.cell_arguments import CellArguments, arguments
from workcell_ros.cell_processes import description, running, state_publisher
from workcell_sim.gazebo.setup import GazeboSetup, gazebo_setup

CLOCK_RATE_HZ = "100.0"
"""Gazebo tells the time at each of its steps: more than the cell's nodes need, and can bear."""


def generate_launch_description() -> LaunchDescription:
    return description(arguments, _start)


def _start(texts: Mapping[str, str], share_dir: Path) -> list[LaunchDescriptionEntity]:
    given = CellArguments.from_strings(texts)
    setup = gazebo_setup(given, share_dir)
    server = _server(setup)
    return [
        server,
        RegisterEventHandler(OnProcessExit(target_action=server, on_exit=_on_server_exit)),
        state_publisher(setup.description, running(given)),
        _bridge(setup, given),
        _clock(),
        _arm(setup, given),
        _controllers(setup, given),
    ]


def _server(setup: GazeboSetup) -> ExecuteProcess:
    """Gazebo itself, and no shell before it: behind a shell it would outlive the launch."""
    gz = shutil.which("gz") or "gz"
    return ExecuteProcess(
        cmd=["ruby", gz, "sim", "-s", "-r", "--headless-rendering", "-v", "2", str(setup.world_file)],
        name="gazebo",
        output="screen",
        additional_env=setup.environment(os.environ),
        sigterm_timeout="10",
    )


def _on_server_exit(event: object, _context: LaunchContext) -> EmitEvent:
    return EmitEvent(event=Shutdown(reason="Gazebo ended"))


def _bridge(setup: GazeboSetup, given: CellArguments) -> Node:
    return Node(
        package="ros_gz_bridge",
        executable="parameter_bridge",
        namespace=given.namespace,
        parameters=[{"config_file": str(setup.bridge_file)}],
        additional_env=setup.environment(os.environ),
        respawn=True,
    )


def _clock() -> Node:
    return Node(
        package="topic_tools",
        executable="throttle",
        name="clock_throttle",
        arguments=["messages", "/gazebo/clock", CLOCK_RATE_HZ, "/clock"],
        parameters=[{"use_wall_clock": True}],
        respawn=True,
    )


def _arm(setup: GazeboSetup, given: CellArguments) -> Node:
    """Spawns the arm from its description; ends when it is there."""
    return Node(
        package="ros_gz_sim",
        executable="create",
        namespace=given.namespace,
        arguments=["-world", setup.world_name, "-name", "workcell", "-topic", "robot_description"],
        additional_env=setup.environment(os.environ),
    )


def _controllers(setup: GazeboSetup, given: CellArguments) -> Node:
    """Loads and starts the controllers; until then the trajectory controller refuses goals."""
    return Node(
        package="controller_manager",
        executable="spawner",
        namespace=given.namespace,
        arguments=[
            "joint_state_broadcaster",
            "joint_trajectory_controller",
            "--controller-manager-timeout",
            "300",
            "--switch-timeout",
            "60",
            "--service-call-timeout",
            "60",
            "--param-file",
            str(setup.controllers_file),
        ],
    )
