"""Addresses, byte orders, blocks and frames: every value survives, every limit holds, no bytes do harm."""

from __future__ import annotations

import contextlib
import itertools
import math
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workcell_sensors.sources.modbus_codec import (
    BIT_TABLES,
    ORDERS,
    REGISTER_TABLES,
    REGISTERS_MAX,
    TYPES,
    ModbusAddress,
    parse_address,
)
from workcell_sensors.sources.modbus_pacer import STRETCH_MAX, Pacer
from workcell_sensors.sources.modbus_pdu import (
    PDU_BYTES_MAX,
    Frame,
    FrameReader,
    ReadRequest,
    Refusal,
    decode_answer,
    encode_request,
)
from workcell_sensors.sources.modbus_plan import Block, Limits, plan

KINDS = st.sampled_from(sorted(TYPES))


def no_text(_address: str, text: str) -> float:
    raise AssertionError(f"{text!r} where no text was asked for")


def blocks_of(texts: list[str], limits: Limits = Limits()) -> tuple[Block, ...]:  # noqa: B008
    return plan([parse_address(text) for text in texts], texts, limits)


@given(kind=KINDS, order=st.sampled_from(ORDERS), value=st.floats(-1e12, 1e12))
def test_registers_hold_what_was_put_in(kind: str, order: str, value: float) -> None:
    address = ModbusAddress("holding", 0, kind, order)
    words = address.encode(value)
    assert len(words) == address.width
    assert all(0 <= word <= 0xFFFF for word in words)
    back = address.decode(words)
    if kind.startswith("float"):
        assert back == pytest.approx(value, rel=1e-6, abs=1e-30)
    else:
        bits = 16 * address.width
        low, high = (0, 2**bits - 1) if kind[0] == "u" else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
        assert back == float(min(max(round(value), low), high))


@pytest.mark.parametrize(
    ("order", "words"),
    [("ABCD", [0x0102, 0x0304]), ("CDAB", [0x0304, 0x0102]), ("BADC", [0x0201, 0x0403]), ("DCBA", [0x0403, 0x0201])],
)
def test_byte_orders_are_those_that_device_manuals_mean(order: str, words: list[int]) -> None:
    assert ModbusAddress("input", 0, "uint32", order).decode(words) == 0x01020304


def test_eight_byte_values_turn_the_same_way() -> None:
    value = 0x0102030405060708
    for order, words in {
        "ABCD": [0x0102, 0x0304, 0x0506, 0x0708],
        "CDAB": [0x0708, 0x0506, 0x0304, 0x0102],
        "BADC": [0x0201, 0x0403, 0x0605, 0x0807],
        "DCBA": [0x0807, 0x0605, 0x0403, 0x0201],
    }.items():
        assert ModbusAddress("input", 0, "uint64", order).decode(words) == float(value)


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        ("holding:0:string6", [0x4142, 0x4300, 0x5858], "ABC"),
        ("holding:0:string6:BADC", [0x4241, 0x2043, 0x2020], "ABC"),
        ("holding:0:string3", [0x4142, 0x43FF], "ABC"),
        ("holding:0:string4", [0xE441, 0x2020], "äA"),
        ("holding:0:string2", [0], ""),
    ],
)
def test_texts_end_at_nul_or_at_their_length(text: str, words: list[int], said: str) -> None:
    assert parse_address(text).decode_text(words) == said


@pytest.mark.parametrize(
    "text",
    [
        "",
        "input",
        "input:x:int16",
        "input:70000:int16",
        "input:1",
        "input:1:int16:ABBA",
        "coil:1:int16",
        "input:1:bit16",
        "input:1:bit3:CDAB",
        "input:1:string0",
        "input:1:string251",
        "input:1:string4:CDAB",
        "input:1:int16:ABCD:x",
        "256/input:1:int16",
        "/input:1:int16",
        "-1/input:1:int16",
        "input:65535:int32",
        "input:²:int16",
        "coil:99999999999999999999",
    ],
)
def test_a_bad_address_is_refused_with_what_is_valid(text: str) -> None:
    with pytest.raises(ValueError, match="valid:"):
        parse_address(text)


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        parse_address(text)


ADDRESSES = st.one_of(
    st.builds(
        "{}:{}:{}:{}".format,
        st.sampled_from(REGISTER_TABLES),
        st.integers(0, 400),
        KINDS,
        st.sampled_from(ORDERS),
    ),
    st.builds("{}:{}:bit{}".format, st.sampled_from(REGISTER_TABLES), st.integers(0, 400), st.integers(0, 15)),
    st.builds("{}:{}".format, st.sampled_from(BIT_TABLES), st.integers(0, 4000)),
)


@given(
    st.lists(ADDRESSES, min_size=1, max_size=40, unique=True),
    st.builds(Limits, st.integers(4, 125), st.integers(1, 2000), st.integers(0, 50)),
    st.integers(0, 1000),
)
def test_every_address_gets_its_own_value_out_of_blocks_within_the_limits(texts, limits, seed) -> None:
    rng = np.random.default_rng(seed)
    memory = {table: rng.integers(0, 1 << 16, 1000).tolist() for table in REGISTER_TABLES}
    bits = {table: rng.integers(0, 2, 4100).tolist() for table in BIT_TABLES}
    seen: dict[str, float] = {}
    for block in blocks_of(texts, limits):
        assert 1 <= block.count <= limits.of(block.table)
        if block.table in BIT_TABLES:
            data = np.packbits(bits[block.table][block.offset : block.end], bitorder="little").tobytes()
        else:
            data = np.array(memory[block.table][block.offset : block.end], dtype=">u2").tobytes()
        values = block.values(data, no_text)
        seen.update(zip([text for text, _ in block.addresses], values.tolist(), strict=True))
    assert set(seen) == set(texts)
    for text in texts:
        place = parse_address(text)
        if place.table in BIT_TABLES:
            expected = float(bits[place.table][place.offset])
        else:
            expected = place.decode(memory[place.table][place.offset : place.end])
        assert seen[text] == expected or (math.isnan(seen[text]) and math.isnan(expected))


