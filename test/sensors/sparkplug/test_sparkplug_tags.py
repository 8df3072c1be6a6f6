"""From a host application's events to values: times, qualities, confirmations, and no value lost to our own marks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stage import ARM, NODE_ID, T0, T0_MS, S, Stage

from workcell_sensors.reading import Quality
from workcell_sensors.sources.batch import Batch
from workcell_sensors.sources.sparkplug_protocol import PROTOCOL, SparkplugOptions, parse_address, parse_server
from workcell_sensors.sources.sparkplug_tags import EdgeClock, TagValues
from workcell_sensors.sparkplug.births import Declared, Update
from workcell_sensors.sparkplug.codec import encode
from workcell_sensors.sparkplug.datatypes import DataType
from workcell_sensors.sparkplug.events import Values
from workcell_sensors.sparkplug.host import rebirth_request
from workcell_sensors.sparkplug.payload import Metric, Payload, Value, make_metric, quality_property
from workcell_sensors.sparkplug.topic import MessageType, Topic
from workcell_sensors.tags import TagRow

CURRENT = "plant/cell1/arm#current"
STOP = "plant/cell1/arm#stop"
MISSING = "plant/cell1/arm#torque"
Row = tuple[str, float, Quality, int]


class Wire:
    """Tags fed by a stage, and what was delivered."""

    def __init__(self, *addresses: str, **config: object) -> None:
        self.stage = Stage(**config)
        self.frames: list[dict[str, object]] = []
        self.rows: list[Row] = []
        self.rejected = 0
        tags = [TagRow(text, "s", text, "1", "1", period_s=0.5, stale_after_s=2.0) for text in addresses or (CURRENT,)]
        self.values = TagValues(tags, Batch(self._deliver), self._reject)

    def take(self, outcome: object) -> list[Row]:
        """Feeds what came of something, and returns the values that were delivered."""
        start = len(self.rows)
        self.values.take(outcome.events, self.stage.now_ns)  # type: ignore[attr-defined]
        self.values.batch.flush()
        return self.rows[start:]

    def confirm(self, seconds: float) -> list[Row]:
        start = len(self.rows)
        self.take(self.stage.step(seconds))
        self.values.confirm(self.stage.now_ns)
        self.values.batch.flush()
        return self.rows[start:]

    def _deliver(self, addresses: tuple[str, ...], values: list[float], qualities: list[int], **more: object) -> None:
        stamps = more["stamps_ns"]
        assert isinstance(stamps, np.ndarray)
        assert len(set(addresses)) == len(addresses)
        self.frames.append(more)
        self.rows += zip(addresses, values, map(Quality, qualities), stamps.tolist(), strict=True)

    def _reject(self) -> None:
        self.rejected += 1


def news(rows: list[Row], last_ns: int) -> list[Row]:
    """Returns what passes where per tag only newer values do, as in the gateway."""
    passed = []
    for row in rows:
        if row[3] > last_ns:
            last_ns = row[3]
            passed.append(row)
    return passed


def test_values_have_the_time_at_which_they_were_taken() -> None:
    wire = Wire(CURRENT, STOP)
    wire.take(wire.stage.birth())
    wire.stage.now_ns += S
    taken_ms = wire.stage.now_ms - 300
    wire.stage.edge.model.update(ARM, "current", 2.5, taken_ms)
    rows = wire.take(wire.stage.hear(wire.stage.edge.flush(wire.stage.now_ms).publishes))
    assert rows == [(CURRENT, 2.5, Quality.GOOD, taken_ms * 1_000_000)]


def test_a_null_is_bad_and_quality_is_the_devices() -> None:
    wire = Wire()
    assert [row[2] for row in wire.take(wire.stage.birth())] == [Quality.BAD]
    for code, quality in ((0, Quality.BAD), (500, Quality.STALE), (192, Quality.GOOD)):
        wire.stage.now_ns += S
        wire.stage.edge.model.update(ARM, "current", 1.0, wire.stage.now_ms, code)
        (row,) = wire.take(wire.stage.hear(wire.stage.edge.flush(wire.stage.now_ms).publishes))
        assert row[1:3] == (1.0, quality)
    assert wire.rejected == 0


def test_a_tag_that_the_birth_lacks_is_bad_and_counted() -> None:
    wire = Wire(MISSING)
    rows = wire.take(wire.stage.birth())
    assert [(address, quality) for address, _, quality, _ in rows] == [(MISSING, Quality.BAD)]
    assert wire.rejected == 1
    assert wire.confirm(10.0) == []


def test_silence_is_confirmed_while_the_session_lives_and_no_longer() -> None:
    wire = Wire()
    wire.take(wire.stage.birth())
    wire.take(wire.stage.hear(wire.stage.data(4.0)))
    assert wire.confirm(0.5) == []
    stamps = []
    for _ in range(5):
        ((address, value, quality, stamp_ns),) = wire.confirm(0.9)
        assert (address, value, quality) == (CURRENT, 4.0, Quality.GOOD)
        assert abs(stamp_ns - wire.stage.now_ns) < S // 10
        stamps.append(stamp_ns)
    assert stamps == sorted(set(stamps))
    assert wire.stage.will is not None
    (gone,) = wire.take(wire.stage.hear([wire.stage.will]))
    assert gone[1:3] == (4.0, Quality.STALE)
    assert wire.confirm(5.0) == []


def test_what_a_birth_tells_of_long_ago_is_confirmed_at_once() -> None:
    wire = Wire()
    wire.stage.edge.model.update(ARM, "current", 4.0, T0_MS - 3_600_000)
    ((_, _, _, stamp_ns),) = wire.take(wire.stage.birth())
    assert stamp_ns == T0 - 3600 * S, "the time at which it was taken"
    ((_, value, quality, stamp_ns),) = wire.confirm(0.1)
    assert (value, quality) == (4.0, Quality.GOOD)
    assert wire.stage.now_ns - stamp_ns < S
    assert wire.confirm(0.1) == []


@pytest.mark.parametrize("offset_s", [-3600.0, -1.0, 0.0, 1.0, 3600.0])
def test_no_value_is_lost_to_our_own_marks_however_wrong_the_edge_nodes_clock_is(offset_s: float) -> None:
    wire = Wire()
    stage = wire.stage
    offset_ms = round(1000 * offset_s)
    stage.edge.connect(stage.now_ms + offset_ms)
    stage.edge.model.update(ARM, "current", 0.0, stage.now_ms + offset_ms)
    wire.take(stage.hear(stage.edge.connected(stage.now_ms + offset_ms).publishes))
    for step in range(1, 40):
        wire.confirm(0.85 if step % 3 else 0.3)
        # The way takes between nothing and 200 ms.
        taken_ms = stage.now_ms + offset_ms - 50 * (step % 5)
        stage.edge.model.update(ARM, "current", float(step), taken_ms)
        wire.take(stage.hear(stage.edge.flush(stage.now_ms + offset_ms).publishes))
        if step % 10 == 0:
            request = rebirth_request(NODE_ID, stage.now_ns)
            births = stage.edge.message(request.topic, request.payload, stage.now_ms + offset_ms).publishes
            wire.take(stage.hear(births))
        if step % 13 == 0:
            wire.take(stage.host.link_lost(0, stage.now_ns))
            stage.host.connect(0, stage.now_ns)
            stage.host.connected(0, stage.now_ns)
            wire.take(
                stage.hear(stage.edge.message(request.topic, request.payload, stage.now_ms + offset_ms).publishes)
            )
    shown = [value for _, value, quality, _ in news(wire.rows, 0) if quality is Quality.GOOD]
    assert list(dict.fromkeys(shown)) == [float(step) for step in range(40)]


def test_what_lies_behind_a_gap_is_doubtful_but_not_what_came_with_it() -> None:
    wire = Wire(CURRENT, STOP, reorder_timeout_s=0.5)
    stage = wire.stage
    stage.edge.model.update(ARM, "current", 0.0, stage.now_ms)
    stage.edge.model.update(ARM, "stop", False, stage.now_ms)
    wire.take(stage.birth())
    stage.data(1.0)  # lost
    wire.take(stage.hear(stage.data(2.0)))
    rows = wire.take(stage.step(0.6))
    assert {(address, quality) for address, _, quality, _ in rows} == {
        (CURRENT, Quality.GOOD),
        (STOP, Quality.UNCERTAIN),
    }
    request = rebirth_request(NODE_ID, stage.now_ns)
    births = stage.edge.message(request.topic, request.payload, stage.now_ms).publishes
    assert {quality for _, _, quality, _ in wire.take(stage.hear(births))} == {Quality.GOOD}


def test_history_is_told_as_history_and_changes_nothing_now() -> None:
    wire = Wire()
    stage = wire.stage
    stage.edge.model.update(ARM, "current", 1.0, T0_MS - 9000)
    stage.edge.flush(T0_MS)
    stage.edge.model.update(ARM, "current", 2.0, T0_MS - 1000)
    wire.take(stage.birth())
    (row,) = wire.take(stage.hear(stage.edge.flush(stage.now_ms).publishes))
    assert row == (CURRENT, 1.0, Quality.GOOD, (T0_MS - 9000) * 1_000_000)
    assert wire.frames[-1]["historical"] is True
    assert wire.confirm(1.0)[0][1] == 2.0


def read(value: Metric, kind: DataType) -> tuple[float, Quality, int]:
    wire = Wire()
    event = Values(NODE_ID, ARM, False, [Update(Declared(CURRENT, "current", kind, 1), value)], T0_MS)
    wire.values.take([event], T0)
    wire.values.batch.flush()
    ((_, number, quality, _),) = wire.rows
    return number, quality, wire.rejected


@pytest.mark.parametrize(
    ("kind", "value", "number"),
    [
        (DataType.INT8, -5, -5.0),
        (DataType.UINT64, 7, 7.0),
        (DataType.FLOAT, 0.5, 0.5),
        (DataType.BOOLEAN, True, 1.0),
        (DataType.DATE_TIME, 1000, 1000.0),
        (DataType.STRING, "12.5", 12.5),
    ],
)
def test_every_numeric_type_and_numbers_in_text_are_numbers(kind: DataType, value: Value, number: float) -> None:
    assert read(make_metric("m", kind, value), kind) == (number, Quality.GOOD, 0)


@pytest.mark.parametrize(
    ("kind", "metric"),
    [
        (DataType.STRING, make_metric("m", DataType.STRING, "running")),
        (DataType.BYTES, make_metric("m", DataType.BYTES, b"x")),
        (DataType.DOUBLE, make_metric("m", DataType.DOUBLE, math.nan)),
        (DataType.DOUBLE, make_metric("m", DataType.DOUBLE, math.inf)),
        (DataType.DOUBLE, make_metric(None, DataType.STRING, "1")._replace(datatype=None)),
        (DataType.DOUBLE, Metric(alias=1)),
    ],
)
def test_what_is_no_number_is_bad_and_counted(kind: DataType, metric: Metric) -> None:
    value, quality, rejected = read(metric, kind)
    assert math.isnan(value)
    assert (quality, rejected) == (Quality.BAD, 1)


def test_a_quality_code_that_sparkplug_does_not_have_is_doubtful() -> None:
    metric = make_metric("m", DataType.DOUBLE, 1.0, properties=quality_property(500))
    odd = metric.properties[0].__class__("Quality", DataType.INT32, 600)
    assert read(metric._replace(properties=(odd,)), DataType.DOUBLE)[1] is Quality.UNCERTAIN


@given(st.lists(st.tuples(st.integers(0, 10**10), st.integers(0, 10**9)), min_size=1, max_size=20))
def test_the_edge_nodes_clock_is_never_ahead_of_its_newest_message(messages: list[tuple[int, int]]) -> None:
    clock = EdgeClock()
    now_ns = 10**12
    for step_ns, way_ns in messages:
        now_ns += step_ns
        clock.note(now_ns, now_ns - way_ns)
        assert clock.at(now_ns) >= now_ns - way_ns


def test_any_message_at_all_leaves_the_tags_alive() -> None:
    wire = Wire()
    wire.take(wire.stage.birth())
    huge = make_metric("current", DataType.DOUBLE, 1.0, timestamp_ms=2**64 - 1)
    payload = encode(Payload((huge,), 2**64 - 1, 3))
    (row,) = wire.take(wire.stage.host.message(0, str(Topic(MessageType.DDATA, NODE_ID, ARM)), payload, T0 + S))
    assert row[1:3] == (1.0, Quality.GOOD)


@pytest.mark.parametrize("text", ["", "plant/cell1", "plant#x", "a/b/c/d#x", "plant/cell1#", "/b#x", "a/+#x", "a/b/#x"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"valid|id"):
        parse_address(text)


@pytest.mark.parametrize("text", ["", ":1", "host:", "host:x", "host:0", "host:70000"])
def test_what_is_no_server_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="host:port"):
        parse_server(text)


@pytest.mark.parametrize(
    ("options", "key"),
    [(SparkplugOptions(host_id="a/b"), "host_id"), (SparkplugOptions(further_servers=["a:b"]), "further_servers")],
)
def test_options_that_do_not_fit_are_named(options: SparkplugOptions, key: str) -> None:
    assert PROTOCOL.check_options is not None
    problem = PROTOCOL.check_options(options)
    assert problem is not None
    assert problem[0] == key
    assert PROTOCOL.check_options(SparkplugOptions()) is None
