"""Addresses and payloads: every value survives the way there and back, and nothing malformed slips through."""

from __future__ import annotations

import contextlib
import json
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workcell_sensors.sources.backoff import Backoff
from workcell_sensors.sources.mqtt_codec import make_payload, parse_payload
from workcell_sensors.sources.mqtt_codec import parse_address as parse_topic
from workcell_sensors.sources.opcua_address import parse_address as parse_node


@given(st.text(max_size=30))
def test_no_text_makes_the_address_parsers_fail_otherwise_than_by_value_error(text: str) -> None:
    for parse in (parse_topic, parse_node):
        with contextlib.suppress(ValueError):
            parse(text)


@pytest.mark.parametrize("text", ["", "arm.current", "ns=x;s=a", "ns=2;q=1", "i=abc"])
def test_a_bad_node_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="node id"):
        parse_node(text)


@given(value=st.floats(-1e300, 1e300), stamp_us=st.integers(0, 8_000_000_000_000_000))
def test_a_payload_carries_value_and_time_to_the_microsecond(value: float, stamp_us: int) -> None:
    back, stamp_ns = parse_payload(make_payload(value, stamp_us * 1000), "v")
    assert back == value
    assert stamp_ns == stamp_us * 1000


def test_a_missing_value_is_null_on_the_wire_and_nan_inside() -> None:
    payload = make_payload(math.nan, 5_000_000_000)
    assert json.loads(payload) == {"v": None, "t": 5.0}
    value, stamp_ns = parse_payload(payload, "v")
    assert math.isnan(value)
    assert stamp_ns == 5_000_000_000


@pytest.mark.parametrize(("payload", "value"), [(b"3.5", 3.5), (b"true", 1.0), (b" 7 ", 7.0), (b'{"v": false}', 0.0)])
def test_plain_numbers_and_booleans_are_values_without_a_time(payload: bytes, value: float) -> None:
    assert parse_payload(payload, "v") == (value, None)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"abc",
        b"[1]",
        b'"1"',
        b"{}",
        b'{"w": 1}',
        b'{"v": "1"}',
        b'{"v": 1, "t": "now"}',
        b'{"v": 1, "t": -1}',
        b"\xff",
    ],
)
def test_a_malformed_payload_is_a_value_error(payload: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_payload(payload, "v")


@given(st.binary(max_size=60))
def test_no_payload_makes_the_parser_fail_otherwise_than_by_value_error(payload: bytes) -> None:
    with contextlib.suppress(ValueError):
        parse_payload(payload, "v")


@given(seed=st.integers(0, 1000), first_s=st.floats(0.01, 1.0), times=st.integers(1, 60))
def test_backoff_grows_and_stays_below_its_cap(seed: int, first_s: float, times: int) -> None:
    backoff = Backoff(first_s, 5.0, random.Random(seed))
    pauses = [backoff.next_s() for _ in range(times)]
    for step, pause in enumerate(pauses):
        nominal = min(5.0, first_s * 2**step)
        assert nominal / 2 <= pause <= nominal
    backoff.reset()
    assert backoff.next_s() <= first_s
