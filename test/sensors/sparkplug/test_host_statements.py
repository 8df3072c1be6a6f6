"""The statements of the specification about what a host application says, and what it makes of edge nodes."""

from __future__ import annotations

import json

import pytest
from stage import ARM, GRIPPER, HOST_ID, NODE_ID, T0, T0_MS, S, Stage, gone, state, values
from statements import statements

from workcell_sensors.sparkplug.births import REBIRTH
from workcell_sensors.sparkplug.codec import decode, encode
from workcell_sensors.sparkplug.datatypes import DataType
from workcell_sensors.sparkplug.events import Doubt, Publish, Values
from workcell_sensors.sparkplug.host import HostApplication, HostConfig, rebirth_request
from workcell_sensors.sparkplug.payload import Payload, make_metric
from workcell_sensors.sparkplug.topic import EdgeNodeId, MessageType, Topic, state_topic

TOPIC = "spBv1.0/STATE/scada"


def make_host() -> HostApplication:
    return HostApplication(HostConfig(HOST_ID))


def is_rebirth(publish: Publish) -> bool:
    return publish.topic == "spBv1.0/plant/NCMD/cell1" and decode(publish.payload).metrics[0].name == REBIRTH


# -- STATE


@statements(
    "conformance-primary-host",
    "intro-sparkplug-host-state",
    "components-ph-state",
    "host-topic-phid-birth-message",
    "host-topic-phid-birth-qos",
    "host-topic-phid-birth-retain",
    "host-topic-phid-birth-topic",
    "host-topic-phid-birth-required",
    "host-topic-phid-birth-payload",
    "host-topic-phid-birth-payload-timestamp",
    "message-flow-phid-sparkplug-state-publish",
    "message-flow-phid-sparkplug-state-publish-payload",
    "message-flow-phid-sparkplug-state-publish-payload-timestamp",
    "operational-behavior-host-application-connect-birth",
    "operational-behavior-host-application-connect-birth-topic",
    "operational-behavior-host-application-connect-birth-payload",
    "operational-behavior-host-application-connect-birth-qos",
    "operational-behavior-host-application-connect-birth-retained",
    "operational-behavior-primary-application-state-with-multiple-servers-state",
    "payloads-state-birth",
    "payloads-state-birth-payload",
)
def test_the_birth_is_the_first_word_on_every_connection(statement: str) -> None:
    host = make_host()
    for server in (0, 1):
        will = host.connect(server, T0 + server * S)
        ((sent_to, birth),) = host.connected(server, T0 + server * S + 5).publishes
        assert (sent_to, birth.topic, birth.qos, birth.retain) == (server, TOPIC, 1, True)
        assert json.loads(birth.payload) == {"online": True, "timestamp": T0_MS + 1000 * server}
        assert json.loads(will.payload)["timestamp"] == json.loads(birth.payload)["timestamp"]


@statements(
    "host-topic-phid-death-qos",
    "host-topic-phid-death-retain",
    "host-topic-phid-death-topic",
    "host-topic-phid-death-required",
    "host-topic-phid-death-payload",
    "host-topic-phid-death-payload-timestamp-connect",
    "operational-behavior-host-application-connect-will",
    "operational-behavior-host-application-connect-will-topic",
    "operational-behavior-host-application-connect-will-payload",
    "operational-behavior-host-application-connect-will-qos",
    "operational-behavior-host-application-connect-will-retained",
    "payloads-state-will-message",
    "payloads-state-will-message-qos",
    "payloads-state-will-message-retain",
    "payloads-state-will-message-payload",
)
def test_the_will_is_the_death_with_the_time_of_the_connect(statement: str) -> None:
    will = make_host().connect(0, T0)
    assert (will.topic, will.qos, will.retain) == (TOPIC, 1, True)
    assert json.loads(will.payload) == {"online": False, "timestamp": T0_MS}


@statements(
    "host-topic-phid-death-payload-timestamp-disconnect-clean",
    "host-topic-phid-death-payload-timestamp-disconnect-with-no-disconnect-packet",
    "operational-behavior-host-application-termination",
    "operational-behavior-host-application-death-topic",
    "operational-behavior-host-application-death-payload",
    "operational-behavior-host-application-death-qos",
    "operational-behavior-host-application-death-retained",
    "operational-behavior-host-application-disconnect-intentional",
)
def test_a_host_that_leaves_on_purpose_says_so_with_the_time_of_leaving(statement: str) -> None:
    host = make_host()
    host.connect(0, T0)
    host.connected(0, T0)
    death = host.disconnecting(0, T0 + 7 * S)
    assert (death.topic, death.qos, death.retain) == (TOPIC, 1, True)
    assert json.loads(death.payload) == {"online": False, "timestamp": T0_MS + 7000}


