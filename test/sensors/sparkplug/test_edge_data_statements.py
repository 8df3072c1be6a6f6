"""The statements of the specification about data, commands and history of an edge node, and the host it waits for."""

from __future__ import annotations

import pytest
from stage import (
    ARM,
    GRIPPER,
    HOST_ID,
    NODE_ID,
    T0_MS,
    born,
    flush,
    kinds,
    make_edge,
    said,
    state,
)
from statements import statements

from workcell_sensors.sparkplug.births import bd_seq
from workcell_sensors.sparkplug.codec import decode, encode
from workcell_sensors.sparkplug.datatypes import DataType
from workcell_sensors.sparkplug.edge import EdgeNode
from workcell_sensors.sparkplug.edge_model import NODE
from workcell_sensors.sparkplug.host import rebirth_request
from workcell_sensors.sparkplug.payload import QUALITY_BAD, QUALITY_KEY, Payload, make_metric
from workcell_sensors.sparkplug.topic import EdgeNodeId, MessageType, Topic, parse_topic


def command(kind: MessageType, device: str, *metrics: object, edge: EdgeNode, retained: bool = False) -> object:
    payload = encode(Payload(tuple(metrics), T0_MS))  # type: ignore[arg-type]
    return edge.message(str(Topic(kind, NODE_ID, device)), payload, T0_MS, retained)


# -- data -------------------------------------------------------------------------------------------------------------


@statements(
    "principles-rbe-recommended",
    "topics-ndata-payload",
    "topics-ddata-payload",
    "operational-behavior-data-publish-nbirth-change",
    "operational-behavior-data-publish-dbirth-change",
)
def test_data_has_what_has_changed_and_nothing_else(statement: str) -> None:
    edge = make_edge()
    born(edge)
    for step in range(3):
        edge.model.update(NODE, "uptime", 5, T0_MS + step)
        edge.model.update(ARM, "current", 1.5, T0_MS + step)
        edge.model.update(ARM, "stop", False, T0_MS + step)
    messages = flush(edge, T0_MS + 5)
    assert [(m.kind.value, len(m.payload.metrics)) for m in messages] == [("NDATA", 1), ("DDATA", 2)]
    edge.model.update(ARM, "current", 1.5, T0_MS + 9)
    assert flush(edge, T0_MS + 10) == []
    edge.model.update(ARM, "current", 1.5, T0_MS + 11, QUALITY_BAD)
    (message,) = flush(edge, T0_MS + 12)
    assert message.payload.metrics[0].quality() == QUALITY_BAD


@statements(
    "payloads-propertyset-quality-value-type",
    "payloads-propertyset-quality-value-value",
    "payloads-metric-propertyvalue-type-req",
)
def test_quality_is_told_where_it_is_not_good(statement: str) -> None:
    edge = make_edge()
    edge.model.update(ARM, "current", 1.5, T0_MS, QUALITY_BAD)
    properties = {item.key: item for item in born(edge)[1].metric("current").properties}
    assert (properties[QUALITY_KEY].type, properties[QUALITY_KEY].value) == (DataType.INT32, 0)
    assert properties["engUnit"].type == DataType.STRING
    edge.model.update(ARM, "current", 1.5, T0_MS + 1)
    assert flush(edge, T0_MS + 1)[0].payload.metrics[0].properties == ()


@statements("operational-behavior-data-publish-nbirth-order", "operational-behavior-data-publish-dbirth-order")
def test_values_stand_in_the_order_of_their_times(statement: str) -> None:
    edge = make_edge()
    born(edge)
    for step in (3, 5, 4, 9, 6):
        edge.model.update(ARM, "current", float(step), T0_MS + step)
        edge.model.update(ARM, "stop", step % 2 == 0, T0_MS + step)
    (message,) = flush(edge, T0_MS + 10)
    times = [metric.timestamp_ms for metric in message.payload.metrics if not metric.is_historical]
    assert times == sorted(times)
    late = [metric.timestamp_ms for metric in message.payload.metrics if metric.is_historical]
    assert {T0_MS + 4, T0_MS + 6} == set(late)


# -- commands ---------------------------------------------------------------------------------------------------------


@statements("message-flow-edge-node-ncmd-subscribe", "message-flow-device-dcmd-subscribe")
def test_commands_are_subscribed_to_at_qos_1(statement: str) -> None:
    assert make_edge().connect(T0_MS).subscriptions == (
        ("spBv1.0/plant/NCMD/cell1", 1),
        ("spBv1.0/plant/DCMD/cell1/gripper", 1),
    )


