"""Publishers and subscriptions: delivery, isolation, QoS, events and graph queries, on whichever runtime is active."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import rclpy
from rclpy.duration import Duration
from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.exceptions import InvalidHandle, InvalidTopicNameException
from rclpy.qos import DurabilityPolicy, HistoryPolicy, LivelinessPolicy, QoSPolicyKind, QoSProfile, ReliabilityPolicy
from rclpy.serialization import serialize_message
from rclpy_harness import Ros, running_ros
from std_msgs.msg import Float64MultiArray, Int32, String


@pytest.fixture
def ros(kernel: Any) -> Iterator[Ros]:
    with running_ros() as ros:
        yield ros


def connected(ros: Ros, publisher: Any, count: int = 1) -> bool:
    return ros.until(lambda: publisher.get_subscription_count() >= count)


def test_messages_arrive_in_order(ros: Ros) -> None:
    node = ros.node()
    got: list[int] = []
    node.create_subscription(Int32, "numbers", lambda m: got.append(m.data), 10)
    publisher = node.create_publisher(Int32, "numbers", 10)
    assert connected(ros, publisher)
    for number in range(8):
        publisher.publish(Int32(data=number))
    assert ros.until(lambda: len(got) == 8)
    assert got == list(range(8))


def test_nothing_is_delivered_inside_publish(ros: Ros) -> None:
    node = ros.node()
    got: list[Any] = []
    node.create_subscription(Int32, "numbers", got.append, 10)
    publisher = node.create_publisher(Int32, "numbers", 10)
    assert connected(ros, publisher)
    publisher.publish(Int32())
    assert got == []
    assert ros.until(lambda: got)


def test_each_side_has_its_own_message(ros: Ros) -> None:
    node = ros.node()
    got: list[Any] = []

    def spoil(message: Float64MultiArray) -> None:
        message.data[0] = -1.0
        got.append(message)

    keep: list[Any] = []
    node.create_subscription(Float64MultiArray, "array", spoil, 10)
    node.create_subscription(Float64MultiArray, "array", keep.append, 10)
    publisher = node.create_publisher(Float64MultiArray, "array", 10)
    assert connected(ros, publisher, 2)
    message = Float64MultiArray(data=[1.0, 2.0])
    publisher.publish(message)
    message.data[1] = 99.0
    assert ros.until(lambda: got and keep)
    assert list(keep[0].data) == [1.0, 2.0]
    assert list(got[0].data) == [-1.0, 2.0]
    assert list(message.data) == [1.0, 99.0]


def test_keep_last_drops_the_oldest(ros: Ros) -> None:
    node = ros.node()
    got: list[int] = []
    node.create_subscription(Int32, "numbers", lambda m: got.append(m.data), 3)
    publisher = node.create_publisher(Int32, "numbers", 10)
    assert connected(ros, publisher)
    for number in range(10):
        publisher.publish(Int32(data=number))
    assert ros.until(lambda: 9 in got)
    ros.spin_for(0.1)
    assert got == [7, 8, 9]


def test_keep_all_keeps_everything(ros: Ros) -> None:
    node = ros.node()
    qos = QoSProfile(history=HistoryPolicy.KEEP_ALL, reliability=ReliabilityPolicy.RELIABLE)
    got: list[int] = []
    node.create_subscription(Int32, "numbers", lambda m: got.append(m.data), qos)
    publisher = node.create_publisher(Int32, "numbers", qos)
    assert connected(ros, publisher)
    for number in range(40):
        publisher.publish(Int32(data=number))
    assert ros.until(lambda: len(got) == 40)


def test_late_joiner_gets_what_is_kept(ros: Ros) -> None:
    node = ros.node()
    qos = QoSProfile(depth=2, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    publisher = node.create_publisher(Int32, "kept", qos)
    for number in range(5):
        publisher.publish(Int32(data=number))
    late: list[int] = []
    volatile: list[int] = []
    node.create_subscription(
        Int32, "kept", lambda m: late.append(m.data), QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    )
    node.create_subscription(Int32, "kept", lambda m: volatile.append(m.data), 10)
    assert ros.until(lambda: len(late) == 2)
    ros.spin_for(0.1)
    assert late == [3, 4]
    assert volatile == []


def test_incompatible_qos_is_reported_to_both(ros: Ros) -> None:
    node = ros.node()
    offered: list[Any] = []
    requested: list[Any] = []
    got: list[Any] = []
    publisher = node.create_publisher(
        Int32,
        "strict",
        QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT),
        event_callbacks=PublisherEventCallbacks(incompatible_qos=offered.append),
    )
    node.create_subscription(
        Int32,
        "strict",
        got.append,
        QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE),
        event_callbacks=SubscriptionEventCallbacks(incompatible_qos=requested.append),
    )
    assert ros.until(lambda: offered and requested)
    assert offered[0].total_count == 1
    assert requested[0].last_policy_kind == QoSPolicyKind.RELIABILITY
    publisher.publish(Int32())
    ros.spin_for(0.1)
    assert got == []
    assert publisher.get_subscription_count() == 0


def test_matched_events_count_up_and_down(ros: Ros) -> None:
    node = ros.node()
    seen: list[tuple[int, int]] = []
    node.create_publisher(
        Int32,
        "matched",
        1,
        event_callbacks=PublisherEventCallbacks(
            matched=lambda e: seen.append((e.current_count, e.current_count_change))
        ),
    )
    subscription = node.create_subscription(Int32, "matched", lambda m: None, 1)
    assert ros.until(lambda: seen)
    node.destroy_subscription(subscription)
    assert ros.until(lambda: len(seen) == 2)
    assert seen == [(1, 1), (0, -1)]


def test_missed_deadline_is_reported(ros: Ros) -> None:
    node = ros.node()
    offered: list[int] = []
    requested: list[int] = []
    qos = QoSProfile(depth=1, deadline=Duration(seconds=0.2))
    publisher = node.create_publisher(
        Int32, "late", qos, event_callbacks=PublisherEventCallbacks(deadline=lambda e: offered.append(e.total_count))
    )
    node.create_subscription(
        Int32,
        "late",
        lambda m: None,
        qos,
        event_callbacks=SubscriptionEventCallbacks(deadline=lambda e: requested.append(e.total_count)),
    )
    assert connected(ros, publisher)
    publisher.publish(Int32())
    assert ros.until(lambda: offered and requested)


def test_liveliness_by_hand_lapses_and_returns(ros: Ros) -> None:
    node = ros.node()
    lost: list[int] = []
    alive: list[int] = []
    qos = QoSProfile(
        depth=1, liveliness=LivelinessPolicy.MANUAL_BY_TOPIC, liveliness_lease_duration=Duration(seconds=0.3)
    )
    publisher = node.create_publisher(
        Int32, "alive", qos, event_callbacks=PublisherEventCallbacks(liveliness=lambda e: lost.append(e.total_count))
    )
    node.create_subscription(
        Int32,
        "alive",
        lambda m: None,
        qos,
        event_callbacks=SubscriptionEventCallbacks(liveliness=lambda e: alive.append(e.alive_count)),
    )
    assert connected(ros, publisher)
    publisher.assert_liveliness()
    assert ros.until(lambda: lost)
    assert ros.until(lambda: alive and alive[-1] == 0)
    publisher.publish(Int32())
    assert ros.until(lambda: alive[-1] == 1)


def test_callback_with_message_info(ros: Ros) -> None:
    node = ros.node()
    got: list[tuple[int, dict[str, Any]]] = []

    def callback(message: Int32, info: dict[str, Any]) -> None:
        got.append((message.data, info))

    node.create_subscription(Int32, "info", callback, 10)
    publisher = node.create_publisher(Int32, "info", 10)
    assert connected(ros, publisher)
    publisher.publish(Int32(data=1))
    publisher.publish(Int32(data=2))
    assert ros.until(lambda: len(got) == 2)
    assert all(info["source_timestamp"] > 0 and info["received_timestamp"] > 0 for _, info in got)
    assert got[0][1]["source_timestamp"] <= got[1][1]["source_timestamp"]


def test_callback_must_take_one_or_two_arguments(ros: Ros) -> None:
    with pytest.raises(RuntimeError, match="callable with one argument"):
        ros.node().create_subscription(Int32, "topic", lambda: None, 10)


def test_serialized_messages(ros: Ros) -> None:
    node = ros.node()
    raw: list[bytes] = []
    plain: list[str] = []
    node.create_subscription(String, "text", raw.append, 10, raw=True)
    node.create_subscription(String, "text", lambda m: plain.append(m.data), 10)
    publisher = node.create_publisher(String, "text", 10)
    assert connected(ros, publisher, 2)
    data = serialize_message(String(data="grüße"))
    publisher.publish(data)
    assert ros.until(lambda: raw and plain)
    assert raw == [data]
    assert plain == ["grüße"]


def test_wrong_type_is_refused(ros: Ros) -> None:
    publisher = ros.node().create_publisher(Int32, "topic", 1)
    with pytest.raises(TypeError):
        publisher.publish(String())


def test_destroyed_publisher_is_refused(ros: Ros) -> None:
    node = ros.node()
    publisher = node.create_publisher(Int32, "topic", 1)
    assert node.destroy_publisher(publisher)
    assert not node.destroy_publisher(publisher)
    with pytest.raises(InvalidHandle):
        publisher.publish(Int32())


def test_publisher_is_invalid_after_shutdown(ros: Ros) -> None:
    publisher = ros.node().create_publisher(Int32, "topic", 1)
    rclpy.shutdown()
    with pytest.raises(RuntimeError, match="context is invalid"):
        publisher.publish(Int32())


@pytest.mark.parametrize("name", ["no spaces", "9lives", "double//slash", "ends/", "tilde~", "{unknown}", ""])
def test_bad_topic_names(ros: Ros, name: str) -> None:
    with pytest.raises((InvalidTopicNameException, ValueError, RuntimeError)):
        ros.node().create_publisher(Int32, name, 1)


@pytest.mark.parametrize(
    ("name", "full_name"),
    [("topic", "/ns/topic"), ("~/topic", "/ns/me/topic"), ("/topic", "/topic"), ("{node}/topic", "/ns/me/topic")],
)
def test_names_are_expanded(ros: Ros, name: str, full_name: str) -> None:
    node = ros.node("me", namespace="/ns")
    assert node.resolve_topic_name(name) == full_name
    assert node.create_publisher(Int32, name, 1).topic_name == full_name


def test_remapping(ros: Ros) -> None:
    arguments = ["--ros-args", "-r", "from:=to", "-r", "__ns:=/moved", "-r", "__node:=other"]
    node = ros.node("me", namespace="/ns", cli_args=arguments)
    assert node.get_fully_qualified_name() == "/moved/other"
    assert node.resolve_topic_name("from") == "/moved/to"
    assert node.resolve_topic_name("from", only_expand=True) == "/moved/from"


def test_graph_shows_endpoints(ros: Ros) -> None:
    node = ros.node("watcher")
    other = ros.node("worker", namespace="/area")
    qos = QoSProfile(depth=7, reliability=ReliabilityPolicy.BEST_EFFORT)
    other.create_publisher(Int32, "out", qos)
    other.create_subscription(String, "/in", lambda m: None, 10)
    assert ros.until(lambda: node.count_publishers("/area/out") == 1 and node.count_subscribers("/in") == 1)
    assert ("worker", "/area") in node.get_node_names_and_namespaces()
    assert ("/area/out", ["std_msgs/msg/Int32"]) in node.get_topic_names_and_types()
    published = dict(node.get_publisher_names_and_types_by_node("worker", "/area"))
    assert published["/area/out"] == ["std_msgs/msg/Int32"]
    assert dict(node.get_subscriber_names_and_types_by_node("worker", "/area"))["/in"] == ["std_msgs/msg/String"]
    (info,) = node.get_publishers_info_by_topic("/area/out")
    assert (info.node_name, info.node_namespace, info.topic_type) == ("worker", "/area", "std_msgs/msg/Int32")
    assert info.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
    assert str(info.topic_type_hash).startswith("RIHS01_")


def test_unknown_node_in_a_query(ros: Ros) -> None:
    with pytest.raises(rclpy.node.NodeNameNonExistentError):
        ros.node().get_publisher_names_and_types_by_node("nobody", "/")


def test_negative_depth_is_refused(ros: Ros) -> None:
    with pytest.raises(ValueError, match="history depth"):
        ros.node().create_publisher(Int32, "topic", -1)
