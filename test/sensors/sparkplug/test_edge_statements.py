"""The statements of the specification about what an edge node is born with, how it speaks, and how it dies."""

from __future__ import annotations

import pytest
from stage import (
    ARM,
    GRIPPER,
    NODE_ID,
    T0_MS,
    Said,
    born,
    flush,
    kinds,
    make_edge,
    read,
    said,
)
from statements import statements

from workcell_sensors.sparkplug.births import BD_SEQ, REBIRTH, bd_seq
from workcell_sensors.sparkplug.codec import decode, encode
from workcell_sensors.sparkplug.datatypes import DataType
from workcell_sensors.sparkplug.edge import EdgeNode
from workcell_sensors.sparkplug.edge_model import NODE, MetricSpec
from workcell_sensors.sparkplug.topic import EdgeNodeId, MessageType, Topic

OWN = (BD_SEQ, REBIRTH)


def one_of_each(edge: EdgeNode) -> dict[str, Said]:
    """Returns one message of every kind that an edge node publishes."""
    messages = born(edge)
    edge.model.update(NODE, "uptime", 5, T0_MS + 10)
    edge.model.update(ARM, "current", 1.5, T0_MS + 10)
    messages += flush(edge, T0_MS + 20)
    messages += said(edge.device_offline(GRIPPER, T0_MS + 30))
    messages += said(edge.close(T0_MS + 40))
    return {message.kind.value: message for message in messages}


# -- topics -----------------------------------------------------------------------------------------------------------


@statements(
    "topic-structure",
    "topic-structure-namespace-a",
    "topic-structure-namespace-device-id-associated-message-types",
    "topic-structure-namespace-device-id-non-associated-message-types",
    "topics-nbirth-topic",
    "topics-ndata-topic",
    "topics-ndeath-topic",
    "topics-dbirth-topic",
    "topics-ddata-topic",
    "topics-ddeath-topic",
    "message-flow-edge-node-birth-publish-nbirth-topic",
    "message-flow-device-birth-publish-dbirth-topic",
    "message-flow-device-birth-publish-dbirth-match-edge-node-topic",
)
def test_topics_have_the_form_of_the_specification(statement: str) -> None:
    edge = make_edge()
    edge.connect(T0_MS)
    publishes = edge.connected(T0_MS).publishes
    edge.model.update(NODE, "uptime", 5, T0_MS + 10)
    edge.model.update(ARM, "current", 1.5, T0_MS + 10)
    publishes += edge.flush(T0_MS + 20).publishes
    publishes += edge.device_offline(GRIPPER, T0_MS + 30).publishes
    publishes += edge.close(T0_MS + 40).publishes
    assert [publish.topic for publish in publishes] == [
        "spBv1.0/plant/NBIRTH/cell1",
        "spBv1.0/plant/DBIRTH/cell1/arm",
        "spBv1.0/plant/DBIRTH/cell1/gripper",
        "spBv1.0/plant/NDATA/cell1",
        "spBv1.0/plant/DDATA/cell1/arm",
        "spBv1.0/plant/DDEATH/cell1/gripper",
        "spBv1.0/plant/NDEATH/cell1",
    ]


@statements(
    "intro-group-id-string",
    "intro-group-id-chars",
    "intro-edge-node-id-string",
    "intro-edge-node-id-chars",
    "topic-structure-namespace-valid-group-id",
    "topic-structure-namespace-valid-edge-node-id",
)
@pytest.mark.parametrize("bad", ["", "a+b", "a/b", "a#", "nul\0", "\ud800"])
def test_an_id_that_topics_cannot_carry_is_refused(statement: str, bad: str) -> None:
    with pytest.raises(ValueError, match="id"):
        EdgeNodeId(bad, "cell1")
    with pytest.raises(ValueError, match="id"):
        EdgeNodeId("plant", bad)


@statements("intro-device-id-string", "intro-device-id-chars", "topic-structure-namespace-valid-device-id")
@pytest.mark.parametrize("bad", ["", "a+b", "a/b", "a#", "nul\0", "\ud800"])
def test_a_device_id_that_topics_cannot_carry_is_refused(statement: str, bad: str) -> None:
    with pytest.raises(ValueError, match="id"):
        Topic(MessageType.DBIRTH, NODE_ID, bad)


@statements("topic-structure-namespace-unique-device-id")
def test_a_device_is_born_once_however_often_it_is_declared(statement: str) -> None:
    edge = make_edge()
    edge.declare(ARM, (MetricSpec("torque", DataType.DOUBLE),))
    assert [message.topic.device for message in born(edge)] == ["", ARM, GRIPPER]


