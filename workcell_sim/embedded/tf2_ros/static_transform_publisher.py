"""The executable ``static_transform_publisher``: one fixed frame, told from the command line."""

from __future__ import annotations

import argparse
import sys

import rclpy
from geometry_msgs.msg import TransformStamped
from rclpy.executors import ExternalShutdownException
from rclpy.utilities import remove_ros_args

from workcell_sim.embedded.robot_state_publisher.model import from_rpy

from .static_transform_broadcaster import StaticTransformBroadcaster


def parse_arguments(arguments: list[str]) -> TransformStamped:
    """Return the transform that the command line states, without a stamp.

    The old form of bare numbers (x y z yaw pitch roll, or x y z qx qy qz qw, then the two frames) is taken as well.
    """
    if len(arguments) in (8, 9) and not any(word.startswith("--") for word in arguments):
        arguments = _named(arguments)
    parser = argparse.ArgumentParser(prog="static_transform_publisher")
    for name in ("x", "y", "z", "yaw", "pitch", "roll"):
        parser.add_argument(f"--{name}", type=float, default=0.0)
    for name in ("qx", "qy", "qz", "qw"):
        parser.add_argument(f"--{name}", type=float)
    parser.add_argument("--frame-id", required=True)
    parser.add_argument("--child-frame-id", required=True)
    given = parser.parse_args(arguments)
    message = TransformStamped()
    message.header.frame_id, message.child_frame_id = given.frame_id, given.child_frame_id
    move, turn = message.transform.translation, message.transform.rotation
    move.x, move.y, move.z = given.x, given.y, given.z
    quaternion = (given.qx, given.qy, given.qz, given.qw)
    if any(value is not None for value in quaternion):
        if None in quaternion:
            parser.error("give all of --qx --qy --qz --qw, or none of them")
        turn.x, turn.y, turn.z, turn.w = quaternion
    else:
        turn.x, turn.y, turn.z, turn.w = from_rpy(given.roll, given.pitch, given.yaw)
    return message


def _named(words: list[str]) -> list[str]:
    names = ["x", "y", "z", *(("yaw", "pitch", "roll") if len(words) == 8 else ("qx", "qy", "qz", "qw"))]
    numbers = [f"--{name}={word}" for name, word in zip(names, words, strict=False)]
    return [*numbers, f"--frame-id={words[-2]}", f"--child-frame-id={words[-1]}"]


def main(args: list[str] | None = None) -> None:
    """Publish the transform and stay until told to stop."""
    arguments = sys.argv if args is None else args
    message = parse_arguments(remove_ros_args(arguments)[1:])
    rclpy.init(args=args)
    node = rclpy.create_node("static_transform_publisher")
    message.header.stamp = node.get_clock().now().to_msg()
    broadcaster = StaticTransformBroadcaster(node)
    broadcaster.sendTransform(message)
    try:
        rclpy.spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        return
    finally:
        rclpy.try_shutdown()