@statements("message-flow-hid-sparkplug-state-message-delivered")
def test_an_offline_of_its_own_id_is_answered_at_once(statement: str) -> None:
    host = make_host()
    host.connect(0, T0)
    assert host.message(0, *state(False, T0_MS + 1), T0).publishes == [], "not born yet"
    host.connected(0, T0)
    ((_, again),) = host.message(0, *state(False, T0_MS + 1), T0 + S).publishes
    assert json.loads(again.payload) == {"online": True, "timestamp": T0_MS}
    assert (again.qos, again.retain) == (1, True)
    assert host.message(0, *state(True, T0_MS), T0 + S).publishes == []
    assert host.message(0, *state(False, T0_MS, "other"), T0 + S).publishes == []
    host.disconnecting(0, T0 + 2 * S)
    assert host.message(0, *state(False, T0_MS + 2000), T0 + 2 * S).publishes == [], "its own goodbye"


@statements("operational-behavior-host-application-multi-server-timestamp")
def test_every_server_has_a_timestamp_of_its_own(statement: str) -> None:
    host = make_host()
    for server in (0, 1):
        host.connect(server, T0 + server * S)
        host.connected(server, T0 + server * S)
    for server in (1, 0):
        ((sent_to, again),) = host.message(server, *state(False, T0_MS), T0 + 9 * S).publishes
        assert (sent_to, json.loads(again.payload)["timestamp"]) == (server, T0_MS + 1000 * server)


@statements(
    "host-topic-phid-birth-sub-required",
    "message-flow-phid-sparkplug-subscription",
    "payloads-state-subscribe",
)
def test_its_own_state_and_the_edge_nodes_are_subscribed_to(statement: str) -> None:
    wanted = {f"spBv1.0/+/{kind}/+" for kind in ("NBIRTH", "NDEATH", "NDATA")}
    wanted |= {f"spBv1.0/+/{kind}/+/+" for kind in ("DBIRTH", "DDEATH", "DDATA")}
    assert make_host().subscriptions[0] == (TOPIC, 1)
    assert {topic for topic, _ in make_host().subscriptions[1:]} == wanted
    one = HostApplication(HostConfig(HOST_ID, nodes=(NODE_ID,)))
    assert {topic for topic, _ in one.subscriptions[1:]} == {
        t.replace("+", "plant", 1).replace("+", "cell1", 1) for t in wanted
    }


@pytest.mark.parametrize("bad", ["", "a/b", "a+", "#"])
def test_a_host_id_that_topics_cannot_carry_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="host id"):
        state_topic(bad)


# -- deaths


@statements(
    "operational-behavior-edge-node-termination-host-action-ndeath-node-offline",
    "operational-behavior-edge-node-termination-host-action-ndeath-node-tags-stale",
    "operational-behavior-edge-node-termination-host-action-ndeath-devices-offline",
    "operational-behavior-edge-node-termination-host-action-ndeath-devices-tags-stale",
)
def test_an_ndeath_makes_node_devices_and_metrics_stale_at_the_hosts_time(statement: str) -> None:
    stage = Stage()
    stage.birth()
    assert stage.will is not None
    stage.now_ns += 3 * S
    found = gone(stage.hear([stage.will]).events)
    assert set(found) == {"", ARM, GRIPPER}
    assert {each.stamp_ns for each in found.values()} == {stage.now_ns}
    assert {metric.name for metric in found[""].metrics} >= {"uptime", "light", "bdSeq"}
    assert {metric.address for metric in found[ARM].metrics} == {"plant/cell1/arm#current", "plant/cell1/arm#stop"}
    view = stage.host.nodes[NODE_ID]
    assert (view.online, view.changed_ns) == (False, stage.now_ns)
    assert {name: device.online for name, device in view.devices.items()} == {ARM: False, GRIPPER: False}