@statements("topic-structure-namespace-duplicate-device-id-across-edge-node")
def test_two_edge_nodes_may_have_devices_of_one_name(statement: str) -> None:
    first, second = make_edge(), make_edge()
    assert [m.topic.device for m in born(first)] == [m.topic.device for m in born(second)]


@statements("case-sensitivity-sparkplug-ids", "case-sensitivity-metric-names")
def test_names_that_differ_by_case_alone_are_refused(statement: str) -> None:
    edge = make_edge()
    with pytest.raises(ValueError, match="case"):
        edge.declare("ARM", (MetricSpec("x", DataType.DOUBLE),))
    with pytest.raises(ValueError, match="case"):
        edge.declare(ARM, (MetricSpec("Current", DataType.DOUBLE),))


# -- how it is published


@statements(
    "topics-nbirth-mqtt",
    "topics-ndata-mqtt",
    "topics-dbirth-mqtt",
    "topics-ddata-mqtt",
    "topics-ddeath-mqtt",
    "payloads-nbirth-qos",
    "payloads-nbirth-retain",
    "payloads-dbirth-qos",
    "payloads-dbirth-retain",
    "payloads-ndata-qos",
    "payloads-ndata-retain",
    "payloads-ddata-qos",
    "payloads-ddata-retain",
    "message-flow-edge-node-birth-publish-nbirth-qos",
    "message-flow-edge-node-birth-publish-nbirth-retained",
    "message-flow-device-birth-publish-dbirth-qos",
    "message-flow-device-birth-publish-dbirth-retained",
)
def test_everything_is_published_at_qos_0_and_not_retained(statement: str) -> None:
    messages = one_of_each(make_edge())
    assert set(messages) == {"NBIRTH", "DBIRTH", "NDATA", "DDATA", "DDEATH", "NDEATH"}
    assert {(message.qos, message.retain) for message in messages.values()} == {(0, False)}


@statements("message-flow-edge-node-birth-publish-nbirth-payload", "message-flow-device-birth-publish-dbirth-payload")
def test_births_are_protobuf(statement: str) -> None:
    edge = make_edge()
    edge.connect(T0_MS)
    for publish in edge.connected(T0_MS).publishes:
        assert encode(decode(publish.payload)) == publish.payload


# -- sequence numbers


@statements(
    "topics-nbirth-seq-num",
    "payloads-nbirth-seq",
    "payloads-sequence-num-req-nbirth",
    "message-flow-edge-node-birth-publish-nbirth-payload-seq",
)
def test_an_nbirth_has_seq_0(statement: str) -> None:
    edge = make_edge()
    assert born(edge)[0].payload.seq == 0
    edge.model.update(ARM, "current", 1.0, T0_MS + 1)
    flush(edge, T0_MS + 1)
    assert born(edge)[0].payload.seq == 0


@statements(
    "topics-ndata-seq-num",
    "topics-ddata-seq-num",
    "topics-dbirth-seq",
    "topics-ddeath-seq-num",
    "payloads-dbirth-seq",
    "payloads-dbirth-seq-inc",
    "payloads-ndata-seq",
    "payloads-ndata-seq-inc",
    "payloads-ddata-seq",
    "payloads-ddata-seq-inc",
    "payloads-ddeath-seq",
    "payloads-ddeath-seq-inc",
    "payloads-ddeath-seq-number",
    "payloads-sequence-num-incrementing",
    "payloads-sequence-num-always-included",
    "message-flow-device-birth-publish-dbirth-payload-seq",
)
def test_seq_grows_by_one_over_all_messages_and_wraps_after_255(statement: str) -> None:
    edge = make_edge()
    messages = born(edge)
    for step in range(1, 300):
        now_ms = T0_MS + 100 * step
        edge.model.update(NODE, "uptime", step, now_ms)
        edge.model.update(ARM, "current", float(step), now_ms)
        messages += flush(edge, now_ms)
        if step % 50 == 0:
            messages += said(edge.device_offline(GRIPPER, now_ms)) + said(edge.device_online(GRIPPER, now_ms))
    assert {*kinds(messages)} == {"NBIRTH", "DBIRTH", "NDATA", "DDATA", "DDEATH"}
    assert [message.payload.seq for message in messages] == [number % 256 for number in range(len(messages))]


@statements("topics-ndeath-seq", "payloads-ndeath-seq")
def test_an_ndeath_has_no_seq(statement: str) -> None:
    edge = make_edge()
    assert decode(edge.connect(T0_MS).will.payload).seq is None
    edge.connected(T0_MS)
    assert said(edge.close(T0_MS))[0].payload.seq is None


# -- time -------------------------------------------------------------------------------------------------------------


