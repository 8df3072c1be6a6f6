"""Addresses are refused where they are none, and pauses between attempts stay within bounds."""

from __future__ import annotations

import contextlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workcell_sensors.sources.backoff import Backoff
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


@given(seed=st.integers(0, 1000), first_s=st.floats(0.01, 1.0), times=st.integers(1, 60))
def test_backoff_grows_and_stays_below_its_cap(seed: int, first_s: float, times: int) -> None:
    backoff = Backoff(first_s, 5.0, random.Random(seed))
    pauses = [backoff.next_s() for _ in range(times)]
    for step, pause in enumerate(pauses):
        nominal = min(5.0, first_s * 2**step)
        assert nominal / 2 <= pause <= nominal
    backoff.reset()
    assert backoff.next_s() <= first_s
