"""Logging: levels, filters, output and ``/rosout``; names and arguments; on whichever runtime is active."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import rclpy
import rclpy.logging
from hypothesis import given
from hypothesis import strategies as st
from rcl_interfaces.msg import Log, LoggerLevel
from rcl_interfaces.srv import GetLoggerLevels, SetLoggerLevels
from rclpy.exceptions import (
    InvalidNamespaceException,
    InvalidNodeNameException,
    InvalidTopicNameException,
    NotInitializedException,
)
from rclpy.expand_topic_name import expand_topic_name
from rclpy.logging import LoggingSeverity
from rclpy.utilities import remove_ros_args
from rclpy.validate_namespace import validate_namespace
from rclpy.validate_node_name import validate_node_name
from rclpy.validate_topic_name import validate_topic_name
from rclpy_harness import Ros, running_ros


@pytest.fixture
def ros(kernel: Any) -> Iterator[Ros]:
    with running_ros() as ros:
        yield ros


def test_levels_are_inherited() -> None:
    parent = rclpy.logging.get_logger("levels")
    child = parent.get_child("below")
    assert child.name == "levels.below"
    parent.set_level(LoggingSeverity.ERROR)
    assert child.get_effective_level() == LoggingSeverity.ERROR
    assert not child.warning("hidden")
    child.set_level(LoggingSeverity.DEBUG)
    assert child.is_enabled_for(LoggingSeverity.DEBUG)
    child.set_level(LoggingSeverity.UNSET)
    assert child.get_effective_level() == LoggingSeverity.ERROR


def test_filters() -> None:
    logger = rclpy.logging.get_logger("filters")
    assert [logger.info("once", once=True) for _ in range(3)] == [True, False, False]
    assert [logger.info("later", skip_first=True) for _ in range(3)] == [False, True, True]
    assert [logger.info("rarely", throttle_duration_sec=1000.0) for _ in range(3)] == [True, False, False]
    with pytest.raises(TypeError, match="not one of the recognized"):
        logger.info("what", sometimes=True)


def test_one_place_one_severity() -> None:
    logger = rclpy.logging.get_logger("place")

    def log(severity: LoggingSeverity) -> None:
        logger.log("text", severity)

    log(LoggingSeverity.INFO)
    with pytest.raises(ValueError, match="severity cannot be changed"):
        log(LoggingSeverity.ERROR)


def test_names_of_severities() -> None:
    assert rclpy.logging.get_logging_severity_from_string("warn") == LoggingSeverity.WARN
    with pytest.raises(RuntimeError):
        rclpy.logging.get_logging_severity_from_string("loud")
    with pytest.raises(ValueError, match="must not be empty"):
        rclpy.logging.get_logger("")


def test_console(ros: Ros, capfd: pytest.CaptureFixture[str]) -> None:
    ros.node("speaker", namespace="/area").get_logger().warning("look out")
    text = capfd.readouterr().err
    assert text.startswith("[WARN] [")
    assert text.rstrip().endswith("[area.speaker]: look out")


def test_rosout(ros: Ros) -> None:
    node = ros.node("speaker")
    got: list[Log] = []
    ros.node("reader").create_subscription(Log, "/rosout", got.append, 100)
    ros.spin_for(0.5)
    node.get_logger().error("broken")
    node.get_logger().get_child("part").info("detail")
    rclpy.logging.get_logger("stranger").error("not of a node")
    assert ros.until(lambda: {log.msg for log in got} >= {"broken", "detail"})
    broken = next(log for log in got if log.msg == "broken")
    assert (broken.name, broken.level, broken.function) == ("speaker", 40, "test_rosout")
    assert broken.file.endswith("test_rclpy_logging.py")
    assert next(log for log in got if log.msg == "detail").name == "speaker.part"
    assert "not of a node" not in {log.msg for log in got}


def test_logger_service(ros: Ros) -> None:
    node = ros.node("speaker", enable_logger_service=True)
    asker = ros.node("asker")
    setter = asker.create_client(SetLoggerLevels, "speaker/set_logger_levels")
    getter = asker.create_client(GetLoggerLevels, "speaker/get_logger_levels")
    assert setter.wait_for_service(timeout_sec=20.0)
    assert getter.wait_for_service(timeout_sec=20.0)
    levels = [LoggerLevel(name="speaker", level=10), LoggerLevel(name="speaker", level=11)]
    results = ros.result(setter.call_async(SetLoggerLevels.Request(levels=levels))).results
    assert [result.successful for result in results] == [True, False]
    assert node.get_logger().get_effective_level() == LoggingSeverity.DEBUG
    (level,) = ros.result(getter.call_async(GetLoggerLevels.Request(names=["speaker"]))).levels
    assert level.level == 10
    node.get_logger().set_level(LoggingSeverity.UNSET)


@pytest.mark.parametrize("arguments", [["--ros-args", "-r", "nonsense"], ["--ros-args", "--log-level", "loud"]])
def test_malformed_ros_arguments(ros: Ros, arguments: list[str]) -> None:
    with pytest.raises(RuntimeError, match="Failed to parse ROS arguments"):
        ros.node(cli_args=arguments)


def test_unknown_ros_arguments(ros: Ros) -> None:
    with pytest.raises(RuntimeError, match=r"\['--sing'\]"):
        ros.node(cli_args=["--ros-args", "--sing"])


def test_removal_of_ros_arguments() -> None:
    assert remove_ros_args(["prog", "a", "--ros-args", "-r", "a:=b", "--", "c"]) == ["prog", "a", "c"]


def test_node_needs_a_context() -> None:
    with pytest.raises(NotInitializedException):
        rclpy.create_node("early", context=rclpy.context.Context())


TOKENS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)


@given(st.lists(TOKENS, min_size=1, max_size=4), TOKENS, st.lists(TOKENS, max_size=3))
def test_good_names_expand(topic: list[str], node: str, namespace: list[str]) -> None:
    scope = "/" + "/".join(namespace)
    assert validate_node_name(node)
    assert validate_namespace(scope)
    name = "/".join(topic)
    assert validate_topic_name(name)
    assert expand_topic_name(name, node, scope) == f"{scope.rstrip('/')}/{name}"
    assert expand_topic_name(f"/{name}", node, scope) == f"/{name}"
    assert expand_topic_name(f"~/{name}", node, scope) == f"{scope.rstrip('/')}/{node}/{name}"


@pytest.mark.parametrize("name", ["", "1node", "my node", "my-node", "my/node"])
def test_bad_node_names(name: str) -> None:
    with pytest.raises(InvalidNodeNameException):
        validate_node_name(name)


@pytest.mark.parametrize("name", ["", "relative", "/end/", "/1up", "/a//b", "/sp ace"])
def test_bad_namespaces(name: str) -> None:
    with pytest.raises(InvalidNamespaceException):
        validate_namespace(name)


@pytest.mark.parametrize(
    "name", ["", "1topic", "a b", "end/", "mid~dle", "~no_slash", "{un", "balanced}", "{{x}}", "{1a}", "a/2b", "a{b/c}"]
)
def test_bad_topic_names(name: str) -> None:
    with pytest.raises(InvalidTopicNameException):
        validate_topic_name(name)