@statements(
    "topics-nbirth-timestamp",
    "topics-dbirth-timestamp",
    "topics-ndata-timestamp",
    "topics-ddata-timestamp",
    "payloads-nbirth-timestamp",
    "payloads-dbirth-timestamp",
    "payloads-ndata-timestamp",
    "payloads-ddata-timestamp",
    "payloads-ddeath-timestamp",
    "payloads-timestamp-in-UTC",
)
def test_every_message_says_when_it_was_sent(statement: str) -> None:
    sent = {kind: message.payload.timestamp_ms for kind, message in one_of_each(make_edge()).items()}
    times = {"NBIRTH": 0, "DBIRTH": 0, "NDATA": 20, "DDATA": 20, "DDEATH": 30, "NDEATH": 40}
    assert sent == {kind: T0_MS + ms for kind, ms in times.items()}


@statements("payloads-name-birth-data-requirement", "payloads-metric-timestamp-in-UTC")
def test_every_metric_says_when_it_was_taken(statement: str) -> None:
    messages = one_of_each(make_edge())
    for message in messages.values():
        assert all(metric.timestamp_ms for metric in message.payload.metrics)
    assert messages["DDATA"].payload.metrics[0].timestamp_ms == T0_MS + 10


# -- births -----------------------------------------------------------------------------------------------------------


@statements(
    "topics-nbirth-metric-reqs",
    "topics-dbirth-metric-reqs",
    "operational-behavior-data-publish-nbirth",
    "operational-behavior-data-publish-dbirth",
)
def test_births_have_every_metric_and_a_new_one_makes_new_births(statement: str) -> None:
    edge = make_edge()
    names = [[metric.name for metric in message.payload.metrics] for message in born(edge)]
    assert names == [[*OWN, "uptime", "light"], ["current", "stop"], ["vacuum", "grip"]]
    edge.declare(ARM, (MetricSpec("torque", DataType.DOUBLE),))
    edge.model.update(ARM, "torque", 3.0, T0_MS + 5)
    assert flush(edge, T0_MS + 10) == [], "nothing of it before the birth, and no birth for every single one"
    again = flush(edge, T0_MS + 1000)
    assert kinds(again) == ["NBIRTH", "DBIRTH", "DBIRTH"]
    assert again[1].metric("torque").value() == 3.0
    assert flush(edge, T0_MS + 1020) == []


@statements(
    "topics-nbirth-metrics",
    "topics-dbirth-metrics",
    "payloads-metric-datatype-req",
    "payloads-metric-datatype-value",
    "payloads-metric-datatype-value-type",
    "payloads-name-requirement",
)
def test_a_birth_gives_name_type_and_value(statement: str) -> None:
    edge = make_edge()
    edge.model.update(NODE, "uptime", 7, T0_MS)
    edge.model.update(ARM, "current", 2.5, T0_MS)
    node, arm, _ = born(edge)
    for message in (node, arm):
        assert all(metric.name and DataType(metric.datatype or 0) for metric in message.payload.metrics)
    assert node.metric("uptime").value() == 7
    assert arm.metric("current").value() == 2.5


@statements("operational-behavior-data-publish-nbirth-values", "operational-behavior-data-publish-dbirth-values")
def test_a_value_that_is_not_there_is_null_and_has_no_value(statement: str) -> None:
    for message, name in zip(born(make_edge()), ("uptime", "current", "vacuum"), strict=True):
        assert message.metric(name).is_null
        assert message.metric(name).field is None


@statements("payloads-alias-uniqueness", "payloads-alias-birth-requirement")
def test_births_give_name_and_alias_and_no_alias_twice(statement: str) -> None:
    metrics = [metric for message in born(make_edge()) for metric in message.payload.metrics]
    aliases = [metric.alias for metric in metrics if metric.name not in OWN]
    assert all(metric.name for metric in metrics)
    assert None not in aliases
    assert len(set(aliases)) == len(aliases) == 6


@statements("payloads-alias-data-cmd-requirement", "payloads-metric-datatype-not-req")
def test_data_has_the_alias_alone(statement: str) -> None:
    messages = one_of_each(make_edge())
    for kind in ("NDATA", "DDATA"):
        for metric in messages[kind].payload.metrics:
            assert (metric.name, metric.datatype) == (None, None)
            assert metric.alias is not None


@statements(
    "topics-nbirth-rebirth-metric",
    "payloads-nbirth-rebirth-req",
    "operational-behavior-data-commands-rebirth-name",
    "operational-behavior-data-commands-rebirth-name-aliases",
    "operational-behavior-data-commands-rebirth-datatype",
    "operational-behavior-data-commands-rebirth-value",
)
def test_an_nbirth_offers_rebirth(statement: str) -> None:
    metric = born(make_edge())[0].metric("Node Control/Rebirth")
    assert (metric.datatype, metric.value(), metric.alias) == (DataType.BOOLEAN, False, None)


