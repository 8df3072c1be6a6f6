"""What a host application makes of edge nodes that come, go, lose and repeat, beyond the statements."""

from __future__ import annotations

import pytest
from stage import ARM, GRIPPER, NODE_ID, T0, T0_MS, S, Stage, gone, is_rebirth, make_host, values

from workcell_sensors.sparkplug.codec import encode
from workcell_sensors.sparkplug.datatypes import DataType
from workcell_sensors.sparkplug.events import Publish, Values
from workcell_sensors.sparkplug.host import rebirth_request
from workcell_sensors.sparkplug.payload import Payload, make_metric
from workcell_sensors.sparkplug.topic import EdgeNodeId, MessageType, Topic

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