@statements(
    "operational-behavior-edge-node-termination-host-action-ddeath-devices-offline",
    "operational-behavior-edge-node-termination-host-action-ddeath-devices-tags-stale",
)
def test_a_ddeath_makes_the_device_stale_at_the_time_in_the_payload(statement: str) -> None:
    stage = Stage()
    stage.birth()
    publishes = stage.edge.device_offline(ARM, T0_MS + 1500).publishes
    stage.now_ns += 3 * S
    found = gone(stage.hear(publishes).events)
    assert set(found) == {ARM}
    assert found[ARM].stamp_ns == (T0_MS + 1500) * 1_000_000
    assert len(found[ARM].metrics) == 2
    view = stage.host.nodes[NODE_ID]
    assert (view.online, view.devices[ARM].online, view.devices[GRIPPER].online) == (True, False, True)
    assert view.devices[ARM].changed_ns == found[ARM].stamp_ns


# -- order


@statements("operational-behavior-host-reordering-param", "operational-behavior-host-reordering-start")
@pytest.mark.parametrize("timeout_s", [0.5, 4.0])
def test_a_message_out_of_order_starts_the_reorder_timeout(statement: str, timeout_s: float) -> None:
    stage = Stage(reorder_timeout_s=timeout_s)
    stage.birth()
    stage.data(1.0)
    assert stage.host.nodes[NODE_ID].next_due_ns() is None
    assert stage.hear(stage.data(2.0)).events == []
    assert stage.host.next_due_ns() == stage.now_ns + timeout_s * S


@statements("operational-behavior-host-reordering-rebirth")
def test_a_message_that_stays_missing_makes_the_host_ask_for_a_rebirth(statement: str) -> None:
    stage = Stage(reorder_timeout_s=2.0)
    stage.birth()
    stage.data(1.0)
    stage.hear(stage.data(2.0))
    assert stage.step(1.9).publishes == []
    outcome = stage.step(0.2)
    ((_, request),) = outcome.publishes
    assert is_rebirth(request)
    (doubt,) = [event for event in outcome.events if isinstance(event, Doubt)]
    assert (doubt.missing, len(doubt.metrics)) == (1, 8)
    assert values(outcome.events) == [("plant/cell1/arm#current", 2.0)], "what has come is not thrown away"
    assert stage.host.counts.missing == 1


@statements("operational-behavior-host-reordering-success")
def test_a_message_that_comes_late_but_in_time_stops_the_timer(statement: str) -> None:
    stage = Stage(reorder_timeout_s=2.0)
    stage.birth()
    first, second, third = stage.data(1.0), stage.data(2.0), stage.data(3.0)
    assert stage.hear(third).events == stage.hear(second).events == []
    assert values(stage.hear(first).events) == [("plant/cell1/arm#current", float(n)) for n in (1, 2, 3)]
    assert stage.host.next_due_ns() is None
    assert stage.step(10.0).publishes == []
    assert (stage.host.counts.missing, stage.host.counts.reordered) == (0, 2)


# -- commands


@statements(
    "operational-behavior-data-commands-ncmd-rebirth-verb",
    "operational-behavior-data-commands-ncmd-rebirth-name",
    "operational-behavior-data-commands-ncmd-rebirth-value",
    "operational-behavior-data-commands-ncmd-verb",
    "operational-behavior-data-commands-ncmd-metric-name",
    "operational-behavior-data-commands-ncmd-metric-value",
    "topics-ncmd-payload",
    "topics-ncmd-topic",
    "topics-ncmd-mqtt",
    "topics-ncmd-timestamp",
    "payloads-ncmd-timestamp",
    "payloads-ncmd-seq",
    "payloads-ncmd-qos",
    "payloads-ncmd-retain",
    "payloads-name-cmd-requirement",
)
def test_a_rebirth_request(statement: str) -> None:
    request = rebirth_request(NODE_ID, T0)
    assert (request.topic, request.qos, request.retain) == ("spBv1.0/plant/NCMD/cell1", 0, False)
    payload = decode(request.payload)
    assert (payload.timestamp_ms, payload.seq) == (T0_MS, None)
    ((metric),) = payload.metrics
    assert (metric.name, metric.value(), metric.timestamp_ms) == ("Node Control/Rebirth", True, T0_MS)


# -- what users of other tools complain about


def test_a_whole_session_comes_through_in_order() -> None:
    stage = Stage()
    events = stage.birth().events
    assert [event.is_birth for event in events if isinstance(event, Values)] == [True] * 3
    shown = []
    for step in range(600):
        shown += values(stage.hear(stage.data(float(step))).events)
    assert shown == [("plant/cell1/arm#current", float(step)) for step in range(600)]
    counts = stage.host.counts
    assert (counts.missing, counts.duplicates, counts.reordered, counts.rebirths, counts.undeclared) == (0, 0, 0, 0, 0)


