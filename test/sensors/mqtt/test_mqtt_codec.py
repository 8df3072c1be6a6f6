"""MQTT addresses and payloads of any shape: read where the row says, refused where they lie."""

from __future__ import annotations

import contextlib
import json
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workcell_sensors.reading import Quality
from workcell_sensors.sources.mqtt_codec import (
    Mapping,
    RawFormat,
    find,
    load_payload,
    make_payload,
    parse_address,
    parse_path,
    parse_raw,
    quality_at,
    stamp_at,
    value_at,
    word,
)
from workcell_sensors.sources.mqtt_discover import path_text, propose
from workcell_sensors.sources.mqtt_protocol import PROTOCOL, MqttOptions

NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters='"'), min_size=1, max_size=8)
PATHS = st.lists(NAMES | st.integers(0, 999_999), min_size=1, max_size=5).map(tuple)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)


@given(value=st.floats(-1e300, 1e300), stamp_us=st.integers(0, 8_000_000_000_000_000))
def test_a_payload_carries_value_and_time_to_the_microsecond(value: float, stamp_us: int) -> None:
    data = load_payload(make_payload(value, stamp_us * 1000))
    assert value_at(data, ("v",), Mapping()) == value
    stamp_ns = stamp_at(data, Mapping())
    assert stamp_ns is not None
    assert abs(stamp_ns - stamp_us * 1000) <= 1000 * (1 if stamp_us > 4e15 else 0)


def test_a_missing_value_is_null_on_the_wire() -> None:
    payload = make_payload(math.nan, 5_000_000_000)
    assert json.loads(payload) == {"v": None, "t": 5.0}
    assert value_at(load_payload(payload), ("v",), Mapping()) is None


