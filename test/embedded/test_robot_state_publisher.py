"""Where a robot's links are: the joints' poses, and the node that publishes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pinocchio
import pytest
import rclpy
from hypothesis import given
from hypothesis import strategies as st
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.time import Time
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from tf2_msgs.msg import TFMessage
from tf2_ros import Buffer, TransformListener

from workcell_sim.embedded.robot_state_publisher.model import DescriptionError, parse_urdf
from workcell_sim.embedded.robot_state_publisher.robot_state_publisher import RobotStatePublisher
from workcell_sim.embedded.tf2_py.rotation import IDENTITY, ZERO, add, multiply, rotate

URDF = """<?xml version="1.0"?>
<robot name="arm">
  <link name="base"/> <link name="upper"/> <link name="slider"/> <link name="tool"/> <link name="finger"/>
  <joint name="shoulder" type="revolute">
    <parent link="base"/> <child link="upper"/> <origin xyz="0.1 0.2 0.3" rpy="0.4 -0.5 0.6"/> <axis xyz="0 1 1"/>
    <limit lower="-3" upper="3" effort="1" velocity="1"/>
  </joint>
  <joint name="rail" type="prismatic">
    <parent link="upper"/> <child link="slider"/> <origin xyz="1 0 0" rpy="0 0 1.5"/> <axis xyz="1 0 0"/>
    <limit lower="-3" upper="3" effort="1" velocity="1"/>
  </joint>
  <joint name="flange" type="fixed">
    <parent link="slider"/> <child link="tool"/> <origin xyz="0 0 0.5" rpy="3.1 0 0"/>
  </joint>
  <joint name="grip" type="continuous">
    <parent link="tool"/> <child link="finger"/> <axis xyz="0 0 1"/>
    <mimic joint="shoulder" multiplier="-2" offset="0.1"/>
  </joint>
</robot>
"""
PLAIN = URDF.replace('<mimic joint="shoulder" multiplier="-2" offset="0.1"/>', "")


@given(st.floats(-3, 3), st.floats(-1, 1), st.floats(-3, 3))
def test_poses_equal_those_of_another_implementation(shoulder: float, rail: float, grip: float) -> None:
    positions = {"shoulder": shoulder, "rail": rail, "grip": grip}
    translation, turn = ZERO, IDENTITY
    for joint in parse_urdf(PLAIN):
        step, spin = joint.pose(positions.get(joint.name, 0.0))
        translation, turn = add(translation, rotate(turn, step)), multiply(turn, spin)
    model = pinocchio.buildModelFromXML(PLAIN)
    data = model.createData()
    # A continuous joint is held as the cosine and sine of its angle.
    pinocchio.forwardKinematics(model, data, np.array([shoulder, rail, np.cos(grip), np.sin(grip)]))
    pinocchio.updateFramePlacements(model, data)
    expected = data.oMf[model.getFrameId("finger")]
    np.testing.assert_allclose(translation, expected.translation, atol=1e-9)
    columns = [rotate(turn, axis) for axis in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))]
    np.testing.assert_allclose(np.column_stack(columns), expected.rotation, atol=1e-9)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("arm.urdf", "is no XML"),
        ("<sdf/>", "begins with <robot>"),
        (URDF.replace('type="fixed"', 'type="welded"'), "joint 'flange' has type 'welded'; use one of"),
        (URDF.replace('<link name="tool"/>', ""), "refers to link 'tool', which is not defined"),
        (URDF.replace('<child link="tool"/>', '<child link="upper"/>'), "child of both 'shoulder' and 'flange'"),
        (URDF.replace('1 0 0" rpy', '1 0" rpy'), "joint 'rail': xyz='1 0' is no vector"),
        (URDF.replace("0 1 1", "0 0 0"), "joint 'shoulder' has the axis 0 0 0"),
        (URDF.replace('<parent link="base"/>', ""), "joint 'shoulder' has no <parent link=.../>"),
    ],
)
def test_a_wrong_description_names_joint_and_remedy(text: str, says: str) -> None:
    with pytest.raises(DescriptionError) as caught:
        parse_urdf(text)
    assert says in str(caught.value)


@pytest.fixture
def node(kernel: Any) -> Iterator[Any]:
    rclpy.init()
    yield rclpy.create_node("watcher")
    rclpy.try_shutdown()


def spin(seconds: float, *nodes: Any) -> None:
    executor = SingleThreadedExecutor()
    for item in nodes:
        executor.add_node(item)
    clock = nodes[0].get_clock()
    end_ns = clock.now().nanoseconds + int(seconds * 1e9)
    while clock.now().nanoseconds < end_ns:
        executor.spin_once(timeout_sec=0.01)
    for item in nodes:
        executor.remove_node(item)


def publisher_of(text: str = URDF, **parameters: Any) -> RobotStatePublisher:
    values = {"robot_description": text, **parameters}
    return RobotStatePublisher(parameter_overrides=[Parameter(name, value=value) for name, value in values.items()])


def test_joint_states_become_transforms(node: Any) -> None:
    publisher = publisher_of(frame_prefix="cell/")
    buffer = Buffer()
    listener = TransformListener(buffer, node)
    descriptions: list[str] = []
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    node.create_subscription(String, "robot_description", lambda message: descriptions.append(message.data), latched)
    states = node.create_publisher(JointState, "joint_states", 10)
    spin(0.1, node, publisher)
    state = JointState(name=["shoulder", "rail"], position=[0.3, 0.25])
    state.header.stamp = node.get_clock().now().to_msg()
    states.publish(state)
    spin(0.1, node, publisher)
    found = buffer.lookup_transform("cell/base", "cell/finger", Time())
    assert found.header.stamp == state.header.stamp
    rail = buffer.lookup_transform("cell/upper", "cell/slider", Time()).transform.translation
    assert (rail.x, rail.y) == pytest.approx((1.0 + 0.25 * np.cos(1.5), 0.25 * np.sin(1.5)))
    finger = buffer.lookup_transform("cell/tool", "cell/finger", Time()).transform.rotation
    # The finger mimics the shoulder: -2 * 0.3 + 0.1.
    assert (finger.z, finger.w) == pytest.approx((np.sin(-0.25), np.cos(-0.25)))
    assert descriptions == [URDF]
    listener.unregister()


def test_states_come_no_more_often_than_asked_for(node: Any) -> None:
    publisher = publisher_of(publish_frequency=10.0)
    received: list[Any] = []
    node.create_subscription(TFMessage, "/tf", received.append, 100)
    states = node.create_publisher(JointState, "joint_states", 100)
    spin(0.1, node, publisher)
    for index in range(100):
        state = JointState(name=["shoulder"], position=[0.0])
        state.header.stamp = Time(nanoseconds=1_000_000_000 + index * 10_000_000).to_msg()
        states.publish(state)
        spin(0.01, node, publisher)
    assert len(received) == 10


def test_a_new_description_is_taken_or_refused_with_its_reason(node: Any) -> None:
    publisher = publisher_of()
    (refused,) = publisher.set_parameters([Parameter("robot_description", value="nonsense")])
    assert not refused.successful
    assert "is no XML" in refused.reason
    (taken,) = publisher.set_parameters([Parameter("robot_description", value=PLAIN)])
    assert taken.successful
    with pytest.raises(DescriptionError, match="must not be empty"):
        publisher_of("")