def test_duplicates_are_no_gap() -> None:
    stage = Stage()
    stage.birth()
    for step in range(300):
        message = stage.data(float(step))
        assert len(values(stage.hear([*message, *message]).events)) == 1
    late = stage.data(1000.0)
    following = [stage.data(1001.0 + step) for step in range(5)]
    stage.hear([*late, *(each for message in following for each in message), *late])
    assert stage.host.counts.duplicates == 301
    assert (stage.host.counts.missing, stage.step(10.0).publishes) == (0, [])


def test_a_duplicate_birth_does_not_begin_the_session_anew() -> None:
    stage = Stage()
    stage.edge.connect(stage.now_ms)
    births = stage.edge.connected(stage.now_ms).publishes
    stage.hear(births)
    first = stage.data(1.0)
    stage.hear(first)
    assert stage.hear(births[:1]).events == []
    assert values(stage.hear(stage.data(2.0)).events) == [("plant/cell1/arm#current", 2.0)]
    assert stage.host.counts.missing == 0


def test_a_late_ndeath_of_an_old_session_is_ignored() -> None:
    stage = Stage()
    stage.birth()
    old = stage.will
    stage.birth()
    assert old is not None
    assert stage.hear([old]).events == []
    assert stage.host.nodes[NODE_ID].online
    assert stage.host.counts.late_deaths == 1
    assert values(stage.hear(stage.data(1.0)).events) == [("plant/cell1/arm#current", 1.0)]


def test_the_will_after_an_ndeath_said_on_purpose_changes_nothing() -> None:
    stage = Stage()
    stage.birth()
    assert stage.will is not None
    assert len(gone(stage.hear(stage.edge.close(stage.now_ms).publishes).events)) == 3
    assert stage.hear([stage.will]).events == []


def test_retained_messages_of_edge_nodes_are_old_and_ignored() -> None:
    stage = Stage()
    stage.edge.connect(stage.now_ms)
    births = stage.edge.connected(stage.now_ms).publishes
    assert stage.hear(births, retained=True).events == []
    assert stage.host.counts.retained == 3
    assert stage.host.nodes == {}


def test_a_host_that_starts_in_mid_stream_asks_once_and_finds_every_tag() -> None:
    stage = Stage()
    stage.edge.connect(stage.now_ms)
    stage.edge.connected(stage.now_ms)
    asked = []
    for step in range(50):
        outcome = stage.hear(stage.data(float(step)))
        asked += outcome.publishes
        assert outcome.events == []
    assert len(asked) == 1
    (request,) = [publish for _, publish in asked]
    births = stage.edge.message(request.topic, request.payload, stage.now_ms).publishes
    addresses = {address for address, _ in values(stage.hear(births).events)}
    assert {"plant/cell1#uptime", "plant/cell1/arm#current", "plant/cell1/gripper#vacuum"} <= addresses
    assert values(stage.hear(stage.data(99.0)).events)[-1] == ("plant/cell1/arm#current", 99.0)


def test_every_tag_is_found_again_after_a_rebirth() -> None:
    stage = Stage()
    first = stage.birth().events
    request = rebirth_request(NODE_ID, stage.now_ns)
    again = stage.hear(stage.edge.message(request.topic, request.payload, stage.now_ms + 5).publishes).events
    assert [address for address, _ in values(first)] == [address for address, _ in values(again)]
    assert gone(again) == {}
    assert stage.step(10.0).events == []


def test_rebirth_with_other_aliases_resolves_by_the_new_ones() -> None:
    stage = Stage()
    stage.birth()

    def births(order: list[str], start_ms: int) -> list[Publish]:
        node = (make_metric("bdSeq", DataType.INT64, 0, timestamp_ms=start_ms),)
        arm = tuple(
            make_metric(name, DataType.DOUBLE, 0.0, timestamp_ms=start_ms, alias=alias)
            for alias, name in enumerate(order, start=1)
        )
        return [
            Publish(str(Topic(MessageType.NBIRTH, NODE_ID)), encode(Payload(node, start_ms, 0))),
            Publish(str(Topic(MessageType.DBIRTH, NODE_ID, ARM)), encode(Payload(arm, start_ms, 1))),
        ]

    def data(alias: int, value: float, seq: int) -> list[Publish]:
        metric = make_metric(None, DataType.DOUBLE, value, timestamp_ms=T0_MS, alias=alias)._replace(datatype=None)
        return [Publish(str(Topic(MessageType.DDATA, NODE_ID, ARM)), encode(Payload((metric,), T0_MS, seq)))]

    stage.hear(births(["current", "torque"], T0_MS + 1))
    assert values(stage.hear(data(2, 5.0, 2)).events) == [("plant/cell1/arm#torque", 5.0)]
    found = stage.hear(births(["torque", "current"], T0_MS + 2)).events
    assert gone(found) == {}
    assert values(stage.hear(data(2, 6.0, 2)).events) == [("plant/cell1/arm#current", 6.0)]
    lost = gone(stage.hear(births(["torque"], T0_MS + 3)).events)
    assert [metric.name for metric in lost[ARM].metrics] == ["current"]
    assert lost[ARM].reason == "no longer in the birth"