@pytest.mark.parametrize(
    ("payload", "value"),
    [(b"3.5", 3.5), (b"true", True), (b" 7 ", 7), (b'{"v": false}', False), (b"ON", "ON"), (b'"12.5"', "12.5")],
)
def test_a_bare_value_is_the_value(payload: bytes, value: object) -> None:
    data = load_payload(payload)
    assert value_at(data, ("v",), Mapping()) == value
    assert stamp_at(data, Mapping()) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [(b'{"w": 1}', "no 'v'"), (b"{}", "nothing"), (b"[1]", "a list of 1"), (b'{"v": {"x": 1}}', "an object"),
     (b'{"v": [1]}', "a list"), (b'{"v": "' + b"x" * 300 + b'"}', "300 characters")],
)  # fmt: skip
def test_a_payload_without_the_value_says_what_it_has(text: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        value_at(load_payload(text), ("v",), Mapping())


@pytest.mark.parametrize("payload", [b"\xff", b"\xde\xad" * 600, b"x" * 2000, b"[" * 100_000])
def test_what_is_neither_json_nor_a_short_text_is_refused(payload: bytes) -> None:
    with pytest.raises(ValueError, match="payload"):
        load_payload(payload)


@given(PATHS)
def test_a_path_survives_as_text(path: tuple[str | int, ...]) -> None:
    assert parse_path(path_text(path)) == path


def test_values_are_found_in_nested_payloads() -> None:
    data = {"data": {"sensors": [{"id": 1}, {"id": 2, "a.b": {"value": 7}}]}}
    assert find(data, parse_path('data.sensors[1]."a.b".value')) == 7
    for path in ("data.sensors[2]", "data.sensors.id", "data[0]", "nothing"):
        with pytest.raises(ValueError, match="payload has no"):
            find(data, parse_path(path))


@pytest.mark.parametrize("text", ["", ".", "a..b", "a[", "a[x]", "a]", 'a."b', "a.", "[0]x"])
def test_what_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no path"):
        parse_path(text)


@pytest.mark.parametrize(
    ("text", "payload", "value"),
    [
        ("int16be", b"\xff\xfe", -2),
        ("int16le", b"\xfe\xff", -2),
        ("uint32be@2", b"..\x00\x00\x01\x00", 256),
        ("float32le@1", b"x" + struct.pack("<f", 1.5), 1.5),
        ("float64be", struct.pack(">d", -2.25), -2.25),
        ("uint8@3", b"abc\x07", 7),
        ("int8", b"\x80", -128),
        ("text", b" 21.5 ", "21.5"),
        ("bool", b"Closed", False),
        ("bool", b"ON", True),
    ],
)
def test_raw_payloads_are_read_by_their_format(text: str, payload: bytes, value: object) -> None:
    assert parse_raw(text).read(payload) == value


@pytest.mark.parametrize(
    "text", ["", "int", "int16", "float16le", "uint8le", "int12be", "int16be@", "int16be@-1", "hex"]
)
def test_what_is_no_raw_format_is_refused_with_those_there_are(text: str) -> None:
    with pytest.raises(ValueError, match="float32be@4"):
        parse_raw(text)


def test_a_raw_payload_that_is_too_short_or_no_word_is_refused() -> None:
    with pytest.raises(ValueError, match="takes"):
        parse_raw("float32be@4").read(b"1234567")
    with pytest.raises(ValueError, match="no word"):
        parse_raw("bool").read(b"ajar")


@pytest.mark.parametrize(
    ("unit", "given_time", "stamp_ns"),
    [
        ("s", 1_700_000_000, 1_700_000_000 * 10**9),
        ("s", 1_700_000_000.123456, 1_700_000_000_123_456_000),
        ("ms", 1_700_000_000_123, 1_700_000_000_123 * 10**6),
        ("ms", 1.5, 1_500_000),
        ("us", 7, 7000),
        ("ns", 1_700_000_000_123_456_789, 1_700_000_000_123_456_789),
        ("iso8601", "2023-11-14T22:13:20.5Z", 1_700_000_000_500_000_000),
        ("iso8601", "2023-11-14T23:13:20+01:00", 1_700_000_000_000_000_000),
        ("iso8601", "2023-11-14T22:13:20", 1_700_000_000_000_000_000),
    ],
)
def test_times_have_units(unit: str, given_time: object, stamp_ns: int) -> None:
    mapping = Mapping(time=("meta", "at"), time_unit=unit)
    assert stamp_at({"meta": {"at": given_time}}, mapping) == stamp_ns


@pytest.mark.parametrize(
    ("unit", "given_time"),
    [("s", "now"), ("s", -1), ("s", True), ("s", math.inf), ("s", 1_700_000_000_123), ("s", 10**400),
     ("iso8601", "soon"), ("iso8601", 5), ("iso8601", "1900-01-01T00:00:00Z"), ("iso8601", "9999-01-01T00:00:00Z")],
)  # fmt: skip
def test_what_is_no_time_is_refused(unit: str, given_time: object) -> None:
    with pytest.raises(ValueError, match="time"):
        stamp_at({"t": given_time}, Mapping(time_unit=unit))


def test_no_time_where_there_is_none_to_be() -> None:
    assert stamp_at({"t": 5}, Mapping(time=())) is None
    assert stamp_at({"t": None}, Mapping()) is None
    assert stamp_at({"x": 5}, Mapping()) is None


@pytest.mark.parametrize(
    ("said", "quality"),
    [("GOOD", Quality.GOOD), (192, Quality.GOOD), (True, Quality.GOOD), ("Uncertain", Quality.UNCERTAIN),
     (0, Quality.BAD), ("bad", Quality.BAD), (None, Quality.BAD)],
)  # fmt: skip
def test_quality_comes_from_the_payload(said: object, quality: Quality) -> None:
    options = MqttOptions(quality_path="q")
    mapping = Mapping(quality=("q",), good=frozenset(options.quality_good), uncertain=frozenset(["uncertain"]))
    assert quality_at({"q": said}, mapping) is quality
    assert quality_at({}, mapping) is Quality.UNCERTAIN, "it was to say, and did not"


@given(st.text(max_size=40))
def test_no_text_makes_the_parsers_fail_otherwise_than_by_value_error(text: str) -> None:
    word(text)
    for parse in (parse_address, parse_path, parse_raw):
        with contextlib.suppress(ValueError):
            parse(text)


@given(payload=st.binary(max_size=80) | JSON.map(lambda data: json.dumps(data).encode()), path=PATHS)
def test_no_payload_makes_the_reader_fail_otherwise_than_by_value_error(
    payload: bytes, path: tuple[str | int, ...]
) -> None:
    propose("topic", payload, Mapping())
    for raw in (RawFormat("text"), RawFormat("bool"), RawFormat("binary", ">d", 3)):
        with contextlib.suppress(ValueError):
            raw.read(payload)
    for unit in ("s", "ns", "iso8601"):
        with contextlib.suppress(ValueError):
            data = load_payload(payload)
            mapping = Mapping(time=path, time_unit=unit, quality=path)
            quality_at(data, mapping)
            with contextlib.suppress(ValueError):
                stamp_at(data, mapping)
            value_at(data, path, mapping)


@given(JSON)
def test_what_is_proposed_can_be_read(data: object) -> None:
    payload = json.dumps(data).encode()
    with contextlib.suppress(ValueError):
        loaded = load_payload(payload)
        for row in propose("line/press", payload, Mapping()):
            address = parse_address(row.address)
            path = Mapping().value if address.path is None else address.path
            found = value_at(loaded, path, Mapping())
            assert row.value == str(found)[: len(row.value)]


@pytest.mark.parametrize("address", ["", "#v", "a/+/b", "a#=int7", "a#b..c", "a\0b", "a" * 70_000])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="valid"):
        parse_address(address)


@pytest.mark.parametrize(
    ("given_options", "key"),
    [
        ({"session_s": 60}, "client_id"),
        ({"session_s": 60, "client_id": "cell", "qos": 0}, "qos"),
        ({"value_path": ""}, "value_path"),
        ({"time_path": "a..b"}, "time_path"),
        ({"quality_path": "["}, "quality_path"),
    ],
)
def test_options_that_do_not_fit_are_named(given_options: dict[str, object], key: str) -> None:
    assert PROTOCOL.check_options is not None
    problem = PROTOCOL.check_options(MqttOptions(**given_options))  # type: ignore[arg-type]
    assert problem is not None
    assert problem[0] == key
    assert PROTOCOL.check_options(MqttOptions()) is None
