"""Message classes behave as those that ROS 2 generates; the same file runs against both."""

from __future__ import annotations

import array

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from control_msgs.action import FollowJointTrajectory
from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import Point, PoseStamped, PoseWithCovariance, Quaternion
from rcl_interfaces.msg import IntegerRange, ParameterDescriptor
from rclpy.serialization import deserialize_message, serialize_message
from rosidl_parser.definition import (
    Array,
    BasicType,
    BoundedSequence,
    NamespacedType,
    UnboundedSequence,
    UnboundedString,
)
from rosidl_runtime_py import message_to_csv, message_to_ordereddict, message_to_yaml, set_message_fields
from rosidl_runtime_py.utilities import get_action, get_message, get_service
from sensor_msgs.msg import JointState, RegionOfInterest
from std_msgs.msg import Float32, Header, Int8, String, UInt8MultiArray
from std_srvs.srv import SetBool, Trigger


def test_defaults() -> None:
    pose = PoseStamped()
    assert pose.pose.orientation.w == 1.0
    assert pose.header.frame_id == ""
    assert JointState().position == array.array("d")
    assert PoseWithCovariance().covariance.shape == (36,)
    assert Quaternion.W__DEFAULT == 1.0


def test_fields_are_known_by_name_and_type() -> None:
    assert JointState.get_fields_and_field_types() == {
        "header": "std_msgs/Header",
        "name": "sequence<string>",
        "position": "sequence<double>",
        "velocity": "sequence<double>",
        "effort": "sequence<double>",
    }
    assert (
        ParameterDescriptor.get_fields_and_field_types()["integer_range"] == "sequence<rcl_interfaces/IntegerRange, 1>"
    )
    assert PoseWithCovariance.get_fields_and_field_types()["covariance"] == "double[36]"
    assert JointState.__slots__ == ["_header", "_name", "_position", "_velocity", "_effort", "_check_fields"]


def test_slot_types() -> None:
    header, name, position, *_ = JointState.SLOT_TYPES
    assert isinstance(header, NamespacedType)
    assert header.namespaced_name() == ("std_msgs", "msg", "Header")
    assert isinstance(name, UnboundedSequence)
    assert isinstance(name.value_type, UnboundedString)
    assert isinstance(position.value_type, BasicType)
    assert position.value_type.typename == "double"
    ranges = ParameterDescriptor.SLOT_TYPES[-1]
    assert isinstance(ranges, BoundedSequence)
    assert ranges.maximum_size == 1
    covariance = PoseWithCovariance.SLOT_TYPES[1]
    assert isinstance(covariance, Array)
    assert covariance.size == 36


def test_constants_are_read_only() -> None:
    assert DiagnosticStatus.WARN == b"\x01"
    assert DiagnosticStatus().STALE == b"\x03"
    with pytest.raises(AttributeError):
        DiagnosticStatus.WARN = b"\x07"


def test_repr() -> None:
    joints = JointState(name=["a"], position=[1.0, 2.5])
    assert repr(joints) == (
        "sensor_msgs.msg.JointState(header=std_msgs.msg.Header(stamp=builtin_interfaces.msg.Time(sec=0, nanosec=0), "
        "frame_id=''), name=['a'], position=[1.0, 2.5], velocity=[], effort=[])"
    )
    assert repr(SetBool.Request(data=True)) == "std_srvs.srv.SetBool_Request(data=True)"


def test_equality() -> None:
    assert Point(x=1.0) == Point(x=1.0)
    assert Point(x=1.0) != Point(x=2.0)
    assert Point() != Quaternion()
    with pytest.raises(TypeError):
        hash(Point())


def test_numbers_are_held_in_arrays() -> None:
    joints = JointState(position=(1, 2))
    assert joints.position == array.array("d", [1.0, 2.0])
    joints.velocity = [3.0]
    assert isinstance(joints.velocity, array.array)
    data = UInt8MultiArray(data=b"\x01\x02").data
    assert (data.typecode, data.tolist()) == ("B", [1, 2])
    pose = PoseWithCovariance(covariance=[0.5] * 36)
    assert isinstance(pose.covariance, np.ndarray)
    assert pose.covariance.dtype == np.float64
    with pytest.raises(AssertionError):
        PoseWithCovariance(covariance=[1.0])


def test_fields_are_not_checked_unless_asked_for() -> None:
    message = String()
    message.data = 5
    assert message.data == 5
    assert Point(unknown=1).x == 0.0


