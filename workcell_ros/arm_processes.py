"""The processes of an arm's driver as launch actions: ros2_control, its controllers, and what its maker adds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from launch_ros.actions import Node

from workcell_ros.cell_processes import Running
from workcell_ros.errors import ConfigError

SPAWN_TIMEOUT_S = "120"
"""A busy machine takes its time to start everything at once."""


@dataclass(frozen=True)
class ArmSetup:
    """How one kind of arm is brought up."""

    packages: tuple[str, ...]
    """What must be installed."""
    controllers: tuple[str, ...]
    """Made active in this order."""
    trajectory_controller: str


MOCK = ArmSetup(
    packages=("controller_manager", "joint_trajectory_controller", "joint_state_broadcaster"),
    controllers=("joint_state_broadcaster", "joint_trajectory_controller"),
    trajectory_controller="joint_trajectory_controller",
)
UNIVERSAL_ROBOTS = ArmSetup(
    packages=("controller_manager", "joint_state_broadcaster", "ur_robot_driver", "ur_controllers"),
    controllers=(
        "joint_state_broadcaster",
        "io_and_status_controller",
        "speed_scaling_state_broadcaster",
        "scaled_joint_trajectory_controller",
    ),
    trajectory_controller="scaled_joint_trajectory_controller",
)


def check_installed(setup: ArmSetup, sim: str) -> None:
    """Looks for the packages that bring the arm up.

    Raises:
        ConfigError: one is not installed.
    """
    for package in setup.packages:
        try:
            get_package_prefix(package)
        except PackageNotFoundError:
            problem = f"is {sim!r}, but package {package} is not installed"
            valid = f"a ROS 2 with {', '.join(setup.packages)}, or sim:=embedded"
            raise ConfigError("launch arguments", "sim", problem, valid) from None


def control(setup: ArmSetup, controllers_file: Path, running: Running) -> list[Node]:
    """Returns ros2_control's node and the spawner of its controllers; the description comes by `robot_description`."""
    common: dict[str, Any] = {"package": "controller_manager", "namespace": running.namespace, "output": "screen"}
    parameters: list[Any] = [str(controllers_file), {"use_sim_time": running.use_sim_time}]
    spawner = [
        *setup.controllers,
        *("--controller-manager", "controller_manager"),
        *("--controller-manager-timeout", SPAWN_TIMEOUT_S, "--switch-timeout", SPAWN_TIMEOUT_S),
        *("--param-file", str(controllers_file)),
    ]
    return [
        Node(executable="ros2_control_node", parameters=parameters, **common),
        Node(executable="spawner", arguments=spawner, **common),
    ]


def universal_robots_helpers(robot_ip: str, setup: ArmSetup, running: Running) -> list[Node]:
    """Returns what the maker's driver has beside ros2_control, for an arm that is really there.

    The dashboard leads out of stops, the state helper says how the arm is, and the controller stopper takes the
    trajectory controller away while the arm's program does not run.
    """
    consistent = [name for name in setup.controllers if name != setup.trajectory_controller]
    own: dict[str, dict[str, Any]] = {
        "dashboard_client": {"robot_ip": robot_ip},
        "robot_state_helper": {"robot_ip": robot_ip, "headless_mode": True},
        "controller_stopper_node": {
            "headless_mode": True,
            "joint_controller_active": True,
            "consistent_controllers": consistent,
        },
    }
    return [
        Node(
            package="ur_robot_driver",
            executable=executable,
            name=executable.removesuffix("_node"),
            namespace=running.namespace,
            parameters=[parameters],
            output="screen",
        )
        for executable, parameters in own.items()
    ]
