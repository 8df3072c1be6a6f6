"""The statements of the specification about what a host application says, and what it makes of edge nodes."""

from __future__ import annotations

import json

import pytest
from stage import ARM, GRIPPER, HOST_ID, NODE_ID, T0, T0_MS, S, Stage, gone, is_rebirth, make_host, state, values
from statements import statements

from workcell_sensors.sparkplug.codec import decode
from workcell_sensors.sparkplug.events import Doubt
from workcell_sensors.sparkplug.host import HostApplication, HostConfig, rebirth_request
from workcell_sensors.sparkplug.topic import state_topic

TOPIC = "spBv1.0/STATE/scada"


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