@statements(
    "operational-behavior-data-commands-rebirth-action-1",
    "operational-behavior-data-commands-rebirth-action-2",
    "operational-behavior-data-commands-rebirth-action-3",
)
def test_a_rebirth_request_is_answered_with_all_births_and_the_same_bdseq(statement: str) -> None:
    edge = make_edge()
    will = decode(edge.connect(T0_MS).will.payload)
    edge.connected(T0_MS)
    edge.model.update(ARM, "current", 1.0, T0_MS + 1)
    edge.model.update(ARM, "current", 2.0, T0_MS + 2)
    request = rebirth_request(NODE_ID, (T0_MS + 3) * 1_000_000)
    messages = said(edge.message(request.topic, request.payload, T0_MS + 3))
    assert kinds(messages) == ["NBIRTH", "DBIRTH", "DBIRTH"]
    assert (messages[0].payload.seq, bd_seq(messages[0].payload)) == (0, bd_seq(will))
    assert messages[1].metric("current").value() == 2.0
    (data,) = flush(edge, T0_MS + 4)
    assert [(m.is_historical, m.timestamp_ms) for m in data.payload.metrics] == [(True, T0_MS + 1)], (
        "what changed before the births is not lost"
    )


def test_what_a_command_writes_is_handed_on_by_name_or_alias() -> None:
    edge = make_edge()
    alias = born(edge)[2].metric("grip").alias
    for metric in (
        make_metric("grip", DataType.INT8, -3),
        make_metric(None, DataType.INT8, -3, alias=alias)._replace(datatype=None),
    ):
        directive = command(MessageType.DCMD, GRIPPER, metric, edge=edge)
        assert [(write.device, write.name, write.value) for write in directive.writes] == [(GRIPPER, "grip", -3)]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("kind", "device", "metric"),
    [
        (MessageType.NCMD, "", make_metric("uptime", DataType.INT64, 5)),
        (MessageType.NCMD, "", make_metric("no such", DataType.INT64, 5)),
        (MessageType.NCMD, "", make_metric("light", DataType.STRING, "on")),
        (MessageType.DCMD, GRIPPER, make_metric("grip", DataType.DOUBLE, 1.5)),
        (MessageType.DCMD, ARM, make_metric("current", DataType.DOUBLE, 1.5)),
    ],
)
def test_what_may_not_be_written_is_refused_and_counted(kind: MessageType, device: str, metric: object) -> None:
    edge = make_edge()
    born(edge)
    directive = command(kind, device, metric, edge=edge)
    assert (directive.writes, directive.publishes, edge.counts.refused) == ([], [], 1)  # type: ignore[attr-defined]


def test_a_retained_command_is_not_obeyed() -> None:
    edge = make_edge()
    born(edge)
    request = rebirth_request(NODE_ID, 0)
    assert edge.message(request.topic, request.payload, T0_MS, retained=True).publishes == []
    assert edge.message(request.topic, b"\xff", T0_MS).publishes == []
    assert edge.counts.refused == 1


# -- primary host


@statements(
    "message-flow-edge-node-birth-publish-phid-wait",
    "message-flow-edge-node-birth-publish-phid-wait-id",
    "message-flow-edge-node-birth-publish-phid-wait-online",
    "operational-behavior-edge-node-birth-sequence-wait",
    "operational-behavior-primary-application-state-with-multiple-servers-state-subs",
)
def test_births_wait_for_the_primary_host(statement: str) -> None:
    edge = make_edge(HOST_ID)
    assert ("spBv1.0/STATE/scada", 1) in edge.connect(T0_MS).subscriptions
    assert edge.connected(T0_MS).publishes == []
    edge.model.update(ARM, "current", 1.0, T0_MS)
    assert flush(edge, T0_MS) == []
    assert edge.message(*state(True, T0_MS, "other"), T0_MS).publishes == []
    assert edge.message(*state(False, T0_MS), T0_MS).publishes == []
    assert edge.message("spBv1.0/STATE/scada", b"ONLINE", T0_MS).publishes == []
    messages = said(edge.message(*state(True, T0_MS + 1), T0_MS + 1))
    assert kinds(messages) == ["NBIRTH", "DBIRTH", "DBIRTH"]
    assert edge.message(*state(True, T0_MS + 2), T0_MS + 2).publishes == [], "born already"


@statements("message-flow-edge-node-birth-publish-phid-wait-timestamp")
def test_a_state_older_than_the_last_one_is_not_believed(statement: str) -> None:
    edge = make_edge(HOST_ID)
    edge.connect(T0_MS)
    edge.connected(T0_MS)
    edge.message(*state(False, T0_MS + 100), T0_MS)
    assert edge.message(*state(True, T0_MS + 99), T0_MS).publishes == []
    assert kinds(said(edge.message(*state(True, T0_MS + 100), T0_MS))) == ["NBIRTH", "DBIRTH", "DBIRTH"]


