"""Out of stops through the maker's own dashboard client, which speaks to a stand-in for the robot's controller."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import rclpy
from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from std_msgs.msg import Bool
from std_srvs.srv import Trigger
from universal_robots import FAULT, NORMAL, POWER_OFF, PROTECTIVE_STOP, RUNNING, RobotController

from workcell_control.cell.arm_driver_node import ArmDriverLink
from workcell_control.execution.drivers import driver_of
from workcell_control.execution.drivers.driver import Condition
from workcell_ros import qos

pytestmark = pytest.mark.ros("the dashboard client of ur_robot_driver is a program of ROS 2")

PATIENCE_S = 60.0
HASTE = 3
"""The cell's clock here runs faster: the waits between the steps are for a real arm's brakes."""
NAMESPACE = "recovered"
DASHBOARD = ("close_safety_popup", "unlock_protective_stop", "restart_safety", "power_on", "brake_release")


class Cell(Node):
    """As much of the cell's node as the link needs."""

    def __init__(self) -> None:
        super().__init__("cell", namespace=NAMESPACE)
        self.values = SimpleNamespace(speed_slider=0.0)

    def now_ns(self) -> int:
        return HASTE * time.monotonic_ns()


class IoController(Node):
    """What io_and_status_controller tells of the arm, and the service that sends its program."""

    def __init__(self, robot: RobotController) -> None:
        from ur_dashboard_msgs.msg import RobotMode, SafetyMode

        super().__init__("io_and_status_controller", namespace=NAMESPACE)
        self._robot = robot
        self._types = (RobotMode, SafetyMode)
        self._is_running = True
        self._told: tuple[int, int, bool] | None = None
        self._mode_pub = self.create_publisher(RobotMode, "~/robot_mode", qos.STATE)
        self._safety_pub = self.create_publisher(SafetyMode, "~/safety_mode", qos.STATE)
        self._program_pub = self.create_publisher(Bool, "~/robot_program_running", qos.STATE)
        self._service = self.create_service(Trigger, "~/resend_robot_program", self._on_resend)
        self._timer = self.create_timer(0.02, self._tell)

    def _on_resend(self, _request: Any, response: Any) -> Any:
        self._robot.heard.append("resend_robot_program")
        response.success = self._is_running = self._is_sound
        return response

    @property
    def _is_sound(self) -> bool:
        return (self._robot.robot_mode, self._robot.safety_mode) == (RUNNING, NORMAL)

    def _tell(self) -> None:
        self._is_running = self._is_running and self._is_sound
        told = (self._robot.robot_mode, self._robot.safety_mode, self._is_running)
        if told != self._told:
            self._told = told
            robot_mode, safety_mode = self._types
            self._mode_pub.publish(robot_mode(mode=told[0]))
            self._safety_pub.publish(safety_mode(mode=told[1]))
            self._program_pub.publish(Bool(data=told[2]))


class Rig:
    """The robot's controller, the nodes around it, and what turns them."""

    def __init__(self, robot: RobotController) -> None:
        self.robot = robot
        self.conditions: list[Condition] = []
        self.cell = Cell()
        self.io = IoController(robot)
        self.link = ArmDriverLink(
            self.cell, driver_of("universal_robots"), lambda condition, _: self.conditions.append(condition)
        )
        self.dashboard = [self.io.create_client(Trigger, f"dashboard_client/{name}") for name in DASHBOARD]
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.cell)
        self.executor.add_node(self.io)

    def until(self, is_so: Callable[[], bool]) -> None:
        end_s = time.monotonic() + PATIENCE_S
        while not is_so():
            assert time.monotonic() < end_s, (self.conditions, self.robot.heard, self.link.recovery.reason)
            self.executor.spin_once(timeout_sec=0.02)
            self.link.tick()


@pytest.fixture
def rig(wall_kernel: Any) -> Iterator[Rig]:
    try:
        program = Path(get_package_prefix("ur_robot_driver")) / "lib" / "ur_robot_driver" / "dashboard_client"
    except PackageNotFoundError:
        pytest.skip("ur_robot_driver is not installed")
    try:
        controller = RobotController()
    except OSError as error:
        pytest.skip(f"a port of the stand-in robot is in use: {error}")
    names = ["-r", "__node:=dashboard_client", "-r", f"__ns:=/{NAMESPACE}", "-p", "robot_ip:=127.0.0.1"]
    with controller as robot, subprocess.Popen([program, "--ros-args", *names]) as client:
        made = Rig(robot)
        yield made
        made.link.destroy()
        made.executor.shutdown()
        made.cell.destroy_node()
        made.io.destroy_node()
        client.terminate()
    if rclpy.ok():
        rclpy.try_shutdown()


@pytest.mark.parametrize(
    ("robot_mode", "safety_mode", "condition", "steps"),
    [
        (
            RUNNING,
            PROTECTIVE_STOP,
            Condition.PROTECTIVE_STOP,
            ["close safety popup", "unlock protective stop", "resend_robot_program"],
        ),
        (POWER_OFF, NORMAL, Condition.OFF, ["power on", "brake release", "resend_robot_program"]),
        (
            RUNNING,
            FAULT,
            Condition.FAULT,
            ["close safety popup", "restart safety", "power on", "brake release", "resend_robot_program"],
        ),
    ],
    ids=["protective stop", "powered off", "safety fault"],
)
def test_the_cell_leads_the_arm_out_of_its_stop(
    rig: Rig, robot_mode: int, safety_mode: int, condition: Condition, steps: list[str]
) -> None:
    rig.until(lambda: all(client.service_is_ready() for client in rig.dashboard))
    rig.until(lambda: rig.conditions[-1:] == [Condition.READY])
    rig.robot.robot_mode, rig.robot.safety_mode = robot_mode, safety_mode
    rig.until(lambda: rig.conditions[-1] is condition)
    rig.link.recover(is_acknowledged=True)
    rig.until(lambda: rig.conditions[-1] is Condition.READY)
    assert rig.robot.heard == steps
