"""Payloads survive the way there and back, agree with an independent implementation, and garbage is refused."""

from __future__ import annotations

import contextlib
import math
import struct
import tracemalloc

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import PAYLOADS, PLAIN_TYPES, properties, value_of

from workcell_sensors.sparkplug.codec import METRICS_MAX, PAYLOAD_BYTES_MAX, decode, encode
from workcell_sensors.sparkplug.datatypes import (
    ARRAY_TYPES,
    NUMERIC_TYPES,
    DataType,
    data_type,
    from_wire,
    number_of,
    to_wire,
)
from workcell_sensors.sparkplug.host_state import HostState, decode_state, encode_state
from workcell_sensors.sparkplug.payload import (
    QUALITY_BAD,
    QUALITY_GOOD,
    QUALITY_STALE,
    DataSet,
    Metric,
    Payload,
    Property,
    make_metric,
    quality_property,
)
from workcell_sensors.sparkplug.topic import EdgeNodeId, MessageType, Topic, parse_state_topic, parse_topic, state_topic

SLOW = settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60)


@SLOW
@given(PAYLOADS)
def test_a_payload_survives_the_way_there_and_back(payload: Payload) -> None:
    assert decode(encode(payload)) == payload


@given(data=st.data(), kind=PLAIN_TYPES)
def test_a_value_survives_in_its_field(data: st.DataObject, kind: DataType) -> None:
    value = data.draw(value_of(kind))
    assert from_wire(kind, *to_wire(kind, value)) == value


@pytest.mark.parametrize(
    ("kind", "field", "raw", "value"),
    [
        (DataType.INT8, "int_value", 0xFF, -1),
        (DataType.INT8, "int_value", 0xFFFFFFFF, -1),
        (DataType.INT16, "int_value", 0x8000, -32768),
        (DataType.INT32, "int_value", 0x80000000, -(2**31)),
        (DataType.INT32, "long_value", 0xFFFFFFFFFFFFFFFE, -2),
        (DataType.INT64, "int_value", 7, 7),
        (DataType.INT64, "long_value", 2**64 - 5, -5),
        (DataType.UINT64, "int_value", 9, 9),
        (DataType.FLOAT, "double_value", 0.5, 0.5),
        (DataType.DOUBLE, "int_value", 3, 3.0),
        (DataType.BOOLEAN, "int_value", 1, True),
    ],
)
def test_widths_that_devices_send_are_understood(kind: DataType, field: str, raw: int, value: object) -> None:
    assert from_wire(kind, field, raw) == value


@pytest.mark.parametrize(
    ("kind", "field", "raw"),
    [
        (DataType.INT8, "int_value", 300),
        (DataType.UINT8, "int_value", 256),
        (DataType.UINT32, "long_value", 2**32),
        (DataType.BOOLEAN, "int_value", 2),
        (DataType.DOUBLE, "string_value", "1.5"),
        (DataType.INT32, "double_value", 1.5),
        (DataType.STRING, "int_value", 1),
        (DataType.STRING, "string_value", b"\xff"),
        (DataType.INT32_ARRAY, "bytes_value", b"abc"),
        (DataType.BOOLEAN_ARRAY, "bytes_value", struct.pack("<I", 2**32 - 1) + b"\x01"),
        (DataType.BOOLEAN_ARRAY, "bytes_value", b"\x01"),
        (DataType.STRING_ARRAY, "bytes_value", b"no end"),
        (DataType.STRING_ARRAY, "bytes_value", b"\xff\0"),
        (DataType.PROPERTY_SET, "int_value", 1),
    ],
)
def test_a_field_that_does_not_hold_its_type_is_refused(kind: DataType, field: str, raw: int) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_wire(kind, field, raw)


def test_arrays_lie_as_the_specification_shows() -> None:
    assert to_wire(DataType.INT32_ARRAY, (123456789, 987654321))[1] == bytes.fromhex("15CD5B07B168DE3A")
    assert to_wire(DataType.INT8_ARRAY, (-23, 123))[1] == bytes.fromhex("EF7B".replace("EF", "E9"))
    assert to_wire(DataType.STRING_ARRAY, ("ABC", "hello"))[1] == b"ABC\0hello\0"
    bits = (False, False, True, True, False, True, False, False, True, True, False, True)
    assert to_wire(DataType.BOOLEAN_ARRAY, bits)[1] == bytes.fromhex("0C00000034D0")


