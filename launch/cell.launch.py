"""The whole cell: every node, its parameters checked before anything starts, brought up in order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ament_index_python.packages import get_package_share_directory
from launch import LaunchContext, LaunchDescription, LaunchDescriptionEntity
from launch.actions import DeclareLaunchArgument, EmitEvent, OpaqueFunction
from launch.events import Shutdown
from launch.events.process import ProcessExited
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import Node
from launch_ros.parameter_descriptions import ParameterValue

from workcell_console.cell_arguments import CellArguments, arguments, plan_from, robot_description, teach
from workcell_console.cell_check import check
from workcell_ros.lifecycle import EXIT_CONFIG
from workcell_ros.lifecycle_manager_node import EXIT_BRINGUP_FAILED
from workcell_ros.plan import CellPlan

STOP_TIMEOUT_S = "15"
"""From SIGINT to harsher signals: bringing the arm to rest and taking leave of field devices take their time."""

MANAGER_ENDS = (0, EXIT_CONFIG, EXIT_BRINGUP_FAILED)
"""Exit codes of a lifecycle manager that meant to end."""


def _declared() -> list[DeclareLaunchArgument]:
    return [
        DeclareLaunchArgument(
            item.name,
            default_value=item.default,
            description=item.description,
            **({"choices": list(item.choices)} if item.choices else {}),
        )
        for item in arguments()
    ]


def _start(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    strings = {item.name: LaunchConfiguration(item.name).perform(context) for item in arguments()}
    given = CellArguments.from_strings(strings)
    share_dir = Path(get_package_share_directory("workcell"))
    plan = plan_from(given, share_dir)
    check(plan, given, share_dir)
    teach(plan, given)
    return [*_processes(plan, given), _manager(plan, given), *_state_publisher(share_dir, given)]


def _common(plan: CellPlan, given: CellArguments) -> dict[str, Any]:
    return {
        "package": "workcell",
        "namespace": given.namespace,
        "output": "screen",
        "ros_arguments": ["--log-level", given.log_level],
        "parameters": [str(plan.params_file), {"use_sim_time": given.use_sim_time}],
        "sigterm_timeout": STOP_TIMEOUT_S,
    }


def _processes(plan: CellPlan, given: CellArguments) -> list[Node]:
    return [
        Node(
            executable="compose",
            arguments=list(members),
            respawn=True,
            respawn_delay=given.respawn_delay_s,
            exec_name=process,
            **_common(plan, given),
        )
        for process, members in plan.processes.items()
    ]


def _on_manager_exit(event: ProcessExited, _context: LaunchContext) -> EmitEvent | None:
    """Takes the cell down, safely, where its manager has given up or was told to stop.

    One that died otherwise is started again, and finds the nodes as they are.
    """
    if event.returncode in MANAGER_ENDS:
        return EmitEvent(event=Shutdown(reason="the lifecycle manager ended"))
    return None


def _manager(plan: CellPlan, given: CellArguments) -> Node:
    common = _common(plan, given)
    common["parameters"].append({"node_names": list(plan.values)})
    return Node(
        executable="lifecycle_manager_node",
        exec_name="lifecycle_manager",
        respawn=True,
        respawn_delay=given.respawn_delay_s,
        on_exit=_on_manager_exit,
        **common,
    )


def _state_publisher(share_dir: Path, given: CellArguments) -> list[Node]:
    if not given.tf:
        return []
    description = robot_description(share_dir, given.sim)
    # Told to be a string: launch would read it as YAML.
    parameters = [
        {"robot_description": ParameterValue(description, value_type=str), "use_sim_time": given.use_sim_time}
    ]
    return [
        Node(
            package="robot_state_publisher",
            executable="robot_state_publisher",
            namespace=given.namespace,
            parameters=parameters,
            respawn=True,
            respawn_delay=given.respawn_delay_s,
        )
    ]


def generate_launch_description() -> LaunchDescription:
    return LaunchDescription([*_declared(), OpaqueFunction(function=_start)])
