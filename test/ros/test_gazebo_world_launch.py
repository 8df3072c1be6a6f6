"""The launch of Gazebo's world on a real ROS 2: the arm stands at home, goals are taken, and the end leaves nothing."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy")

import rclpy
from control_msgs.action import FollowJointTrajectory
from rclpy.action import ActionClient
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Imu, JointState

from workcell_sim.world.arm_parameters import joint_names
from workcell_sim.world.station import load_station

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("ros_gz_bridge", "ros_gz_sim", "gz_ros2_control", "topic_tools", "workcell")
STARTUP_S = 180.0
STOP_S = 60.0

pytestmark = pytest.mark.ros("needs a sourced ROS 2 with Gazebo")


def missing() -> str:
    """What of Gazebo is not installed, empty where all is."""
    from ament_index_python.packages import PackageNotFoundError, get_package_prefix

    for name in PACKAGES:
        try:
            get_package_prefix(name)
        except PackageNotFoundError:
            return f"the package {name}"
    return next((f"the program {name}" for name in ("gz", "ruby") if shutil.which(name) is None), "")


@pytest.fixture
def launched(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    if missing():
        pytest.skip(f"{missing()} is not installed: Gazebo's world needs it")
    command = ["ros2", "launch", "workcell", "gazebo.launch.py", "sim:=gazebo", f"out_dir:={tmp_path}"]
    environment = dict(os.environ, GZ_PARTITION=f"smoke_{os.getpid()}")
    with (tmp_path / "launch.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
        yield process
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(STOP_S)


def spin_until(node: Any, holds: Callable[[], bool]) -> None:
    begin = time.monotonic()
    while not holds():
        assert time.monotonic() - begin < STARTUP_S
        rclpy.spin_once(node, timeout_sec=0.2)


def test_the_arm_is_there_takes_goals_and_the_end_leaves_nothing(launched: subprocess.Popen[bytes]) -> None:
    rclpy.init()
    try:
        node = rclpy.create_node("smoke")
        joints: list[Any] = []
        felt: list[Any] = []
        node.create_subscription(JointState, "joint_states", joints.append, qos_profile_sensor_data)
        node.create_subscription(Imu, "gazebo/gripper/imu", felt.append, 10)
        arm = ActionClient(node, FollowJointTrajectory, "joint_trajectory_controller/follow_joint_trajectory")
        spin_until(node, lambda: bool(joints) and len(felt) > 50 and arm.server_is_ready())
        places = dict(zip(joints[-1].name, joints[-1].position, strict=True))
        home = load_station(ROOT / "config" / "station.yaml").home_joints_rad
        assert [places[name] for name in joint_names()] == pytest.approx(home, abs=1e-3)
        # The cup looks down: what holds it up points out of its back.
        assert felt[-1].linear_acceleration.z == pytest.approx(-9.8, abs=0.3)
    finally:
        rclpy.shutdown()
    launched.send_signal(signal.SIGINT)
    assert launched.wait(STOP_S) == 0
    with pytest.raises(ProcessLookupError):
        os.killpg(launched.pid, 0)
