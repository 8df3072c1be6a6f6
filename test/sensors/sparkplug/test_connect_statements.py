"""The statements of the specification about MQTT packets, checked on the bytes that go over the wire."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest
from fake_mqtt_server import CONNECT, DISCONNECT, PUBLISH, SUBSCRIBE, FakeMqttServer
from stage import HOST_ID, NODE_ID, state
from statements import statements

from workcell_sensors.outward.cell_report import reading
from workcell_sensors.outward.sparkplug_client import ClientConfig, EdgeClient
from workcell_sensors.sources.mqtt_link import LinkConfig
from workcell_sensors.sources.source import SourceSpec
from workcell_sensors.sources.sparkplug import SparkplugSource
from workcell_sensors.sources.sparkplug_protocol import Server, SparkplugOptions
from workcell_sensors.sources.worker import AsyncWorker
from workcell_sensors.sparkplug.births import bd_seq
from workcell_sensors.sparkplug.codec import decode
from workcell_sensors.sparkplug.edge import EdgeConfig, EdgeNode
from workcell_sensors.tags import SourceRow, TagRow

HOST = "127.0.0.1"
TAG = TagRow("a", "line", "plant/cell1#a", "1", "1")


@pytest.fixture
def server() -> Iterator[FakeMqttServer]:
    made = FakeMqttServer()
    yield made
    made.close()


@pytest.fixture
def worker() -> Iterator[AsyncWorker]:
    made = AsyncWorker("test-sparkplug")
    yield made
    made.stop()


def make_client(server: FakeMqttServer, worker: AsyncWorker, version: str, primary_host: str = "") -> EdgeClient:
    edge = EdgeNode(EdgeConfig(NODE_ID, primary_host=primary_host))
    config = ClientConfig((Server(HOST, server.port),), LinkConfig("", 0, version), flush_s=0.02)
    return EdgeClient(edge, config, time.time_ns, worker)


def make_source(server: FakeMqttServer, worker: AsyncWorker, version: str) -> SparkplugSource:
    row = SourceRow("line", "sparkplug", options=SparkplugOptions(version=version, host_id=HOST_ID))
    return SparkplugSource(SourceSpec(row, (TAG,), HOST, server.port), lambda frame: None, time.time_ns, worker)


@statements("principles-persistence-clean-session-311")
def test_an_edge_node_of_311_starts_clean(statement: str, server: FakeMqttServer, worker: AsyncWorker) -> None:
    client = make_client(server, worker, "3.1.1")
    client.start()
    server.until(lambda: client.status().is_born, "the birth")
    client.stop()
    connect = server.connections[0].connect
    assert (connect.level, connect.clean) == (4, True)
    assert (connect.will_topic, connect.will_qos, connect.will_retain) == ("spBv1.0/plant/NDEATH/cell1", 1, False)


@statements("principles-persistence-clean-session-50")
def test_an_edge_node_of_50_starts_clean_and_keeps_no_session(
    statement: str, server: FakeMqttServer, worker: AsyncWorker
) -> None:
    client = make_client(server, worker, "5")
    client.start()
    server.until(lambda: client.status().is_born, "the birth")
    client.stop()
    connect = server.connections[0].connect
    assert (connect.level, connect.clean, connect.session_expiry_s) == (5, True, 0)


@statements("payloads-ndeath-will-message-publisher-disconnect-mqtt311")
def test_an_edge_node_of_311_publishes_its_death_before_the_disconnect(
    statement: str, server: FakeMqttServer, worker: AsyncWorker
) -> None:
    client = make_client(server, worker, "3.1.1")
    client.start()
    server.until(lambda: client.status().is_born, "the birth")
    client.stop()
    connection = server.connections[0]
    server.until(lambda: DISCONNECT in connection.kinds, "the DISCONNECT")
    assert connection.kinds == [CONNECT, SUBSCRIBE, PUBLISH, PUBLISH, DISCONNECT]
    birth, death = connection.published
    assert [birth.topic, death.topic] == ["spBv1.0/plant/NBIRTH/cell1", "spBv1.0/plant/NDEATH/cell1"]
    assert bd_seq(decode(birth.payload)) == bd_seq(decode(death.payload))


@statements("payloads-ndeath-will-message-publisher-disconnect-mqtt50")
def test_an_edge_node_of_50_disconnects_with_will(statement: str, server: FakeMqttServer, worker: AsyncWorker) -> None:
    client = make_client(server, worker, "5")
    client.start()
    server.until(lambda: client.status().is_born, "the birth")
    client.stop()
    connection = server.connections[0]
    server.until(lambda: DISCONNECT in connection.kinds, "the DISCONNECT")
    assert connection.packets[-1].body[:1] == b"\x04", "Disconnect with Will Message"


def test_an_edge_node_whose_primary_host_goes_says_so_and_connects_anew(
    server: FakeMqttServer, worker: AsyncWorker
) -> None:
    client = make_client(server, worker, "3.1.1", primary_host=HOST_ID)
    client.start()
    server.until(lambda: client.status().is_connected, "the connection")
    assert client.status().reason == "waits for primary host scada"
    server.send(*state(True, 1000))
    server.until(lambda: client.status().is_born, "the birth")
    client.put([reading("arm/current", 1.5, 0, time.time_ns() // 1_000_000, "A")])
    server.until(lambda: len(server.connections[0].published) >= 3, "the data")
    server.send(*state(False, 1000))
    server.until(lambda: len(server.connections) == 2, "the next connection")
    assert server.connections[0].published[-1].topic == "spBv1.0/plant/NDEATH/cell1"
    client.stop()


@statements("message-flow-phid-sparkplug-clean-session-311")
def test_a_host_of_311_starts_clean(statement: str, server: FakeMqttServer, worker: AsyncWorker) -> None:
    source = make_source(server, worker, "3.1.1")
    source.start()
    server.until(lambda: bool(server.connections) and bool(server.connections[0].published), "the STATE")
    source.stop()
    connect = server.connections[0].connect
    assert (connect.level, connect.clean) == (4, True)
    assert (connect.will_topic, connect.will_qos, connect.will_retain) == ("spBv1.0/STATE/scada", 1, True)


@statements("message-flow-phid-sparkplug-clean-session-50")
def test_a_host_of_50_starts_clean_and_keeps_no_session(
    statement: str, server: FakeMqttServer, worker: AsyncWorker
) -> None:
    source = make_source(server, worker, "5")
    source.start()
    server.until(lambda: bool(server.connections) and bool(server.connections[0].published), "the STATE")
    source.stop()
    connect = server.connections[0].connect
    assert (connect.level, connect.clean, connect.session_expiry_s) == (5, True, 0)


def test_a_host_subscribes_is_born_and_says_goodbye_in_this_order(server: FakeMqttServer, worker: AsyncWorker) -> None:
    source = make_source(server, worker, "3.1.1")
    source.start()
    server.until(lambda: bool(server.connections) and bool(server.connections[0].published), "the STATE")
    source.stop()
    connection = server.connections[0]
    server.until(lambda: DISCONNECT in connection.kinds, "the DISCONNECT")
    assert connection.kinds == [CONNECT, SUBSCRIBE, PUBLISH, PUBLISH, DISCONNECT]
    said = [json.loads(each.payload) for each in connection.published]
    assert [each["online"] for each in said] == [True, False]
    assert said[0]["timestamp"] == json.loads(connection.connect.will_payload)["timestamp"] <= said[1]["timestamp"]
    assert {(each.topic, each.qos, each.retain) for each in connection.published} == {("spBv1.0/STATE/scada", 1, True)}