@given(st.lists(ADDRESSES, min_size=1, max_size=40, unique=True))
def test_no_two_neighbours_could_have_been_one_request(texts: list[str]) -> None:
    limits = Limits()
    for first, second in itertools.pairwise(blocks_of(texts, limits)):
        if first.table == second.table:
            far = second.offset - first.end > limits.gap
            too_long = max(first.end, second.addresses[0][1].end) - first.offset > limits.of(first.table)
            assert far or too_long


def test_texts_come_out_of_blocks_as_the_tag_table_reads_them() -> None:
    (block,) = blocks_of(["holding:0:string4", "holding:2:uint16"])
    states = {"holding:0:string4": {"RUN": 1.0}}
    values = block.values(b"RUN\0\0\x07", lambda address, text: states[address].get(text, math.nan))
    assert values.tolist() == [1.0, 7.0]


def test_halving_a_block_ends_at_single_addresses_in_the_same_order() -> None:
    (block,) = blocks_of([f"holding:{n}:int16" for n in range(9)])
    parts = [block]
    while any(len(part.addresses) > 1 for part in parts):
        parts = [half for part in parts for half in (part.halves() or (part,))]
    assert [text for part in parts for text, _ in part.addresses] == [text for text, _ in block.addresses]
    assert all(part.count == 1 and part.halves() == () for part in parts)


def test_a_request_is_the_one_of_the_specification() -> None:
    # MODBUS Application Protocol 1.1b3, 6.3, read holding registers 108 to 110 of unit 17.
    assert encode_request(0x1501, ReadRequest(0x11, "holding", 0x6B, 3)).hex() == "15010000000611" + "03006b0003"


def test_answers_are_checked_against_what_was_asked() -> None:
    request = ReadRequest(1, "holding", 0, 2)
    assert decode_answer(request, Frame(7, 1, b"\x03\x04\0\1\0\2")) == b"\0\1\0\2"
    assert decode_answer(request, Frame(7, 1, b"\x83\x02")) == Refusal(2)
    for unit, pdu in ((2, b"\x03\x04\0\1\0\2"), (1, b"\x04\x04\0\1\0\2"), (1, b"\x03\x02\0\1"), (1, b"\x03\x04\0\1")):
        with pytest.raises(ValueError, match="answer"):
            decode_answer(request, Frame(7, unit, pdu))


def test_a_refusal_names_its_code() -> None:
    assert str(Refusal(6)) == "exception 6 (server device busy)"
    assert str(Refusal(99)) == "exception 99"


@given(
    st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 255), st.binary(min_size=1, max_size=PDU_BYTES_MAX))),
    st.randoms(use_true_random=False),
)
def test_frames_come_whole_out_of_any_pieces(frames, rng) -> None:
    stream = b"".join(struct.pack(">HHHB", number, 0, len(pdu) + 1, unit) + pdu for number, unit, pdu in frames)
    reader = FrameReader()
    found = []
    while stream:
        size = rng.randint(1, 40)
        found += reader.feed(stream[:size])
        stream = stream[size:]
    assert found == [Frame(*frame) for frame in frames]


@given(st.lists(st.binary(max_size=600), max_size=8))
def test_any_bytes_are_frames_or_refused_and_are_not_kept(pieces: list[bytes]) -> None:
    reader = FrameReader()
    with contextlib.suppress(ValueError):
        for piece in pieces:
            for frame in reader.feed(piece):
                for request in (ReadRequest(1, "coil", 0, 9), ReadRequest(1, "input", 0, 4)):
                    with contextlib.suppress(ValueError):
                        decode_answer(request, frame)
            assert len(reader._buffer) <= 7 + PDU_BYTES_MAX


def test_a_slow_unit_rests_as_long_as_it_worked() -> None:
    pacer = Pacer(load_max=0.5)
    now_s = due_s = worked_s = 0.0
    for _ in range(100):
        now_s = max(now_s, pacer.next_s(0.1, due_s))
        due_s = max(due_s + 0.1, now_s)
        pacer.scanned(now_s, now_s + 0.3)
        worked_s += 0.3
        now_s += 0.3
    assert worked_s / now_s <= 0.51


def test_a_busy_unit_is_asked_less_often_and_then_again_as_wished() -> None:
    pacer = Pacer(load_max=1.0)
    for _ in range(20):
        pacer.hindered(0.0)
    assert pacer.stretch == STRETCH_MAX
    scans = 0
    while pacer.stretch > 1.0:
        pacer.scanned(0.0, 0.0)
        scans += 1
    assert scans <= 40
    assert pacer.next_s(period_s=0.1, due_s=5.0) == 5.0


def test_no_request_reads_more_than_the_protocol_allows() -> None:
    texts = [f"holding:{n}:int16" for n in range(1000)] + [f"coil:{n}" for n in range(5000)]
    blocks = blocks_of(texts)
    assert [block.count for block in blocks if block.table == "holding"] == [REGISTERS_MAX] * 8
    assert [block.count for block in blocks if block.table == "coil"] == [2000, 2000, 1000]
