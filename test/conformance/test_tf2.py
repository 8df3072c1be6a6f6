"""Frames over topics: broadcasters, listener and buffer; the same file runs against both runtimes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import rclpy
import tf2_geometry_msgs
import tf2_ros
from geometry_msgs.msg import Point, PointStamped, PoseStamped, TransformStamped, Vector3Stamped
from rclpy.duration import Duration
from rclpy.executors import SingleThreadedExecutor
from rclpy.time import Time
from tf2_msgs.srv import FrameGraph

NOW_NS = 5_000_000_000


@pytest.fixture
def node(kernel: Any) -> Iterator[Any]:
    if not rclpy.ok():
        rclpy.init()
    node = rclpy.create_node("frames")
    yield node
    node.destroy_node()
    rclpy.try_shutdown()


def transform(parent: str, child: str, stamp_ns: int = NOW_NS, x: float = 1.0) -> TransformStamped:
    message = TransformStamped()
    message.header.frame_id, message.child_frame_id = parent, child
    message.header.stamp = Time(nanoseconds=stamp_ns).to_msg()
    message.transform.translation.x = x
    return message


def spin_until(node: Any, is_done: Any, rounds: int = 200) -> None:
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    for _ in range(rounds):
        if is_done():
            break
        executor.spin_once(timeout_sec=0.05)
    executor.remove_node(node)
    assert is_done()


def test_what_is_sent_is_known_to_a_listener(node: Any) -> None:
    buffer = tf2_ros.Buffer(node=node)
    listener = tf2_ros.TransformListener(buffer, node)
    broadcaster = tf2_ros.TransformBroadcaster(node)
    tf2_ros.StaticTransformBroadcaster(node).sendTransform(transform("base", "tool", x=2.0))

    def known() -> bool:
        broadcaster.sendTransform([transform("world", "base")])
        return bool(buffer.can_transform("world", "tool", Time()))

    spin_until(node, known)
    found = buffer.lookup_transform("world", "tool", Time())
    assert found.transform.translation.x == pytest.approx(3.0)
    assert found.header.stamp.sec == 5
    listener.unregister()


def test_static_frames_reach_those_who_come_later(node: Any) -> None:
    broadcaster = tf2_ros.StaticTransformBroadcaster(node)
    broadcaster.sendTransform([transform("world", "base"), transform("base", "tool")])
    broadcaster.sendTransform(transform("world", "camera"))
    broadcaster.sendTransform(transform("world", "base", x=9.0))
    buffer = tf2_ros.Buffer()
    listener = tf2_ros.TransformListener(buffer, node)
    spin_until(node, lambda: buffer.can_transform("camera", "tool", Time()))
    # What was sent first of a static frame stands.
    assert buffer.lookup_transform("camera", "tool", Time()).transform.translation.x == pytest.approx(1.0)
    listener.unregister()


def test_a_wait_for_a_transform_is_a_future(node: Any) -> None:
    buffer = tf2_ros.Buffer()
    future = buffer.wait_for_transform_async("world", "base", Time(nanoseconds=NOW_NS))
    assert not future.done()
    buffer.set_transform(transform("world", "base", NOW_NS - 1), "test")
    assert not future.done()
    buffer.set_transform(transform("world", "base", NOW_NS + 1), "test")
    assert future.done()
    assert future.result().transform.translation.x == pytest.approx(1.0)
    assert buffer.wait_for_transform_async("world", "base", Time()).done()


def test_a_coroutine_can_wait_for_a_transform(node: Any) -> None:
    buffer = tf2_ros.Buffer()
    executor = SingleThreadedExecutor()
    executor.add_node(node)

    async def look() -> TransformStamped:
        return await buffer.lookup_transform_async("world", "base", Time())

    task = executor.create_task(look)
    executor.spin_once(timeout_sec=0.01)
    assert not task.done()
    buffer.set_transform(transform("world", "base"), "test")
    for _ in range(20):
        executor.spin_once(timeout_sec=0.01)
    assert task.result().transform.translation.x == pytest.approx(1.0)


def test_a_lookup_gives_up_after_its_timeout(node: Any) -> None:
    buffer = tf2_ros.Buffer()
    clock = rclpy.clock.Clock()
    before = clock.now()
    with pytest.raises(tf2_ros.LookupException):
        buffer.lookup_transform("world", "base", Time(), Duration(seconds=0.2))
    waited = clock.now() - before
    assert Duration(seconds=0.19) < waited < Duration(seconds=5.0)
    possible, reason = buffer.can_transform("world", "base", Time(), return_debug_tuple=True)
    assert not possible
    assert "does not exist" in reason


def test_stamped_messages_are_transformed(node: Any) -> None:
    buffer = tf2_ros.Buffer()
    message = transform("world", "base")
    message.transform.rotation.z, message.transform.rotation.w = 1.0, 0.0
    buffer.set_transform_static(message, "test")
    point = PointStamped(point=Point(x=1.0, y=2.0, z=3.0))
    point.header.frame_id = "base"
    moved = buffer.transform(point, "world")
    assert (moved.point.x, moved.point.y, moved.point.z) == pytest.approx((0.0, -2.0, 3.0))
    assert moved.header.frame_id == "world"
    pose = PoseStamped()
    pose.header.frame_id = "base"
    turned = buffer.transform(pose, "world").pose
    assert turned.position.x == pytest.approx(1.0)
    assert abs(turned.orientation.z) == pytest.approx(1.0)
    vector = Vector3Stamped()
    vector.vector.x = 1.0
    assert tf2_geometry_msgs.do_transform_vector3(vector, message).vector.x == pytest.approx(-1.0)


def test_a_type_that_nobody_registered_is_refused(node: Any) -> None:
    stamped = TransformStamped()
    stamped.header.frame_id = "base"
    with pytest.raises(tf2_ros.TypeException) as caught:
        tf2_ros.Buffer().transform(stamped, "world")
    assert "is not loaded or supported" in caught.value.errstr


def test_a_node_offers_its_frames(node: Any) -> None:
    buffer = tf2_ros.Buffer(node=node)
    buffer.set_transform(transform("world", "base"), "test")
    client = node.create_client(FrameGraph, "tf2_frames")
    spin_until(node, client.service_is_ready)
    future = client.call_async(FrameGraph.Request())
    spin_until(node, future.done)
    assert "base: " in future.result().frame_yaml
