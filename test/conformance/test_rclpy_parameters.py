"""Parameters: declaration, rules, callbacks, events, files and services, on whichever runtime is active."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    ParameterEvent,
    SetParametersResult,
)
from rclpy.exceptions import (
    InvalidParameterException,
    InvalidParameterTypeException,
    InvalidParameterValueException,
    ParameterAlreadyDeclaredException,
    ParameterImmutableException,
    ParameterNotDeclaredException,
    ParameterUninitializedException,
)
from rclpy.parameter import Parameter
from rclpy.parameter_client import AsyncParameterClient
from rclpy.parameter_event_handler import ParameterEventHandler
from rclpy_harness import Ros, running_ros


@pytest.fixture
def ros(kernel: Any) -> Iterator[Ros]:
    with running_ros() as ros:
        yield ros


def set_one(node: Any, name: str, value: Any) -> SetParametersResult:
    return node.set_parameters([Parameter(name, value=value)])[0]


def test_declare_and_get(ros: Ros) -> None:
    node = ros.node()
    assert node.declare_parameter("speed", 0.5).value == 0.5
    assert node.get_parameter("speed").type_ == Parameter.Type.DOUBLE
    assert node.has_parameter("speed")
    assert not node.has_parameter("grip")
    with pytest.raises(ParameterAlreadyDeclaredException):
        node.declare_parameter("speed", 1.0)
    with pytest.raises(ParameterNotDeclaredException):
        node.get_parameter("grip")
    with pytest.raises(InvalidParameterException):
        node.declare_parameter("", 1)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, "BOOL"),
        (1, "INTEGER"),
        (1.5, "DOUBLE"),
        ("a", "STRING"),
        ([b"a"], "BYTE_ARRAY"),
        ([True], "BOOL_ARRAY"),
        ([1, 2], "INTEGER_ARRAY"),
        ([1.5], "DOUBLE_ARRAY"),
        (["a", "b"], "STRING_ARRAY"),
        (None, "NOT_SET"),
    ],
)
def test_types_go_through_messages(ros: Ros, value: Any, kind: str) -> None:
    parameter = Parameter("p", value=value)
    assert parameter.type_ == Parameter.Type[kind]
    again = Parameter.from_parameter_msg(parameter.to_parameter_msg())
    assert again.type_ == parameter.type_
    assert again.value is None or again.value == value or list(again.value) == value


def test_static_types(ros: Ros) -> None:
    node = ros.node()
    node.declare_parameter("speed", 0.5)
    result = set_one(node, "speed", 1)
    assert not result.successful
    assert result.reason.startswith("Wrong parameter type")
    node.declare_parameter("any", 1, ParameterDescriptor(dynamic_typing=True))
    assert set_one(node, "any", "text").successful


def test_declared_by_type_only(ros: Ros) -> None:
    node = ros.node()
    node.declare_parameter("speed", Parameter.Type.DOUBLE)
    with pytest.raises(ParameterUninitializedException):
        node.get_parameter("speed")
    assert node.get_parameter_or("speed", Parameter("speed", value=2.0)).value == 2.0
    assert set_one(node, "speed", 1.0).successful
    assert node.get_parameter("speed").value == 1.0


def test_integer_range(ros: Ros) -> None:
    node = ros.node()
    limits = ParameterDescriptor(integer_range=[IntegerRange(from_value=0, to_value=10, step=2)])
    node.declare_parameter("count", 4, limits)
    assert set_one(node, "count", 8).successful
    assert "not a valid step" in set_one(node, "count", 7).reason
    assert "out of range" in set_one(node, "count", 12).reason
    assert node.get_parameter("count").value == 8
    with pytest.raises(InvalidParameterValueException):
        node.declare_parameter("other", 11, ParameterDescriptor(integer_range=limits.integer_range))


def test_floating_point_range(ros: Ros) -> None:
    node = ros.node()
    limits = ParameterDescriptor(floating_point_range=[FloatingPointRange(from_value=0.0, to_value=1.0, step=0.25)])
    node.declare_parameter("speed", 0.5, limits)
    assert set_one(node, "speed", 0.75).successful
    assert not set_one(node, "speed", 0.6).successful
    assert not set_one(node, "speed", 1.5).successful
    assert set_one(node, "speed", 1.0).successful


def test_read_only(ros: Ros) -> None:
    node = ros.node()
    node.declare_parameter("id", 7, ParameterDescriptor(read_only=True))
    assert "read-only" in set_one(node, "id", 8).reason
    with pytest.raises(ParameterImmutableException):
        node.undeclare_parameter("id")


def test_atomic_setting_is_all_or_nothing(ros: Ros) -> None:
    node = ros.node()
    node.declare_parameters("", [("a", 1), ("b", 2)])
    result = node.set_parameters_atomically([Parameter("a", value=10), Parameter("b", value="wrong")])
    assert not result.successful
    assert [node.get_parameter(name).value for name in "ab"] == [1, 2]


def test_callbacks_before_on_and_after(ros: Ros) -> None:
    node = ros.node()
    node.declare_parameters("", [("speed", 1.0), ("force", 1.0)])
    order: list[str] = []
    seen_before: list[float] = []

    def pre(parameters: list[Parameter]) -> list[Parameter]:
        order.append("pre")
        return [*parameters, Parameter("force", value=5.0)]

    def on(parameters: list[Parameter]) -> SetParametersResult:
        order.append("on")
        seen_before.append(node.get_parameter("speed").value)
        bad = any(parameter.value > 100.0 for parameter in parameters)
        return SetParametersResult(successful=not bad, reason="too fast" if bad else "")

    def post(parameters: list[Parameter]) -> None:
        order.append("post")
        assert node.get_parameter("speed").value == 2.0

    node.add_pre_set_parameters_callback(pre)
    node.add_on_set_parameters_callback(on)
    node.add_post_set_parameters_callback(post)
    assert set_one(node, "speed", 2.0).successful
    assert order == ["pre", "on", "post"]
    assert seen_before == [1.0]
    assert node.get_parameter("force").value == 5.0
    node.remove_post_set_parameters_callback(post)
    assert set_one(node, "speed", 200.0).reason == "too fast"
    assert node.get_parameter("speed").value == 2.0


def test_undeclared_parameters_when_allowed(ros: Ros) -> None:
    node = ros.node(allow_undeclared_parameters=True)
    assert node.get_parameter("new").type_ == Parameter.Type.NOT_SET
    assert set_one(node, "new", 3).successful
    assert set_one(node, "new", "text").successful
    with pytest.raises(ParameterNotDeclaredException):
        ros.node("strict").set_parameters([Parameter("new", value=1)])


def test_overrides_win_over_defaults(ros: Ros) -> None:
    node = ros.node(
        cli_args=["--ros-args", "-p", "speed:=0.9", "-p", "names:=[a, b]"],
        parameter_overrides=[Parameter("count", value=5)],
    )
    assert node.declare_parameter("speed", 0.1).value == 0.9
    assert node.declare_parameter("names", ["x"]).value == ["a", "b"]
    assert node.declare_parameter("count", 1).value == 5
    assert (
        ros.node("other", cli_args=["--ros-args", "-p", "speed:=0.9"])
        .declare_parameter("speed", 0.1, ignore_override=True)
        .value
        == 0.1
    )


def test_override_of_another_type(ros: Ros) -> None:
    node = ros.node(cli_args=["--ros-args", "-p", "speed:=1"])
    with pytest.raises(InvalidParameterTypeException):
        node.declare_parameter("speed", 0.5)


PARAMETERS_YAML = """
/**:
  ros__parameters:
    everywhere: 1
    shared: all
/cell/arm:
  ros__parameters:
    shared: arm
    limits: {speed: 0.5, names: [a, "2"]}
    hex: 0x10
    text: "10"
    off: false
/cell/*:
  ros__parameters:
    in_cell: true
/other:
  ros__parameters:
    never: 1
"""


def test_parameter_file(ros: Ros, tmp_path: Path) -> None:
    path = tmp_path / "parameters.yaml"
    path.write_text(PARAMETERS_YAML)
    node = ros.node(
        "arm",
        namespace="/cell",
        cli_args=["--ros-args", "--params-file", str(path)],
        automatically_declare_parameters_from_overrides=True,
    )
    values = {name: node.get_parameter(name).value for name in node._parameters}
    assert values["everywhere"] == 1
    assert values["shared"] == "arm"
    assert values["limits.speed"] == 0.5
    assert list(values["limits.names"]) == ["a", "2"]
    assert (values["hex"], values["text"], values["off"], values["in_cell"]) == (16, "10", False, True)
    assert "never" not in values


@pytest.mark.parametrize("text", ["node: {ros__parameters: {a: [1, b]}}", "node: {a: 1}", "a: ["])
def test_malformed_parameter_file(ros: Ros, tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(RuntimeError, match=r"bad\.yaml"):
        ros.node(cli_args=["--ros-args", "--params-file", str(path)])


def test_changes_are_published(ros: Ros) -> None:
    node = ros.node("changing")
    events: list[ParameterEvent] = []
    ros.node("watching").create_subscription(ParameterEvent, "/parameter_events", events.append, 100)
    assert ros.until(lambda: node.count_subscribers("/parameter_events") == 1)
    ros.spin_for(0.5)
    events.clear()
    node.declare_parameter("a", 1, ParameterDescriptor(dynamic_typing=True))
    set_one(node, "a", 2)
    node.set_parameters([Parameter("a", Parameter.Type.NOT_SET)])
    assert ros.until(lambda: len(events) == 3)
    assert [event.node for event in events] == ["/changing"] * 3
    assert [parameter.value.integer_value for parameter in events[0].new_parameters] == [1]
    assert [parameter.value.integer_value for parameter in events[1].changed_parameters] == [2]
    assert [parameter.name for parameter in events[2].deleted_parameters] == ["a"]


def test_listing(ros: Ros) -> None:
    node = ros.node()
    node.declare_parameters("arm", [("speed", 1.0), ("limits.low", 0.0)])
    assert set(node.list_parameters(["arm"], 0).names) == {"arm.speed", "arm.limits.low"}
    assert node.list_parameters(["arm"], 1).names == ["arm.speed"]
    assert "arm.limits" in node.list_parameters([], 0).prefixes
    assert set(node.get_parameters_by_prefix("arm")) == {"speed", "limits.low"}
    with pytest.raises(ValueError, match="depth"):
        node.list_parameters([], -1)


def test_services_through_the_client(ros: Ros) -> None:
    server, asker = ros.node("server"), ros.node("asker")
    server.declare_parameter("speed", 0.5, ParameterDescriptor(description="scale"))
    client = AsyncParameterClient(asker, "server")
    assert client.wait_for_services(timeout_sec=20.0)
    (answer,) = ros.result(client.set_parameters([Parameter("speed", value=0.75)])).results
    assert answer.successful
    assert ros.result(client.get_parameters(["speed"])).values[0].double_value == 0.75
    assert list(ros.result(client.get_parameters(["unknown"])).values) == []
    assert ros.result(client.describe_parameters(["speed"])).descriptors[0].description == "scale"
    assert list(ros.result(client.get_parameter_types(["speed"])).types) == [Parameter.Type.DOUBLE.value]
    assert "speed" in ros.result(client.list_parameters()).result.names
    (refused,) = ros.result(client.set_parameters([Parameter("unknown", value=1)])).results
    assert not refused.successful
    assert not ros.result(client.set_parameters_atomically([Parameter("speed", value="fast")])).result.successful


def test_event_handler(ros: Ros) -> None:
    node, other = ros.node("watching"), ros.node("changing")
    handler = ParameterEventHandler(node)
    assert ros.until(lambda: other.count_subscribers("/parameter_events") == 1)
    ros.spin_for(0.5)
    got: list[int] = []
    handle = handler.add_parameter_callback("a", "/changing", lambda p: got.append(p.value.integer_value))
    other.declare_parameters("", [("a", 1), ("b", 5)])
    assert ros.until(lambda: got == [1])
    handler.remove_parameter_callback(handle)
    set_one(other, "a", 2)
    ros.spin_for(0.2)
    assert got == [1]
    with pytest.raises(RuntimeError):
        handler.remove_parameter_callback(handle)
    handler.destroy()


def test_descriptor_is_replaced(ros: Ros) -> None:
    node = ros.node()
    node.declare_parameter("count", 5)
    limits = ParameterDescriptor(type=2, integer_range=[IntegerRange(from_value=0, to_value=3, step=1)])
    with pytest.raises(InvalidParameterValueException):
        node.set_descriptor("count", limits)
    value = node.set_descriptor("count", limits, Parameter("count", value=3).get_parameter_value())
    assert value.integer_value == 3
    assert node.get_parameter("count").value == 3
