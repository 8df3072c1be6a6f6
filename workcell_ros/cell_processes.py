"""The processes of a planned cell as launch actions, shared by the launch files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
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

from workcell_ros.arguments import Argument, check_names
from workcell_ros.lifecycle import EXIT_CONFIG
from workcell_ros.lifecycle_manager_node import EXIT_BRINGUP_FAILED
from workcell_ros.plan import CellPlan

STOP_TIMEOUT_S = "15"
"""From SIGINT to harsher signals: bringing the arm to rest and taking leave of field devices take their time."""

ENCLAVES = "/workcell"
"""Folder of the enclaves in security/policy.xml."""

MANAGER_ENDS = (0, EXIT_CONFIG, EXIT_BRINGUP_FAILED)
"""Exit codes of a lifecycle manager that meant to end."""

Offer = Callable[[Path], Sequence[Argument]]
"""Returns what a launch file can be told; takes the folder of the package's shared files."""
Start = Callable[[Mapping[str, str], Path], Sequence[LaunchDescriptionEntity]]
"""Returns what is started, out of a launch file's strings and the folder of shared files."""
Prepare = Callable[[Mapping[str, str], Path, str], tuple[Any, CellPlan]]
"""Makes arguments and plan of a part of the cell out of strings, the folder of shared files and the part's name."""


@dataclass(frozen=True)
class Running:
    """What all processes of a cell have in common."""

    namespace: str
    use_sim_time: bool
    log_level: str
    respawn_delay_s: float
    has_enclaves: bool = False
    """Whether every process runs in the SROS 2 enclave of its name."""

    def ros_arguments(self, process: str) -> list[str]:
        """Returns what a process is told beside its parameters."""
        enclave = ["--enclave", f"{ENCLAVES}/{process}"] if self.has_enclaves else []
        return ["--log-level", self.log_level, *enclave]


def declared(arguments: Sequence[Argument]) -> list[DeclareLaunchArgument]:
    """Returns the launch files' declarations of arguments."""
    return [
        DeclareLaunchArgument(
            item.name,
            default_value=item.default,
            description=item.description,
            **({"choices": list(item.choices)} if item.choices else {}),
        )
        for item in arguments
    ]


def strings(context: LaunchContext, arguments: Sequence[Argument]) -> dict[str, str]:
    """Returns the values in force, by name.

    Raises:
        ConfigError: the command line names an argument that is nearly, but not quite, one of these.
    """
    check_names(arguments, context.argv)
    return {item.name: LaunchConfiguration(item.name).perform(context) for item in arguments}


def description(offer: Offer, start: Start) -> LaunchDescription:
    """Returns what a launch file is: its arguments, and what is started once their values are known."""
    share_dir = Path(get_package_share_directory("workcell"))
    offered = offer(share_dir)

    def begin(context: LaunchContext) -> list[LaunchDescriptionEntity]:
        return list(start(strings(context, offered), share_dir))

    return LaunchDescription([*declared(offered), OpaqueFunction(function=begin)])


def part(name: str, offer: Offer, prepare: Prepare) -> LaunchDescription:
    """Returns the launch description of a part of the cell, with a lifecycle manager of its own."""

    def start(texts: Mapping[str, str], share_dir: Path) -> list[LaunchDescriptionEntity]:
        given, plan = prepare(texts, share_dir, name)
        common = running(given)
        return [*processes(plan, common), manager(plan, common, f"{name}_manager")]

    return description(offer, start)


def running(given: Any) -> Running:
    """Returns what all processes have in common, out of an object that has it among others."""
    return Running(given.namespace, given.has_sim_time, given.log_level, given.respawn_delay_s, given.enclaves)


def processes(plan: CellPlan, running: Running) -> list[Node]:
    """Returns a process for each group of nodes; one that dies is started again."""
    return [
        Node(
            executable="compose",
            arguments=list(members),
            exec_name=process,
            ros_arguments=running.ros_arguments(process),
            **_common(plan, running),
        )
        for process, members in plan.processes.items()
    ]


def manager(plan: CellPlan, running: Running, name: str = "lifecycle_manager") -> Node:
    """Returns the process that brings the plan's nodes up and watches them; its end is the end of the launch."""
    common = _common(plan, running)
    common["parameters"].append({"node_names": list(plan.values)})
    return Node(
        executable="lifecycle_manager_node",
        name=name,
        exec_name=name,
        ros_arguments=running.ros_arguments(name),
        on_exit=_on_manager_exit,
        **common,
    )


def state_publisher(description: str, running: Running) -> Node:
    """Returns the process that publishes the URDF and its transforms."""
    # Told to be a string: launch would read it as YAML.
    text = ParameterValue(description, value_type=str)
    return Node(
        package="robot_state_publisher",
        executable="robot_state_publisher",
        ros_arguments=running.ros_arguments("robot_state_publisher"),
        namespace=running.namespace,
        parameters=[{"robot_description": text, "use_sim_time": running.use_sim_time}],
        respawn=True,
        respawn_delay=running.respawn_delay_s,
    )


def _common(plan: CellPlan, running: Running) -> dict[str, Any]:
    return {
        "package": "workcell",
        "namespace": running.namespace,
        "output": "screen",
        "parameters": [str(plan.params_file), {"use_sim_time": running.use_sim_time}],
        "sigterm_timeout": STOP_TIMEOUT_S,
        "respawn": True,
        "respawn_delay": running.respawn_delay_s,
    }


def _on_manager_exit(event: ProcessExited, _context: LaunchContext) -> EmitEvent | None:
    """Takes the cell down, safely, where its manager has given up or was told to stop.

    One that died otherwise is started again, and finds the nodes as they are.
    """
    if event.returncode in MANAGER_ENDS:
        return EmitEvent(event=Shutdown(reason="the lifecycle manager ended"))
    return None
