"""`arm.launch.py` alone: an arm on mock hardware moves when told to, and a real arm's driver takes what the cell says.

Real controllers, drivers and processes: a ROS 2 with ros2_control is needed, and ur_robot_driver for the second.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import rclpy
from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from control_msgs.action import FollowJointTrajectory
from rclpy.action import ActionClient
from rclpy.duration import Duration
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from sensor_msgs.msg import JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from workcell_control.cell.arm_driver_node import SpeedSlider
from workcell_control.execution.driver_call_node import DriverCall
from workcell_control.execution.drivers import driver_of
from workcell_ros import qos

pytestmark = pytest.mark.ros("drivers of arms are programs of ROS 2")

NAMESPACE = "arm_alone"
PATIENCE_S = 120.0
STOP_S = 60.0
MOVED = "wrist_3_joint"
TURN_RAD = 0.2


class Cell(Node):
    """A node with the little that slider and outputs need of the cell."""

    def __init__(self) -> None:
        super().__init__("cell", namespace=NAMESPACE)
        self.values = SimpleNamespace(speed_slider=0.0)
        self.positions: dict[str, float] = {}
        self._joints = self.create_subscription(JointState, "joint_states", self._on_joints, qos.SENSOR_DATA)

    def now_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)

    def _on_joints(self, message: Any) -> None:
        self.positions = dict(zip(message.name, message.position, strict=True))


@dataclass
class Rig:
    """The launched arm, a node beside it, and what turns the node."""

    process: subprocess.Popen[bytes]
    log_file: Path
    cell: Cell
    executor: SingleThreadedExecutor

    def until(self, is_so: Callable[[], bool]) -> None:
        end_s = time.monotonic() + PATIENCE_S
        while not is_so():
            assert time.monotonic() < end_s, self.log_file.read_text()[-3000:]
            self.executor.spin_once(timeout_sec=0.05)

    def turn(self, action: str) -> None:
        """Turns the last joint a little, as soon as the controller takes it."""
        client = ActionClient(self.cell, FollowJointTrajectory, action)
        self.until(lambda: MOVED in self.cell.positions and client.server_is_ready())
        names = sorted(name for name in self.cell.positions if name.endswith("_joint"))
        wanted = dict(self.cell.positions)
        wanted[MOVED] += TURN_RAD
        point = JointTrajectoryPoint(positions=[wanted[name] for name in names])
        point.time_from_start = Duration(seconds=1).to_msg()
        goal = FollowJointTrajectory.Goal(trajectory=JointTrajectory(joint_names=names, points=[point]))
        while abs(self.cell.positions[MOVED] - wanted[MOVED]) >= 0.02:
            # The controller is there before it is active. It refuses a goal then; while it becomes active it takes one,
            # stands still and calls that success.
            handle = self.answer(client.send_goal_async(goal))
            if handle.accepted:
                assert self.answer(handle.get_result_async()).result.error_code == 0
            self.executor.spin_once(timeout_sec=0.5)
        client.destroy()

    def answer(self, future: Any) -> Any:
        self.until(future.done)
        return future.result()

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(STOP_S)


@pytest.fixture
def launched(wall_kernel: Any, tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    """Launches the arm with arguments; what still runs at the end is ended."""
    rigs: list[Rig] = []

    def launch(package: str, **arguments: str) -> Rig:
        for needed in ("workcell", package):
            try:
                get_package_prefix(needed)
            except PackageNotFoundError:
                pytest.skip(f"{needed} is not installed in the sourced ROS 2")
        words = [f"{name}:={value}" for name, value in (arguments | {"namespace": NAMESPACE}).items()]
        log_file = tmp_path / "log.txt"
        with log_file.open("w") as log:
            command = ["ros2", "launch", "-n", "workcell", "arm.launch.py", *words]
            process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        cell, executor = Cell(), SingleThreadedExecutor()
        executor.add_node(cell)
        rigs.append(Rig(process, log_file, cell, executor))
        return rigs[-1]

    yield launch
    for rig in rigs:
        rig.executor.shutdown()
        rig.cell.destroy_node()
        if rig.process.poll() is None:
            os.killpg(rig.process.pid, signal.SIGKILL)
            rig.process.wait()
    if rclpy.ok():
        rclpy.try_shutdown()


def test_an_arm_on_mock_hardware_moves_and_its_launch_ends_cleanly(launched: Callable[..., Rig]) -> None:
    rig = launched("joint_trajectory_controller", sim="mock")
    rig.turn(driver_of("mock").trajectory_action)
    assert rig.end() == 0
    assert "process has died" not in rig.log_file.read_text()


def test_the_driver_of_a_real_arm_moves_switches_and_has_its_slider_set(launched: Callable[..., Rig]) -> None:
    driver = driver_of("universal_robots")
    rig = launched("ur_robot_driver", sim="real", use_mock_hardware="true")
    rig.turn(driver.trajectory_action)

    switch = driver.output_call(0, True)
    assert switch is not None
    output, answers = DriverCall(rig.cell, switch), []
    rig.until(lambda: output.is_ready)
    output.call(switch, lambda is_ok, _reason: answers.append(is_ok))
    rig.until(lambda: bool(answers))
    assert answers == [True]

    slider = SpeedSlider(rig.cell, driver)
    for percent in (40, 75):
        rig.cell.values.speed_slider = percent / 100

        def is_set(told: str = f"Setting speed slider to {percent}.00%") -> bool:
            slider.tick()
            return told in rig.log_file.read_text()

        rig.until(is_set)
    output.destroy()
    slider.destroy()
    assert rig.end() == 0
    assert "process has died" not in rig.log_file.read_text()