@pytest.mark.parametrize(
    ("message", "field", "value", "text"),
    [
        (String, "data", 5, "The 'data' field must be of type 'str'"),
        (Int8, "data", 128, "The 'data' field must be an integer in [-128, 127]"),
        (Int8, "data", 1.0, "The 'data' field must be of type 'int'"),
        (RegionOfInterest, "width", -1, "The 'width' field must be an unsigned integer in [0, 4294967295]"),
        (RegionOfInterest, "do_rectify", 1, "The 'do_rectify' field must be of type 'bool'"),
        (Float32, "data", 1e39, "The 'data' field must be a float in [-3.402823466e+38, 3.402823466e+38]"),
        (DiagnosticStatus, "level", 1, "The 'level' field must be of type 'bytes' or 'ByteString' with length 1"),
        (PoseStamped, "header", Time(), "The 'header' field must be a sub message of type 'Header'"),
        (JointState, "name", "ab", "The 'name' field must be a set or sequence and each value of type 'str'"),
        (
            ParameterDescriptor,
            "integer_range",
            [IntegerRange(), IntegerRange()],
            "The 'integer_range' field must be a set or sequence with length <= 1 "
            "and each value of type 'IntegerRange'",
        ),
        (
            UInt8MultiArray,
            "data",
            [256],
            "The 'data' field must be a set or sequence and each value of type 'int' "
            "and each unsigned integer in [0, 255]",
        ),
        (JointState, "position", array.array("f"), "The 'position' array.array() must have the type code of 'd'"),
        (
            PoseWithCovariance,
            "covariance",
            np.zeros(3),
            "The 'covariance' numpy.ndarray() must have a size of 36",
        ),
    ],
)
def test_checks_say_what_is_wanted(message: type, field: str, value: object, text: str) -> None:
    checked = message(check_fields=True)
    with pytest.raises(AssertionError) as caught:
        setattr(checked, field, value)
    assert str(caught.value).splitlines()[0] == text


def test_unknown_arguments_are_told_when_checked() -> None:
    with pytest.raises(AssertionError, match="Invalid arguments passed to constructor: y"):
        String(y=1, check_fields=True)


def test_infinity_is_a_number() -> None:
    assert Float32(data=float("inf"), check_fields=True).data == float("inf")


def test_services_and_actions_are_no_messages() -> None:
    with pytest.raises(NotImplementedError):
        Trigger()
    with pytest.raises(NotImplementedError):
        FollowJointTrajectory()
    assert SetBool.Event(response=[SetBool.Response(success=True)]).response[0].success
    assert {"SendGoalService", "GetResultService", "FeedbackMessage", "CancelGoalService", "GoalStatusMessage"} <= set(
        dir(FollowJointTrajectory.Impl)
    )
    assert FollowJointTrajectory.Result.GOAL_TOLERANCE_VIOLATED == -5


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (String(data="ab"), "0001000003000000616200"),
        (Trigger.Request(), "0001000000"),
        (Header(stamp=Time(sec=1, nanosec=2), frame_id="m"), "000100000100000002000000020000006d00"),
        (
            JointState(position=[1.0]),
            "00010000" + "00" * 8 + "0100000000000000" + "0000000001000000" + "000000000000f03f" + "00" * 8,
        ),
    ],
)
def test_serialized_bytes(message: object, expected: str) -> None:
    data = serialize_message(message)
    assert data.hex() == expected
    assert deserialize_message(data, type(message)) == message


def test_plain_data() -> None:
    header = Header(stamp=Time(sec=1), frame_id="map")
    assert message_to_ordereddict(header) == {"stamp": {"sec": 1, "nanosec": 0}, "frame_id": "map"}
    assert message_to_yaml(header) == "stamp:\n  sec: 1\n  nanosec: 0\nframe_id: map\n"
    assert message_to_csv(header) == "1,0,map"
    assert message_to_yaml(JointState(position=[1.0] * 4), no_arr=True, truncate_length=2).count("<sequence type") == 4


def test_messages_are_filled_from_plain_data() -> None:
    joints = JointState()
    stamps = set_message_fields(joints, {"header": "auto", "name": ["a"], "position": [1, 2]}, expand_header_auto=True)
    assert joints.position == array.array("d", [1.0, 2.0])
    stamps[0](Time(sec=7))
    assert joints.header.stamp.sec == 7
    with pytest.raises(AttributeError):
        set_message_fields(joints, {"nothing": 1})


def test_classes_are_found_by_name() -> None:
    assert get_message("std_msgs/String") is String
    assert get_service("std_srvs/srv/SetBool") is SetBool
    assert get_action("control_msgs/action/FollowJointTrajectory") is FollowJointTrajectory
    with pytest.raises(ValueError, match="message"):
        get_message("std_srvs/srv/SetBool")