@statements(
    "message-flow-edge-node-birth-publish-phid-offline",
    "operational-behavior-edge-node-termination-host-offline",
    "operational-behavior-edge-node-termination-host-offline-reconnect",
    "operational-behavior-primary-application-state-with-multiple-servers-walk",
    "operational-behavior-primary-application-state-with-multiple-servers-single-server",
)
def test_a_primary_host_going_offline_ends_the_session_and_another_server_is_tried(statement: str) -> None:
    edge = make_edge(HOST_ID, servers=3)
    servers = [edge.connect(T0_MS).server]
    for _ in range(3):
        edge.connected(T0_MS)
        edge.message(*state(True, T0_MS), T0_MS)
        assert edge.is_born
        directive = edge.message(*state(False, T0_MS), T0_MS)
        assert kinds(said(directive)) == ["NDEATH"]
        assert directive.disconnect
        assert not edge.is_born
        servers.append(edge.connect(T0_MS).server)
    assert servers == [0, 1, 2, 0]
    edge.connected(T0_MS)
    assert edge.message(*state(False, T0_MS + 5), T0_MS).disconnect, "offline there too: walk on without having spoken"


@statements("operational-behavior-edge-node-termination-host-offline-timestamp")
def test_a_late_death_of_an_old_host_session_changes_nothing(statement: str) -> None:
    edge = make_edge(HOST_ID)
    edge.connect(T0_MS)
    edge.connected(T0_MS)
    edge.message(*state(True, T0_MS + 100), T0_MS)
    directive = edge.message(*state(False, T0_MS + 99), T0_MS)
    assert (directive.publishes, directive.disconnect, edge.is_born) == ([], False, True)


@statements("message-flow-edge-node-birth-publish-connect")
def test_births_wait_for_the_connection(statement: str) -> None:
    edge = make_edge(HOST_ID)
    edge.connect(T0_MS)
    assert edge.message(*state(True, T0_MS), T0_MS).publishes == [], "no session with the server yet"
    assert not edge.is_born
    assert kinds(said(edge.connected(T0_MS))) == ["NBIRTH", "DBIRTH", "DBIRTH"], "but the STATE is remembered"
    assert edge.connect(T0_MS).server == 0
    assert edge.connected(T0_MS).publishes == [], "and not beyond its connection"


def test_a_server_that_cannot_be_reached_is_left_for_the_next() -> None:
    edge = make_edge(servers=2)
    servers = []
    for _ in range(3):
        servers.append(edge.connect(T0_MS).server)
        edge.connect_failed()
    assert servers == [0, 1, 0]


# -- store and forward


def test_what_changes_while_the_host_is_away_is_told_as_history() -> None:
    edge = make_edge(HOST_ID, backlog_metrics_max=2)
    edge.connect(T0_MS)
    edge.connected(T0_MS)
    for step in range(5):
        edge.model.update(ARM, "current", float(step), T0_MS + step)
        flush(edge, T0_MS + step)
    births = said(edge.message(*state(True, T0_MS + 10), T0_MS + 10))
    assert births[1].metric("current").value() == 4.0
    past = []
    for step in range(3):
        for message in flush(edge, T0_MS + 20 + step):
            past += [(m.value(DataType.DOUBLE), m.timestamp_ms, m.is_historical) for m in message.payload.metrics]
    assert past == [(float(step), T0_MS + step, True) for step in range(4)]
    assert (edge.model.backlog, edge.model.dropped) == (0, 0)


def test_history_is_bounded_and_says_what_it_dropped() -> None:
    edge = make_edge(changes_max=10)
    for step in range(25):
        edge.model.update(ARM, "current", float(step), T0_MS + step)
        flush(edge, T0_MS + step)
    assert (edge.model.backlog, edge.model.dropped) == (10, 15)


def test_what_a_broken_session_may_have_lost_is_told_again_as_history() -> None:
    edge = make_edge(resend_s=30)
    born(edge)
    for step, at_ms in enumerate((T0_MS + 1000, T0_MS + 40_000, T0_MS + 50_000)):
        edge.model.update(ARM, "current", float(step), at_ms)
        flush(edge, at_ms)
    edge.connection_lost(T0_MS + 60_000)
    edge.model.update(ARM, "current", 3.0, T0_MS + 61_000)
    born(edge, T0_MS + 62_000)
    (past,) = flush(edge, T0_MS + 62_000)
    assert [(m.value(DataType.DOUBLE), m.is_historical) for m in past.payload.metrics] == [(1.0, True), (2.0, True)], (
        "the first was long there, and the last is in the birth"
    )
    assert flush(edge, T0_MS + 63_000) == []


def test_history_of_an_absent_device_waits_for_it() -> None:
    edge = make_edge()
    for step in range(3):
        edge.model.update(GRIPPER, "vacuum", float(step), T0_MS + step)
    edge.device_offline(GRIPPER, T0_MS + 3)
    born(edge, T0_MS + 4)
    assert flush(edge, T0_MS + 5) == []
    edge.device_online(GRIPPER, T0_MS + 6)
    assert [len(message.payload.metrics) for message in flush(edge, T0_MS + 7)] == [2]


def test_a_topic_of_somebody_else_is_nothing() -> None:
    edge = make_edge()
    born(edge)
    request = rebirth_request(EdgeNodeId("plant", "other"), 0)
    assert edge.message(request.topic, request.payload, T0_MS).publishes == []
    assert parse_topic(request.topic).kind is MessageType.NCMD