def test_no_storm_of_rebirths_however_many_reasons_there_are() -> None:
    stage = Stage()
    stage.birth()
    asked = 0
    for _ in range(600):
        stage.data(1.0)  # lost
        outcome = stage.hear(stage.data(2.0))
        asked += len(outcome.publishes) + len(stage.step(0.1).publishes)
    # Nobody answers for over a minute: after 0, 1, 3, 7, 15 s and so on.
    assert 5 <= asked <= 7
    assert stage.host.counts.rebirths == asked


def test_a_node_that_does_not_answer_is_named_until_it_does() -> None:
    stage = Stage()
    stage.edge.connect(stage.now_ms)
    stage.edge.connected(stage.now_ms)
    first = stage.hear(stage.data(1.0))
    assert (len(first.publishes), stage.host.trouble()) == (1, "")
    again = stage.step(1.1)
    assert stage.host.trouble() == "no birth of plant/cell1 (DDATA before any NBIRTH)"
    stage.hear(stage.obey(again))
    assert stage.host.trouble() == ""


def test_a_node_that_was_well_for_a_while_is_asked_at_once_again() -> None:
    stage = Stage(reorder_timeout_s=0.0)
    stage.birth()
    for _ in range(5):
        stage.data(1.0)  # lost
        stage.hear(stage.data(2.0))
        outcome = stage.step(0.0)
        assert [is_rebirth(publish) for _, publish in outcome.publishes] == [True]
        stage.hear(stage.obey(outcome))
        stage.step(4.0)


def test_many_nodes_are_asked_one_after_the_other() -> None:
    host = make_host()
    host.connect(0, T0)
    host.connected(0, T0)
    data = encode(Payload((), T0_MS, 5))
    asked = []
    for number in range(20):
        topic = Topic(MessageType.NDATA, EdgeNodeId("plant", f"node{number}"))
        asked.append(len(host.message(0, str(topic), data, T0).publishes))
    assert sum(asked) == 1
    times = []
    now_ns = T0
    while sum(asked) < 20:
        due_ns = host.next_due_ns()
        assert due_ns is not None
        now_ns = max(due_ns, now_ns + 1)
        asked.append(len(host.tick(now_ns).publishes))
        times.append(now_ns)
    assert max(asked) == 1
    assert times[-1] - T0 >= 18 * 0.02 * S


def test_a_metric_that_no_birth_declared_is_counted_and_asked_for() -> None:
    stage = Stage()
    stage.birth()
    stranger = make_metric(None, DataType.DOUBLE, 1.0, alias=999)
    known = make_metric("current", DataType.DOUBLE, 4.0)
    payload = encode(Payload((stranger, known), stage.now_ms, 3))
    outcome = stage.hear([Publish(str(Topic(MessageType.DDATA, NODE_ID, ARM)), payload)])
    assert values(outcome.events) == [("plant/cell1/arm#current", 4.0)], "the known one counts"
    assert stage.host.counts.undeclared == 1
    assert [is_rebirth(publish) for _, publish in outcome.publishes] == [True]


def test_data_of_a_device_that_was_not_born_again_is_not_believed() -> None:
    stage = Stage(reorder_timeout_s=2.0)
    stage.birth()
    request = rebirth_request(NODE_ID, stage.now_ns)
    births = stage.edge.message(request.topic, request.payload, stage.now_ms + 5).publishes
    stage.hear(births[:2])
    found = gone(stage.step(2.1).events)
    assert set(found) == {GRIPPER}
    assert found[GRIPPER].reason == "not born again with its node"