@pytest.mark.parametrize("kind", sorted(DataType))
def test_only_numeric_types_are_numbers(kind: DataType) -> None:
    if kind in NUMERIC_TYPES:
        assert number_of(kind, *to_wire(kind, True if kind is DataType.BOOLEAN else 1)) == 1.0
    else:
        with pytest.raises(ValueError, match="no number"):
            number_of(kind, "string_value", "1")


@pytest.mark.parametrize("number", [-1, 0, 35, 2**31])
def test_unknown_data_types_are_refused(number: int) -> None:
    with pytest.raises(ValueError, match="data type"):
        data_type(number)


def test_a_double_beyond_single_precision_becomes_infinite() -> None:
    assert to_wire(DataType.FLOAT, 1e300) == ("float_value", math.inf)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (DataType.INT8, 128),
        (DataType.UINT16, -1),
        (DataType.INT32, 1.5),
        (DataType.INT32, True),
        (DataType.BOOLEAN, 1),
        (DataType.STRING, b"x"),
        (DataType.DOUBLE, "1"),
        (DataType.STRING_ARRAY, ("a\0b",)),
        (DataType.BOOLEAN_ARRAY, (1,)),
        (DataType.DOUBLE_ARRAY, ("x",)),
        (DataType.UINT8_ARRAY, (256,)),
    ],
)
def test_a_value_that_does_not_fit_its_type_is_refused(kind: DataType, value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        make_metric("m", kind, value)  # type: ignore[arg-type]


def test_unknown_fields_are_ignored() -> None:
    known = encode(Payload((make_metric("m", DataType.DOUBLE, 1.0),), 5, 6))
    extension = bytes([0xA2, 0x06, 3]) + b"abc"  # field 100, three bytes
    assert decode(known + extension) == decode(known)


def test_a_metric_that_cannot_be_read_does_not_cost_the_others() -> None:
    good = make_metric("good", DataType.DOUBLE, 1.0)
    bad_name = bytes([0x12, 3, 0x0A, 1, 0xFF])
    wide = bytes([0x12, 5, 0x8A, 0x01, 2, 0x08, 3])  # a data set of three columns without columns
    payload = decode(bad_name + wide + encode(Payload((good,))))
    assert payload.metrics[2] == good
    for broken in payload.metrics[:2]:
        with pytest.raises(ValueError, match="neither"):
            broken.value(DataType.DOUBLE)


def test_sizes_are_bounded() -> None:
    with pytest.raises(ValueError, match="bytes"):
        decode(b"\0" * (PAYLOAD_BYTES_MAX + 1))
    with pytest.raises(ValueError, match="metrics"):
        decode(b"\x12\0" * (METRICS_MAX + 1))


def test_a_hostile_payload_costs_memory_in_proportion() -> None:
    hostile = b"\x12\x06\x4a\x04\x0a\x00\x12\x00" * 5000
    tracemalloc.start()
    decode(hostile)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 200 * len(hostile)


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_no_bytes_make_the_decoder_fail_otherwise_than_by_value_error(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        _use(decode(data))


@SLOW
@given(
    payload=PAYLOADS,
    cut=st.integers(0, 400),
    flips=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=4),
)
def test_no_damaged_payload_makes_the_decoder_fail_otherwise_than_by_value_error(
    payload: Payload, cut: int, flips: list[tuple[int, int]]
) -> None:
    data = bytearray(encode(payload))
    for place, mask in flips:
        if place < len(data):
            data[place] ^= mask
    with contextlib.suppress(ValueError):
        _use(decode(bytes(data[: len(data) - cut % (len(data) + 1)])))


def _use(payload: Payload) -> None:
    for metric in payload.metrics:
        metric.quality()
        with contextlib.suppress(ValueError):
            metric.value()


@pytest.mark.parametrize("code", [QUALITY_BAD, QUALITY_GOOD, QUALITY_STALE])
def test_quality_is_a_property(code: int) -> None:
    metric = make_metric("m", DataType.DOUBLE, 1.0, properties=quality_property(code))
    assert decode(encode(Payload((metric,)))).metrics[0].quality() == code


def test_a_quality_that_is_no_number_is_bad() -> None:
    assert Metric(properties=(Property("Quality", DataType.STRING, "fine"),)).quality() == QUALITY_BAD
    with pytest.raises(ValueError, match="192"):
        quality_property(1)


@SLOW
@given(properties())
def test_keys_and_values_of_a_property_set_must_pair(items: tuple[Property, ...]) -> None:
    data = bytearray(encode(Payload((make_metric("m", DataType.DOUBLE, 1.0, properties=items),))))
    assert decode(bytes(data)).metrics[0].properties == items


def test_a_data_set_has_one_width() -> None:
    with pytest.raises(ValueError, match="types"):
        DataSet(("a",), ())
    with pytest.raises(ValueError, match="row"):
        DataSet(("a",), (DataType.INT8,), ((1, 2),))


IDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="+/#\0"), min_size=1, max_size=20)


