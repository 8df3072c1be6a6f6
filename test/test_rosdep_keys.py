"""Every key of package.xml is one that rosdep resolves for ROS 2 Jazzy (Ubuntu 24.04) and Lyrical (26.04).

The table was checked against rosdistro (rosdep/base.yaml, rosdep/python.yaml, jazzy and lyrical distribution.yaml) of
2026-08-22; a key that is added to package.xml is looked up there and added here.
"""

import re
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "package.xml"

RELEASED_PACKAGES = {
    "action_msgs",
    "ament_index_python",
    "builtin_interfaces",
    "control_msgs",
    "controller_manager",
    "controller_manager_msgs",
    "diagnostic_msgs",
    "geometry_msgs",
    "gz_ros2_control",
    "joint_state_broadcaster",
    "joint_trajectory_controller",
    "launch",
    "launch_ros",
    "launch_testing",
    "launch_testing_ros",
    "lifecycle_msgs",
    "pinocchio",
    "rcl_interfaces",
    "rclpy",
    "robot_state_publisher",
    "ros_gz_bridge",
    "ros_gz_sim",
    "rosbag2",
    "rosbag2_interfaces",
    "rosgraph_msgs",
    "rosidl_runtime_py",
    "sensor_msgs",
    "statistics_msgs",
    "std_msgs",
    "std_srvs",
    "tf2_msgs",
    "tf2_ros",
    "topic_tools",
    "trajectory_msgs",
    "vision_msgs",
    "xacro",
}
"""Released into both distributions."""
SYSTEM_PACKAGES = {
    "python3-cryptography",
    "python3-httpx",
    "python3-hypothesis",
    "python3-matplotlib",
    "python3-numpy",
    "python3-opencv",
    "python3-paho-mqtt",
    "python3-protobuf",
    "python3-pytest",
    "python3-rich",
    "python3-scipy",
    "python3-sklearn",
    "python3-transforms3d",
    "python3-uvicorn",
    "python3-yaml",
}
"""In rosdep's own lists, with an Ubuntu package of the same name."""


def declared():
    return re.findall(r"<\w*depend>([\w-]+)</\w*depend>", PACKAGE.read_text(encoding="utf-8"))


def test_every_key_resolves():
    assert set(declared()) - RELEASED_PACKAGES - SYSTEM_PACKAGES == set()


def test_no_key_stands_twice():
    assert len(declared()) == len(set(declared()))


def test_the_table_lists_nothing_that_is_not_declared():
    assert (RELEASED_PACKAGES | SYSTEM_PACKAGES) - set(declared()) == set()