def test_a_dbirth_that_overtakes_its_nbirth_waits_for_it() -> None:
    stage = Stage()
    stage.edge.connect(stage.now_ms)
    node, arm, gripper = stage.edge.connected(stage.now_ms).publishes
    assert stage.hear([arm]).events == []
    addresses = {address for address, _ in values(stage.hear([node, gripper]).events)}
    assert {"plant/cell1/arm#current", "plant/cell1/gripper#vacuum"} <= addresses
    assert stage.host.counts.missing == 0


def test_messages_held_back_at_a_birth_or_a_death_are_not_thrown_away() -> None:
    for last in ("birth", "death"):
        stage = Stage()
        stage.birth()
        stage.data(1.0)
        held = stage.data(2.0)
        assert stage.hear(held).events == []
        stage.now_ns += S
        publishes = (
            stage.edge.connected(stage.now_ms).publishes if last == "birth" else [stage.will] if stage.will else []
        )
        assert values(stage.hear(publishes).events)[0] == ("plant/cell1/arm#current", 2.0), last


def test_the_hosts_own_link_lost_makes_all_stale_and_asks_when_it_is_back() -> None:
    stage = Stage()
    stage.birth()
    assert set(gone(stage.host.link_lost(0, stage.now_ns).events)) == {"", ARM, GRIPPER}
    assert stage.host.link_lost(0, stage.now_ns).events == []
    stage.host.connect(0, stage.now_ns)
    stage.host.connected(0, stage.now_ns)
    assert stage.step(0.5).publishes == [], "births may come by themselves"
    outcome = stage.step(0.6)
    assert [is_rebirth(publish) for _, publish in outcome.publishes] == [True]
    addresses = {address for address, _ in values(stage.hear(stage.obey(outcome)).events)}
    assert "plant/cell1/gripper#vacuum" in addresses
    assert stage.host.counts.missing == 0
    assert stage.step(100.0).publishes == []


def test_a_node_that_moves_to_another_server_is_followed() -> None:
    stage = Stage()
    stage.host.connect(1, T0)
    stage.host.connected(1, T0)
    stage.birth()
    old = stage.will
    stage.edge.connect(stage.now_ms)
    for publish in stage.edge.connected(stage.now_ms + 1).publishes:
        stage.host.message(1, publish.topic, publish.payload, stage.now_ns)
    assert old is not None
    assert stage.hear([old]).events == []
    assert stage.host.link_lost(0, stage.now_ns).events == [], "it is not there any more"
    assert set(gone(stage.host.link_lost(1, stage.now_ns).events)) == {"", ARM, GRIPPER}


def test_several_groups_and_nodes_do_not_mix() -> None:
    host = make_host()
    host.connect(0, T0)
    host.connected(0, T0)
    seen = []
    for group in ("a", "b"):
        for node in ("1", "2"):
            node_id = EdgeNodeId(group, node)
            metric = make_metric("x", DataType.DOUBLE, 1.0, alias=1, timestamp_ms=T0_MS)
            birth = encode(Payload((metric,), T0_MS, 0))
            seen += values(host.message(0, str(Topic(MessageType.NBIRTH, node_id)), birth, T0).events)
    assert [address for address, _ in seen] == ["a/1#x", "a/2#x", "b/1#x", "b/2#x"]


def test_a_host_that_is_not_to_ask_does_not() -> None:
    stage = Stage(asks_rebirths=False)
    stage.edge.connect(stage.now_ms)
    stage.edge.connected(stage.now_ms)
    assert stage.hear(stage.data(1.0)).publishes == []
    assert stage.step(100.0).publishes == []


@pytest.mark.parametrize(
    ("topic", "data"),
    [
        ("spBv1.0/plant/NBIRTH/cell1", b"\xff\xff"),
        ("spBv1.0/plant/NBIRTH/cell1", encode(Payload())),
        ("spBv1.0/plant/NBIRTH/cell1", encode(Payload(seq=256))),
        ("spBv1.0/plant/DBIRTH/cell1", encode(Payload(seq=0))),
        ("spBv1.0/plant/HELLO/cell1", encode(Payload(seq=0))),
        ("nonsense", b""),
        ("spBv1.0/STATE/scada", b"OFFLINE"),
    ],
)
def test_what_cannot_be_read_is_counted(topic: str, data: bytes) -> None:
    stage = Stage()
    assert stage.host.message(0, topic, data, T0).events == []
    assert stage.host.counts.malformed == 1


def test_commands_of_other_hosts_are_nothing() -> None:
    stage = Stage()
    request = rebirth_request(NODE_ID, T0)
    assert stage.hear([request]).events == []
    assert stage.host.nodes == {}