@given(st.sampled_from(MessageType), IDS, IDS, IDS)
def test_a_topic_survives_the_way_there_and_back(kind: MessageType, group: str, node: str, device: str) -> None:
    topic = Topic(kind, EdgeNodeId(group, node), device if kind.is_device else "")
    assert parse_topic(str(topic)) == topic
    assert parse_state_topic(str(topic)) is None


@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from(["spBv1.0", "g", "DDATA", "STATE", "e", "d", "", "+"])).map("/".join)
)
def test_no_text_makes_the_topic_parsers_fail_otherwise_than_by_value_error(text: str) -> None:
    parse_state_topic(text)
    with contextlib.suppress(ValueError):
        assert str(parse_topic(text)) == text


@given(
    st.binary(max_size=80)
    | st.fixed_dictionaries({"online": st.booleans(), "timestamp": st.integers()}).map(
        lambda d: str(d).lower().replace("'", '"').encode()
    )
)
def test_no_state_payload_fails_otherwise_than_by_value_error(payload: bytes) -> None:
    with contextlib.suppress(ValueError):
        state = decode_state(payload)
        assert decode_state(encode_state(state)) == state


@pytest.mark.parametrize(
    "payload",
    [b"ONLINE", b"[]", b"{}", b'{"online":1,"timestamp":5}', b'{"online":true}', b'{"online":true,"timestamp":NaN}',
     b'{"online":true,"timestamp":-1}', b'{"online":true,"timestamp":true}', b"[" * 5000, b"[" * 4000],
)  # fmt: skip
def test_what_is_no_state_is_refused(payload: bytes) -> None:
    with pytest.raises(ValueError, match="STATE"):
        decode_state(payload)


def test_state_of_a_host() -> None:
    assert state_topic("scada") == "spBv1.0/STATE/scada"
    assert decode_state(b'{"timestamp": 5, "online": true, "more": 1}') == HostState(True, 5)


class TestAgainstPysparkplug:
    """The codec against pysparkplug, an implementation of its own (`pip install --no-deps pysparkplug`)."""

    @pytest.fixture(autouse=True)
    def _peer(self) -> None:
        self.peer = pytest.importorskip("pysparkplug", reason="pip install --no-deps pysparkplug")

    @pytest.mark.parametrize("kind", sorted(NUMERIC_TYPES - {DataType.DATE_TIME} | {DataType.STRING, DataType.BYTES}))
    @given(data=st.data())
    @settings(max_examples=15)
    def test_both_read_what_the_other_writes(self, kind: DataType, data: st.DataObject) -> None:
        value = data.draw(value_of(kind))
        peer_type = self.peer.DataType(int(kind))
        theirs = self.peer.Metric(timestamp=1000, name="m", datatype=peer_type, value=value, alias=7)
        message = self.peer.NBirth(timestamp=2000, seq=0, metrics=(theirs,))
        ours = decode(message.encode(include_dtypes=True))
        assert (ours.timestamp_ms, ours.seq, ours.metrics[0].value(), ours.metrics[0].alias) == (2000, 0, value, 7)
        back = self.peer.NBirth.decode(
            encode(Payload((make_metric("m", kind, value, timestamp_ms=1000, alias=7),), 2000, 0))
        )
        assert (back.metrics[0].value, back.metrics[0].name, back.metrics[0].alias) == (value, "m", 7)

    @pytest.mark.parametrize("kind", sorted(ARRAY_TYPES - {DataType.DATE_TIME_ARRAY}))
    @given(data=st.data())
    @settings(max_examples=10)
    def test_both_read_the_others_arrays(self, kind: DataType, data: st.DataObject) -> None:
        value = data.draw(value_of(kind).filter(len))
        theirs = self.peer.Metric(timestamp=1000, name="m", datatype=self.peer.DataType(int(kind)), value=value)
        ours = decode(self.peer.NBirth(timestamp=2000, seq=0, metrics=(theirs,)).encode(include_dtypes=True))
        assert ours.metrics[0].value() == value
        back = self.peer.NBirth.decode(encode(Payload((make_metric("m", kind, value, timestamp_ms=1),), 2, 0)))
        assert tuple(back.metrics[0].value) == value