@statements(
    "payloads-dbirth-order",
    "payloads-ndata-order",
    "payloads-ddata-order",
    "principles-birth-certificates-order",
    "message-flow-device-birth-publish-nbirth-wait",
)
def test_births_come_first_and_together(statement: str) -> None:
    edge = make_edge()
    edge.model.update(NODE, "uptime", 1, T0_MS)
    edge.model.update(ARM, "current", 1.0, T0_MS)
    assert flush(edge, T0_MS) == []
    assert said(edge.device_offline(GRIPPER, T0_MS)) == said(edge.device_online(GRIPPER, T0_MS)) == []
    messages = born(edge)
    edge.model.update(ARM, "current", 2.0, T0_MS + 1)
    assert kinds(messages + flush(edge, T0_MS + 1)) == ["NBIRTH", "DBIRTH", "DBIRTH", "DDATA"]


# -- birth and death sequence number


@statements(
    "topics-nbirth-bdseq-included",
    "topics-nbirth-bdseq-matching",
    "payloads-nbirth-bdseq",
    "payloads-nbirth-bdseq-repeat",
    "payloads-ndeath-bdseq",
    "message-flow-edge-node-birth-publish-nbirth-payload-bdSeq",
)
def test_birth_and_death_have_the_bdseq_of_the_will(statement: str) -> None:
    edge = make_edge()
    for _ in range(3):
        will = decode(edge.connect(T0_MS).will.payload)
        birth = read(edge.connected(T0_MS).publishes)[0]
        assert birth.metric(BD_SEQ).datatype == DataType.INT64
        assert bd_seq(birth.payload) == bd_seq(will) == bd_seq(said(edge.close(T0_MS))[0].payload)


@statements("topics-nbirth-bdseq-increment", "message-flow-edge-node-birth-publish-will-message-payload-bdSeq")
def test_bdseq_begins_at_0_and_grows_with_every_connect_up_to_255(statement: str) -> None:
    edge = make_edge()
    wills = [decode(edge.connect(T0_MS).will.payload) for _ in range(258)]
    assert [bd_seq(will) for will in wills] == [*range(256), 0, 1]
    assert {will.metrics[0].datatype for will in wills} == {DataType.INT64}


# -- will and death


@statements(
    "message-flow-edge-node-birth-publish-will-message",
    "message-flow-edge-node-birth-publish-will-message-topic",
    "message-flow-edge-node-birth-publish-will-message-payload",
    "message-flow-edge-node-birth-publish-will-message-qos",
    "message-flow-edge-node-birth-publish-will-message-will-retained",
    "payloads-ndeath-will-message",
    "payloads-ndeath-will-message-qos",
    "payloads-ndeath-will-message-retain",
    "topics-ndeath-payload",
)
def test_the_will_is_the_ndeath_with_bdseq_alone(statement: str) -> None:
    will = make_edge().connect(T0_MS).will
    assert (will.topic, will.qos, will.retain) == ("spBv1.0/plant/NDEATH/cell1", 1, False)
    assert [metric.name for metric in decode(will.payload).metrics] == [BD_SEQ]


@statements(
    "operational-behavior-edge-node-intentional-disconnect-ndeath",
    "operational-behavior-edge-node-intentional-disconnect-packet",
    "payloads-ndeath-will-message-publisher",
)
def test_a_death_is_published_before_leaving_on_purpose(statement: str) -> None:
    edge = make_edge()
    born(edge)
    directive = edge.close(T0_MS)
    assert kinds(said(directive)) == ["NDEATH"]
    assert directive.disconnect
    assert edge.close(T0_MS).publishes == []


@statements("operational-behavior-device-ddeath")
def test_a_device_that_is_lost_is_declared_dead(statement: str) -> None:
    edge = make_edge()
    born(edge)
    edge.model.update(GRIPPER, "vacuum", 5e4, T0_MS + 1)
    assert kinds(said(edge.device_offline(GRIPPER, T0_MS + 2))) == ["DDATA", "DDEATH"]
    edge.model.update(GRIPPER, "vacuum", 4e4, T0_MS + 3)
    assert flush(edge, T0_MS + 4) == []
    assert said(edge.device_offline(GRIPPER, T0_MS + 5)) == []
    (back,) = said(edge.device_online(GRIPPER, T0_MS + 6))
    assert (back.kind.value, back.metric("vacuum").value()) == ("DBIRTH", 4e4)
