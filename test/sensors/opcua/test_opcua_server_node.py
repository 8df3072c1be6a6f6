"""The outward server as a node: what the cell's topics say comes out at an OPC UA client, our own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from waiting import spin_until

from workcell_ros import convert, qos
from workcell_sensors.outward.opcua_robotics import axis_path, safety_path
from workcell_sensors.outward.opcua_server_node import OpcuaServerNode
from workcell_sensors.reading import Frame
from workcell_sensors.sources.credentials import Credentials, Secret
from workcell_sensors.sources.opcua import OpcUaSource
from workcell_sensors.sources.opcua_pki import Pki
from workcell_sensors.sources.opcua_protocol import OpcUaOptions
from workcell_sensors.sources.source import SourceSpec
from workcell_sensors.sources.worker import AsyncWorker
from workcell_sensors.tags import SourceRow, TagRow
from workcell_sim.plant.servers.server import free_port

TAGS_FILE = Path(__file__).parents[3] / "config" / "tags.yaml"
SUCCESS = TransitionCallbackReturn.SUCCESS
POSITION, STOP = axis_path("elbow_joint", "ActualPosition"), safety_path("ProtectiveStop")


class Cell(Node):
    """Plays the arm, and hears how the server is."""

    def __init__(self) -> None:
        super().__init__("probe")
        self._joints = self.create_publisher(JointState, "joint_states", qos.SENSOR_DATA)
        self._state = self.create_publisher(String, "world/robot_state", qos.STATE)
        self._state.publish(String(data="protective_stop;reason=test"))
        self.statuses: dict[str, Any] = {}
        self._heard = self.create_subscription(DiagnosticArray, "diagnostics", self._on_status, qos.DIAGNOSTICS)
        self._timer = self.create_timer(0.05, self._move)

    def _move(self) -> None:
        message = JointState(name=["elbow_joint"], position=[1.25], velocity=[0.0])
        message.header.stamp = self.get_clock().now().to_msg()
        self._joints.publish(message)

    def _on_status(self, message: Any) -> None:
        self.statuses.update({status.name: status for status in message.status})


@pytest.fixture
def executor(wall_kernel: Any) -> Iterator[SingleThreadedExecutor]:
    if not rclpy.ok():
        rclpy.init()
    made = SingleThreadedExecutor()
    yield made
    for node in made.get_nodes():
        node.destroy_node()
    made.shutdown()
    rclpy.try_shutdown()


def node_of(folder: Path, port: int, nodeset_dir: str) -> OpcuaServerNode:
    given = {"nodeset_dir": nodeset_dir, "pki_dir": str(folder), "port": port, "tags_file": str(TAGS_FILE)}
    return OpcuaServerNode(parameter_overrides=[Parameter(name, value=value) for name, value in given.items()])


def test_the_cells_topics_come_out_at_a_client(
    executor: SingleThreadedExecutor, tmp_path: Path, nodeset_dir: str
) -> None:
    port = free_port()
    node, cell = node_of(tmp_path / "cell", port, nodeset_dir), Cell()
    executor.add_node(node)
    executor.add_node(cell)
    assert node.trigger_configure() is SUCCESS
    ours, theirs = Pki(tmp_path / "client"), Pki(tmp_path / "cell")
    introduce(ours, theirs.own("cell").certificate)
    introduce(theirs, ours.own("gateway").certificate)
    assert node.trigger_activate() is SUCCESS

    password = (tmp_path / "cell" / "own" / "cell" / "viewer.password").read_text()
    tags = tuple(
        TagRow(path, "cell", f"nsu=urn:workcell:cell;s={path}", unit, unit, period_s=0.1)
        for path, unit in ((POSITION, "rad"), (STOP, "bool"))
    )
    row = SourceRow("cell", "opcua", options=OpcUaOptions(pki_dir=str(ours.folder)))
    seen: dict[str, float] = {}

    def take(frame: Frame) -> None:
        seen.update(zip(frame.addresses, frame.values.tolist(), strict=True))

    worker = AsyncWorker("test-client")
    viewer = Credentials("viewer", "viewer", Secret(password))
    spec = SourceSpec(row, tags, "127.0.0.1", port, timeout_s=5.0, credentials=viewer)
    source = OpcUaSource(spec, take, time.time_ns, worker)
    source.start()
    try:
        spin_until(executor, lambda: seen == {tags[0].address: 1.25, tags[1].address: 1.0})
        spin_until(executor, lambda: "opcua_server: server" in cell.statuses)
        values = convert.status_values(cell.statuses["opcua_server: server"])
        assert values["refused"] == "0"
    finally:
        source.stop()
        worker.stop()
        assert node.trigger_deactivate() is SUCCESS
        assert node.trigger_cleanup() is SUCCESS


def test_without_node_sets_it_does_not_come_up(executor: SingleThreadedExecutor, tmp_path: Path) -> None:
    node = node_of(tmp_path, free_port(), str(tmp_path))
    executor.add_node(node)
    assert node.trigger_configure() is not SUCCESS


def introduce(pki: Pki, certificate: Path) -> None:
    pki.trusted.mkdir(parents=True, exist_ok=True)
    (pki.trusted / "peer.der").write_bytes(certificate.read_bytes())
