"""CDR bytes: known ones, those of another implementation, and back again."""

from __future__ import annotations

import array
import random
from typing import Any

import numpy as np
import pytest
from example_messages import random_message
from hypothesis import given, settings
from hypothesis import strategies as st
from rosbags.typesys import Stores, get_typestore
from std_msgs.msg import Empty, Header, String, UInt8MultiArray
from std_srvs.srv import Trigger

from workcell_sim.embedded._interfaces import (
    CdrError,
    copy_message,
    derived,
    deserialize_message,
    find_class,
    serialize_message,
    store,
)

TYPESTORE = get_typestore(Stores.ROS2_JAZZY)
STANDARD = sorted(name for name in TYPESTORE.fielddefs if not name.startswith("rmw_dds_common"))
ALL = sorted(
    message.name
    for package in store.packages()
    for kind in store.package_kinds(package)
    for short in store.interface_names(package, kind)
    for message in derived.all_messages(store.load(f"{package}/{kind}/{short}"))
)


def as_rosbags(message: Any) -> Any:
    """The same message as an object of the rosbags library."""
    values = {}
    for field in message._SPEC.fields:
        value = getattr(message, field.name)
        if field.type.is_numeric_array:
            values[field.name] = np.asarray(value)
        elif field.type.is_message:
            is_list = isinstance(value, list)
            values[field.name] = [as_rosbags(item) for item in value] if is_list else as_rosbags(value)
        elif isinstance(value, list) and field.type.base in ("octet", "boolean"):
            values[field.name] = np.array([item[0] if isinstance(item, bytes) else item for item in value], np.uint8)
        else:
            # The library holds a byte as a signed number.
            values[field.name] = int.from_bytes(value, signed=True) if isinstance(value, bytes) else value
    if not message._SPEC.fields:
        values["structure_needs_at_least_one_member"] = 0
    return TYPESTORE.types[message._TYPE_NAME](**values)


@pytest.mark.parametrize("name", STANDARD)
def test_bytes_equal_those_of_rosbags(name: str) -> None:
    rng = random.Random(name)
    cls = find_class(name)
    for message in (cls(), random_message(cls, rng), random_message(cls, rng)):
        theirs = bytes(TYPESTORE.serialize_cdr(as_rosbags(message), name, little_endian=True))
        assert serialize_message(message) == theirs


@pytest.mark.parametrize("name", STANDARD)
def test_big_endian_bytes_are_read(name: str) -> None:
    cls = find_class(name)
    message = random_message(cls, random.Random(name))
    data = bytes(TYPESTORE.serialize_cdr(as_rosbags(message), name, little_endian=False))
    assert data[1] == 0
    assert deserialize_message(data, cls) == message


@pytest.mark.parametrize("name", ALL)
def test_every_message_comes_back_whole(name: str) -> None:
    cls = find_class(name)
    message = random_message(cls, random.Random(name))
    back = deserialize_message(serialize_message(message), cls)
    assert back == message
    assert repr(back) == repr(message)
    assert copy_message(message) == message


def test_known_bytes() -> None:
    assert serialize_message(String(data="ab")).hex() == "0001000003000000616200"
    assert serialize_message(Empty()).hex() == "0001000000"
    assert serialize_message(Trigger.Request()).hex() == "0001000000"
    assert serialize_message(find_class("std_msgs/msg/Float64")(data=1.0)).hex() == "00010000000000000000f03f"
    assert serialize_message(Header(frame_id="m")).hex() == "00010000" + "00" * 8 + "020000006d00"


def test_a_wide_string_has_four_bytes_for_each_utf16_unit() -> None:
    cls = find_class("example_interfaces/msg/WString")
    data = serialize_message(cls(data="a😀"))
    assert data.hex() == "00010000" + "03000000" + "61000000" + "3dd80000" + "00de0000"
    assert deserialize_message(data, cls).data == "a😀"


def test_an_empty_sequence_of_doubles_brings_no_padding() -> None:
    cls = find_class("std_msgs/msg/Float64MultiArray")
    assert serialize_message(cls()).hex() == "00010000" + "00" * 12


def test_padding_behind_a_message_is_taken_but_no_more() -> None:
    data = serialize_message(String(data="ab"))
    assert deserialize_message(data + bytes(3), String).data == "ab"
    with pytest.raises(CdrError, match="ends at byte 11 of 15"):
        deserialize_message(data + bytes(4), String)


def test_an_empty_string_without_its_terminator_is_taken() -> None:
    assert deserialize_message(bytes.fromhex("0001000000000000"), String).data == ""


@pytest.mark.parametrize("data", [b"", b"\x00\x01", b"\x00\x02\x00\x00\x00", b"\x00\x0b\x00\x00\x00\x00\x00\x00"])
def test_what_is_no_cdr_is_refused(data: bytes) -> None:
    with pytest.raises(CdrError, match="std_msgs/msg/String"):
        deserialize_message(data, String)


@settings(max_examples=60)
@given(st.sampled_from(ALL), st.randoms(use_true_random=False), st.data())
def test_a_cut_message_is_refused(name: str, rng: random.Random, data: Any) -> None:
    cls = find_class(name)
    whole = serialize_message(random_message(cls, rng))
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(CdrError):
        deserialize_message(whole[:cut], cls)


@settings(max_examples=200)
@given(st.sampled_from(ALL), st.binary(max_size=80))
def test_random_bytes_give_a_message_or_a_clear_error(name: str, payload: bytes) -> None:
    complaint = name
    try:
        deserialize_message(b"\x00\x01\x00\x00" + payload, find_class(name))
    except CdrError as error:
        complaint = str(error)
    assert name in complaint


def test_a_wrong_value_is_named_with_its_place() -> None:
    pose = find_class("geometry_msgs/msg/PoseArray")()
    pose.poses = [find_class("geometry_msgs/msg/Pose")(), find_class("geometry_msgs/msg/Pose")()]
    pose.poses[1].position.y = "far"
    with pytest.raises(
        TypeError, match=r"geometry_msgs/msg/PoseArray\.poses\[1\]\.position\.y: expected double, got str"
    ):
        serialize_message(pose)


def test_a_broken_bound_is_named() -> None:
    cls = find_class("rcl_interfaces/msg/ParameterDescriptor")
    entry = find_class("rcl_interfaces/msg/IntegerRange")()
    with pytest.raises(TypeError, match=r"integer_range: expected at most 1 elements, got 2"):
        serialize_message(cls(integer_range=[entry, entry]))


def test_a_copy_shares_nothing() -> None:
    original = UInt8MultiArray(data=array.array("B", [1, 2]))
    copy = copy_message(original)
    copy.data[0] = 9
    copy.layout.data_offset = 7
    assert (original.data[0], original.layout.data_offset) == (1, 0)


def test_only_messages_are_serialized() -> None:
    with pytest.raises(TypeError, match="no message class"):
        serialize_message("text")
