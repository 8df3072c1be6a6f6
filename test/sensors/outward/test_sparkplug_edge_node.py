"""The edge node as a ROS node: what the standard topics say is what a host application hears."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
import rclpy
from control_msgs.msg import DynamicInterfaceGroupValues, InterfaceValue
from diagnostic_msgs.msg import DiagnosticArray
from mqtt_broker import TestBroker, make_broker
from paho.mqtt.enums import CallbackAPIVersion
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.node import Node
from rclpy.parameter import Parameter
from statistics_msgs.msg import MetricsMessage, StatisticDataPoint
from std_msgs.msg import String
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose
from waiting import spin_until

from workcell_ros import convert, qos
from workcell_sensors.outward.sparkplug_edge_node import SparkplugEdgeNode
from workcell_sensors.sparkplug.events import Gone, Values
from workcell_sensors.sparkplug.host import HostApplication, HostConfig

TAGS_FILE = Path(__file__).parents[3] / "config" / "tags.yaml"
PLACE = "workcell/cell"


class Probe(Node):
    """Plays gateway, cell, inspection and monitor."""

    def __init__(self) -> None:
        super().__init__("probe")
        self._readings = self.create_publisher(DynamicInterfaceGroupValues, "readings", qos.READINGS)
        self._kpi = self.create_publisher(MetricsMessage, "cell/kpi", qos.KPI)
        self._state = self.create_publisher(String, "cell/state", qos.latched(1))
        self._detections = self.create_publisher(Detection2DArray, "inspection/detections", qos.reliable())
        self._diagnostics = self.create_publisher(DiagnosticArray, "diagnostics", qos.DIAGNOSTICS)
        self.statuses: dict[str, Any] = {}
        self._heard = self.create_subscription(DiagnosticArray, "diagnostics", self._on_status, qos.DIAGNOSTICS)

    def say_readings(self, *cells: tuple[str, list[float]]) -> None:
        message = DynamicInterfaceGroupValues(interface_groups=[tag for tag, _ in cells])
        message.header.stamp = convert.ns_to_stamp(time.time_ns())
        names = ["value", "quality", "age_s"]
        message.interface_values = [InterfaceValue(interface_names=names[: len(c)], values=c) for _, c in cells]
        self._readings.publish(message)

    def say_the_rest(self) -> None:
        now_ns = time.time_ns()
        message = MetricsMessage(measurement_source_name="cycle", metrics_source="cycle_time", unit="s")
        message.window_stop = convert.ns_to_stamp(now_ns)
        message.statistics = [StatisticDataPoint(data_type=1, data=6.5)]
        self._kpi.publish(message)
        self._state.publish(String(data="hold;reason=door open"))
        status = convert.make_status("monitor: arm/joint_1/current", convert.WARN, "high", {})
        self._diagnostics.publish(convert.make_diagnostics(now_ns, [status]))
        array = Detection2DArray()
        array.header.stamp = convert.ns_to_stamp(now_ns)
        for scores in ({"accept": 0.2, "reject": 0.8}, {"open": 0.9}, {"open": 0.7}):
            detection = Detection2D(id="0007")
            for kind, score in scores.items():
                found = ObjectHypothesisWithPose()
                found.hypothesis.class_id, found.hypothesis.score = kind, score
                detection.results.append(found)
            array.detections.append(detection)
        self._detections.publish(array)

    def _on_status(self, message: Any) -> None:
        self.statuses.update({status.name: status for status in message.status})


class Scada:
    """A host application, whose tags are in `values` by address."""

    def __init__(self, port: int) -> None:
        self.values: dict[str, tuple[object, int]] = {}
        self.gone: set[str] = set()
        self._host = HostApplication(HostConfig("scada"))
        will = self._host.connect(0, time.time_ns())
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.will_set(*will)
        self._client.on_message = self._on_message
        self._client.on_connect = self._on_connect
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def value(self, address: str) -> object:
        return self.values.get(f"{PLACE}/{address}", (None, 0))[0]

    def quality(self, address: str) -> int:
        return self.values.get(f"{PLACE}/{address}", (None, -1))[1]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, *_: object) -> None:
        self._client.subscribe(list(self._host.subscriptions))
        self._send(self._host.connected(0, time.time_ns()).publishes)

    def _on_message(self, _client: object, _userdata: object, message: paho.MQTTMessage) -> None:
        outcome = self._host.message(0, message.topic, bytes(message.payload), time.time_ns(), message.retain)
        for event in outcome.events:
            if isinstance(event, Values):
                for declared, metric in event.updates:
                    if not metric.is_historical:
                        self.values[declared.address] = (metric.value(declared.datatype), metric.quality())
                self.gone.discard(event.device)
            if isinstance(event, Gone):
                self.gone.add(event.device)
        self._send(outcome.publishes)

    def _send(self, publishes: Any) -> None:
        for _, publish in publishes:
            self._client.publish(*publish)


@pytest.fixture
def ros(wall_kernel: Any) -> Iterator[None]:
    if wall_kernel is not None:
        rclpy.init()
        yield
        rclpy.try_shutdown()
    else:
        yield


@pytest.fixture
def broker() -> Iterator[TestBroker]:
    made = make_broker()
    made.start()
    yield made
    made.close()


def make_node(**given: Any) -> SparkplugEdgeNode:
    values = {"tags_file": str(TAGS_FILE), "flush_s": 0.02, **given}
    return SparkplugEdgeNode(parameter_overrides=[Parameter(name, value=value) for name, value in values.items()])


def test_a_host_application_sees_the_cell(ros: None, broker: TestBroker) -> None:
    executor = SingleThreadedExecutor()
    probe, node = Probe(), make_node(servers=[f"127.0.0.1:{broker.port}"], primary_host="scada")
    executor.add_node(probe)
    executor.add_node(node)
    scada = Scada(broker.port)
    try:
        assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS
        assert node.trigger_activate() == TransitionCallbackReturn.SUCCESS
        probe.say_the_rest()
        probe.say_readings(
            ("arm/joint_1/current", [1.5, 0.0, 0.25]),
            ("arm/protective_stop", [1.0, 0.0, 0.0]),
            ("gripper/vacuum", [math.nan, 2.0, 0.0]),
        )
        spin_until(executor, lambda: scada.quality("gripper#vacuum") == 0 and scada.value("inspection#defects") == 2)
        spin_until(executor, lambda: scada.value("kpi#cycle/cycle_time") == 6.5)
        assert (scada.value("arm#joint_1/current"), scada.value("arm#protective_stop")) == (1.5, True)
        assert scada.value("gripper#vacuum") is None
        assert (scada.value("cell#state"), scada.value("cell#state_reason")) == ("hold", "door open")
        assert (scada.value("inspection#verdict"), scada.value("inspection#variant")) == ("reject", "0007")
        assert scada.value("health#monitor/arm/joint_1/current") == 1
        spin_until(executor, lambda: probe.statuses.get("sparkplug_edge: server") is not None)

        probe.say_readings(("gripper/vacuum", [5e4, 3.0, 0.0]))
        spin_until(executor, lambda: "gripper" in scada.gone)
        probe.say_readings(("gripper/vacuum", [5e4, 0.0, 0.0]))
        spin_until(executor, lambda: "gripper" not in scada.gone and scada.value("gripper#vacuum") == 5e4)

        node.trigger_deactivate()
        spin_until(executor, lambda: "" in scada.gone)
    finally:
        scada.close()
        node.take_down()
        executor.shutdown()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"servers": ["broker:none"]}, "host:port"),
        ({"group_id": "a/b"}, "group_id"),
        ({"edge_node_id": "a#"}, "edge_node_id"),
        ({"primary_host": "+"}, "primary_host"),
        ({"credentials": "nobody"}, "nobody"),
    ],
)
def test_what_cannot_work_is_said_at_configuration(
    ros: None, given: dict[str, Any], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    node = make_node(**given)
    assert node.trigger_configure() != TransitionCallbackReturn.SUCCESS
    node.take_down()
    assert said in "".join(capfd.readouterr())
