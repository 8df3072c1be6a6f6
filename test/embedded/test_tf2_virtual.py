"""Waiting for transforms in virtual time: no thread, no sleep."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import rclpy
import tf2_ros
from geometry_msgs.msg import TransformStamped
from rclpy.duration import Duration
from rclpy.time import Time

from workcell_sim.embedded._kernel import Kernel
from workcell_sim.embedded.tf2_ros.static_transform_publisher import main as publish_static
from workcell_sim.embedded.tf2_ros.static_transform_publisher import parse_arguments

NS_PER_S = 1_000_000_000


def broadcast_later() -> None:
    """Sends a transform after 2 s, then stays."""
    rclpy.init()
    node = rclpy.create_node("sender")
    broadcaster = tf2_ros.TransformBroadcaster(node)

    def send() -> None:
        message = TransformStamped()
        message.header.frame_id, message.child_frame_id = "world", "base"
        message.header.stamp = node.get_clock().now().to_msg()
        message.transform.translation.x = 4.0
        broadcaster.sendTransform(message)

    node.create_timer(2.0, send)
    rclpy.spin(node)


def test_a_program_waits_beside_its_spinning_listener() -> None:
    found: list[Any] = []

    def look() -> None:
        rclpy.init()
        node = rclpy.create_node("looker")
        buffer = tf2_ros.Buffer()
        listener = tf2_ros.TransformListener(buffer, node, spin_thread=True)
        start_ns = node.get_clock().now().nanoseconds
        message = buffer.lookup_transform("world", "base", Time(), Duration(seconds=5))
        found.append((message.transform.translation.x, node.get_clock().now().nanoseconds - start_ns))
        listener.executor.shutdown()
        rclpy.shutdown()

    threads = threading.active_count()
    with Kernel(clock="virtual") as kernel:
        kernel.spawn(broadcast_later, name="sender")
        looker = kernel.spawn(look, name="looker")
        kernel.run_until(lambda: looker.exit_code is not None, limit_ns=10 * NS_PER_S)
        assert looker.exit_code == 0
    ((x, waited_ns),) = found
    assert x == 4.0
    assert 2.0 <= waited_ns / NS_PER_S < 2.1
    assert threading.active_count() == threads


def test_the_executable_publishes_a_fixed_frame() -> None:
    found: list[TransformStamped] = []

    def look() -> None:
        rclpy.init()
        node = rclpy.create_node("looker")
        buffer = tf2_ros.Buffer()
        listener = tf2_ros.TransformListener(buffer, node, spin_thread=True)
        found.append(buffer.lookup_transform("world", "camera", Time(), Duration(seconds=5)))
        listener.executor.shutdown()

    arguments = ["static_transform_publisher", "--z", "1.5", "--frame-id", "world", "--child-frame-id", "camera"]
    with Kernel(clock="virtual") as kernel:
        kernel.spawn(publish_static, arguments, name="static")
        looker = kernel.spawn(look, name="looker")
        kernel.run_until(lambda: looker.exit_code is not None, limit_ns=10 * NS_PER_S)
    assert found[0].transform.translation.z == 1.5


@pytest.mark.parametrize(
    "arguments",
    [
        ["--x", "1", "--yaw", "3.141592653589793", "--frame-id", "a", "--child-frame-id", "b"],
        ["--x", "1", "--qz", "1", "--qx", "0", "--qy", "0", "--qw", "0", "--frame-id", "a", "--child-frame-id", "b"],
        ["1", "0", "0", "3.141592653589793", "0", "0", "a", "b"],
        ["1", "0", "0", "0", "0", "1", "0", "a", "b"],
    ],
)
def test_the_forms_of_its_command_line(arguments: list[str]) -> None:
    message = parse_arguments(arguments)
    assert (message.header.frame_id, message.child_frame_id) == ("a", "b")
    assert message.transform.translation.x == 1.0
    assert message.transform.rotation.z == pytest.approx(1.0)


def test_a_quaternion_is_given_whole_or_not_at_all() -> None:
    with pytest.raises(SystemExit):
        parse_arguments(["--qx", "1", "--frame-id", "a", "--child-frame-id", "b"])
