"""A host application behind a network that drops, doubles, delays and damages, and behind edge nodes that lie."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stage import ARM, NODE_ID, T0, S, Stage, values
from strategies import PAYLOADS

from workcell_sensors.sparkplug.codec import encode
from workcell_sensors.sparkplug.datatypes import DataType
from workcell_sensors.sparkplug.edge import EdgeConfig, EdgeNode
from workcell_sensors.sparkplug.edge_model import MetricSpec
from workcell_sensors.sparkplug.events import Doubt, Publish
from workcell_sensors.sparkplug.host_state import HostState, encode_state
from workcell_sensors.sparkplug.ordering import SEQ_COUNT, WINDOW_MAX, SequenceWindow
from workcell_sensors.sparkplug.payload import Payload
from workcell_sensors.sparkplug.topic import MessageType, Topic

SLOW = settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60)
CURRENT = "plant/cell1/arm#current"


def counted(events: list[object]) -> list[float]:
    return [float(value) for address, value in values(events) if address == CURRENT and value is not None]  # type: ignore[arg-type]


@SLOW
@given(
    order=st.permutations(range(8)),
    doubled=st.sets(st.integers(0, 7)),
    before=st.integers(0, 300),
)
def test_messages_in_any_order_and_doubled_come_out_in_order_and_once(
    order: list[int], doubled: set[int], before: int
) -> None:
    stage = Stage()
    stage.birth()
    for step in range(before):
        stage.hear(stage.data(-1.0 - step))
    messages = [stage.data(float(step)) for step in range(8)]
    shown: list[float] = []
    for number in order:
        shown += counted(stage.hear(messages[number]).events)
        if number in doubled:
            shown += counted(stage.hear(messages[number]).events)
    assert shown == [float(step) for step in range(8)]
    assert stage.host.counts.duplicates == len(doubled)
    assert stage.host.counts.missing == 0
    assert stage.step(10.0).publishes == []


@SLOW
@given(st.lists(st.sampled_from(["pass", "drop", "late", "double"]), min_size=1, max_size=60))
def test_whatever_the_network_does_values_stay_in_order_and_every_loss_is_counted(fates: list[str]) -> None:
    stage = Stage(reorder_timeout_s=0.5)
    stage.birth()
    shown: list[float] = []
    late: list[list[Publish]] = []
    doubts = dropped = 0
    for step, fate in enumerate(fates):
        message = stage.data(float(step))
        dropped += fate == "drop"
        if fate == "late":
            late.append(message)
            continue
        if fate in ("pass", "double"):
            shown += counted(stage.hear(message * (2 if fate == "double" else 1)).events)
        while late and step % 3 == 0:
            shown += counted(stage.hear(late.pop()).events)
    for message in late:
        shown += counted(stage.hear(message).events)
    outcome = stage.step(1.0)
    shown += counted(outcome.events)
    doubts = sum(event.missing for event in outcome.events if isinstance(event, Doubt))
    assert shown == sorted(set(shown)), "in order, and each once"
    # What was dropped at the very end shows only with the next message.
    tail = next((number for number, fate in enumerate(reversed(fates)) if fate != "drop"), len(fates))
    assert doubts == stage.host.counts.missing == dropped - tail
    if dropped - tail:
        births = stage.obey(outcome)
        assert counted(stage.hear(births).events) == [float(len(fates) - 1)]
    assert stage.hear(stage.data(1e6)).events or tail


@settings(SLOW, max_examples=25)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(MessageType),
            st.sampled_from(["", "arm", "x"]),
            PAYLOADS,
            st.none() | st.integers(0, 300),
            st.integers(0, 10**10),
        ),
        max_size=12,
    )
)
def test_no_edge_node_makes_the_host_fail(
    messages: list[tuple[MessageType, str, Payload, int | None, int]],
) -> None:
    stage = Stage()
    stage.birth()
    for kind, device, payload, seq, step_ns in messages:
        stage.now_ns += step_ns
        topic = f"spBv1.0/plant/{kind.value}/cell1" + (f"/{device}" if device else "")
        stage.host.message(0, topic, encode(payload._replace(seq=seq)), stage.now_ns)
        stage.host.tick(stage.now_ns)
        stage.host.next_due_ns()
    assert stage.host.counts.rebirths <= 1 + stage.now_ns // S


@SLOW
@given(st.text(max_size=40), st.binary(max_size=60), st.booleans())
def test_no_message_makes_host_or_edge_node_fail(topic: str, data: bytes, retained: bool) -> None:
    stage = Stage()
    stage.birth()
    for text in (topic, f"spBv1.0/{topic}", "spBv1.0/STATE/scada", "spBv1.0/plant/DDATA/cell1/arm"):
        stage.host.message(0, text, data, T0, retained)
    for kind in (MessageType.NCMD, MessageType.DCMD):
        stage.edge.message(str(Topic(kind, NODE_ID, "arm" if kind.is_device else "")), data, stage.now_ms, retained)


@given(st.lists(st.tuples(st.integers(0, SEQ_COUNT - 1), st.integers(0, 3)), max_size=400))
def test_a_window_holds_a_bounded_number_and_gives_everything_back_once(offers: list[tuple[int, int]]) -> None:
    window: SequenceWindow[int] = SequenceWindow(S)
    window.restart(SEQ_COUNT - 1)
    given_back: list[int] = []
    taken = 0
    for number, (seq, fingerprint) in enumerate(offers):
        arrival = window.offer(seq, number, fingerprint, number)
        taken += not arrival.is_duplicate
        given_back += arrival.ready
        assert arrival.missing >= 0
        assert len(window.held()) <= WINDOW_MAX
    given_back += window.expire(10 * S).ready
    assert len(given_back) == len(set(given_back)) == taken
    assert window.held() == ()
    assert window.deadline_ns is None


@SLOW
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("update"), st.floats(allow_nan=False), st.integers(-5000, 5000)),
            st.tuples(
                st.sampled_from(["flush", "offline", "online", "host on", "host off", "lost", "connect"]),
                st.just(0.0),
                st.just(0),
            ),
        ),
        max_size=40,
    )
)
def test_an_edge_node_counts_its_messages_without_a_gap_whatever_happens(
    steps: list[tuple[str, float, int]],
) -> None:
    edge = EdgeNode(EdgeConfig(NODE_ID, 2, "scada", changes_max=10))
    edge.declare(ARM, (MetricSpec("current", DataType.DOUBLE),))
    stage = Stage()
    now_ms = stage.now_ms
    for what, value, shift_ms in steps:
        now_ms += 100
        publishes: list[Publish] = []
        if what == "update":
            edge.model.update(ARM, "current", value, now_ms + shift_ms)
        elif what == "connect":
            edge.connect(now_ms)
            publishes = edge.connected(now_ms).publishes
        elif what == "lost":
            edge.connection_lost(now_ms)
        elif what.startswith("host"):
            payload = encode_state(HostState(what == "host on", now_ms))
            publishes = edge.message("spBv1.0/STATE/scada", payload, now_ms).publishes
        else:
            act = {"flush": edge.flush, "offline": lambda ms: edge.device_offline(ARM, ms)}.get(
                what, lambda ms: edge.device_online(ARM, ms)
            )
            publishes = act(now_ms).publishes
        for publish in publishes:
            stage.host.message(0, publish.topic, publish.payload, now_ms * 1_000_000)
    counts = stage.host.counts
    assert (counts.missing, counts.malformed, counts.undeclared, counts.before_birth, counts.reordered) == (
        0,
        0,
        0,
        0,
        0,
    )
    assert edge.model.backlog <= 10
