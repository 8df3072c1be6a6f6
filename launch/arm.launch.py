"""The arm alone: its description with transforms, and the driver of a mock or real one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from launch import LaunchDescription, LaunchDescriptionEntity

from workcell_console.cell_arguments import CellArguments, arguments
from workcell_console.cell_plan import robot_description
from workcell_ros.arm_processes import MOCK, UNIVERSAL_ROBOTS, check_installed, control, universal_robots_helpers
from workcell_ros.cell_processes import description, running, state_publisher

SETUPS = {"mock": MOCK, "universal_robots": UNIVERSAL_ROBOTS}


def generate_launch_description() -> LaunchDescription:
    return description(arguments, _start)


def _start(texts: Mapping[str, str], share_dir: Path) -> list[LaunchDescriptionEntity]:
    given = CellArguments.from_strings(texts)
    common = running(given)
    setup = SETUPS.get(given.hardware) if given.arm else None
    if setup is None:
        # The driver's own description, where there is one, is not ours to publish.
        return (
            [state_publisher(robot_description(given, share_dir), common)] if given.tf and given.sim != "real" else []
        )
    check_installed(setup, given.sim)
    driver = control(setup, share_dir / "config" / "controllers.yaml", common)
    if setup is UNIVERSAL_ROBOTS and not given.use_mock_hardware:
        driver += universal_robots_helpers(given.robot_ip, setup, common)
    # ros2_control takes the description from its publisher: without one there is no arm.
    return [state_publisher(robot_description(given, share_dir), common), *driver]
