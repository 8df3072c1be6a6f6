"""The executable ``robot_state_publisher``: joint states in, transforms out."""

from __future__ import annotations

from typing import Any

import rclpy
from geometry_msgs.msg import TransformStamped
from rcl_interfaces.msg import SetParametersResult
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from rclpy.time import Time
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from tf2_ros import StaticTransformBroadcaster, TransformBroadcaster

from workcell_sim.embedded.robot_state_publisher.model import DescriptionError, Joint, parse_urdf

NS_PER_S = 1_000_000_000
FREQUENCY_HZ_MAX = 1000.0


class RobotStatePublisher(Node):
    """Publishes ``/tf_static`` once, ``/tf`` with the joint states, and the description for those who come later.

    Parameters: ``robot_description`` (URDF), ``publish_frequency`` [Hz, at most so often], ``frame_prefix`` (before
    every link's name), ``ignore_timestamp`` (publish even for states that are not newer).
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("robot_state_publisher", **kwargs)
        description = self.declare_parameter("robot_description", "").value
        frequency_hz = self.declare_parameter("publish_frequency", 20.0).value
        self._prefix = self.declare_parameter("frame_prefix", "").value
        self._ignore_stamp = self.declare_parameter("ignore_timestamp", False).value
        if not description:
            raise DescriptionError("robot_description must not be empty; pass the URDF as this parameter")
        self._period_ns = _period_ns(frequency_hz)
        self._published_ns: dict[str, int] = {}
        self._newest_ns = 0
        self._tf = TransformBroadcaster(self)
        self._tf_static = StaticTransformBroadcaster(self)
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self._description = self.create_publisher(String, "robot_description", latched)
        self._use(parse_urdf(description), description)
        self.create_subscription(JointState, "joint_states", self._on_joint_state, qos_profile_sensor_data)
        self.add_on_set_parameters_callback(self._on_set_parameters)

    def _use(self, joints: tuple[Joint, ...], description: str) -> None:
        self._joints = joints
        fixed = [joint for joint in joints if not joint.is_moving]
        stamp = self.get_clock().now().to_msg()
        self._tf_static.sendTransform([self._transform(joint, 0.0, stamp) for joint in fixed])
        self._description.publish(String(data=description))

    def _on_joint_state(self, state: JointState) -> None:
        if len(state.name) != len(state.position):
            if state.position:
                self.get_logger().error("Robot state publisher ignored an invalid JointState message")
            return
        stamp_ns = Time.from_msg(state.header.stamp).nanoseconds
        now_ns = self.get_clock().now().nanoseconds
        if now_ns < self._newest_ns:
            # Time went back, as it does when a bag starts over.
            self._published_ns.clear()
        self._newest_ns = now_ns
        last_ns = min((self._published_ns.get(name, 0) for name in state.name), default=now_ns)
        if not self._ignore_stamp and last_ns + self._period_ns > stamp_ns:
            return
        self._publish(dict(zip(state.name, state.position, strict=True)), state.header.stamp)
        for name in state.name:
            self._published_ns[name] = stamp_ns

    def _publish(self, positions: dict[str, float], stamp: Any) -> None:
        transforms = []
        for joint in self._joints:
            position = positions.get(joint.name)
            if joint.mimic is not None and joint.mimic.joint in positions:
                position = positions[joint.mimic.joint] * joint.mimic.multiplier + joint.mimic.offset
            if joint.is_moving and position is not None:
                transforms.append(self._transform(joint, position, stamp))
        self._tf.sendTransform(transforms)

    def _transform(self, joint: Joint, position: float, stamp: Any) -> TransformStamped:
        translation, rotation = joint.pose(position)
        message = TransformStamped()
        message.header.stamp = stamp
        message.header.frame_id = self._prefix + joint.parent
        message.child_frame_id = self._prefix + joint.child
        move, turn = message.transform.translation, message.transform.rotation
        move.x, move.y, move.z = translation
        turn.x, turn.y, turn.z, turn.w = rotation
        return message

    def _on_set_parameters(self, parameters: list[Parameter]) -> SetParametersResult:
        for parameter in parameters:
            try:
                if parameter.name == "robot_description":
                    self._use(parse_urdf(parameter.value), parameter.value)
                elif parameter.name == "publish_frequency":
                    self._period_ns = _period_ns(parameter.value)
                elif parameter.name == "ignore_timestamp":
                    self._ignore_stamp = parameter.value
            except DescriptionError as error:
                return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)


def _period_ns(frequency_hz: float) -> int:
    if not 0.0 < frequency_hz <= FREQUENCY_HZ_MAX:
        raise DescriptionError(f"publish_frequency is {frequency_hz}; set it above 0 and up to {FREQUENCY_HZ_MAX} Hz")
    return int(NS_PER_S / frequency_hz)


def main(args: list[str] | None = None) -> None:
    """Run the node until it is told to stop."""
    rclpy.init(args=args)
    try:
        rclpy.spin(RobotStatePublisher())
    except (KeyboardInterrupt, ExternalShutdownException):
        return
    finally:
        rclpy.try_shutdown()
