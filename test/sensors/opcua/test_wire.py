"""The decoder against asyncua's encoder, an independent one, and against everything that is no OPC UA at all."""

from __future__ import annotations

import datetime as dt
import math
import time
import uuid
from typing import Any

import asyncua.ua
import numpy as np
import pytest
from asyncua.ua.ua_binary import struct_to_binary, variant_to_binary
from hypothesis import given, settings
from hypothesis import strategies as st

from workcell_sensors.sources.opcua_publish import (
    Notification,
    decode_publish,
    decode_read,
    decode_republish,
)
from workcell_sensors.sources.opcua_wire import DEPTH_MAX, Cursor, WireError, read_items, read_variant

ua: Any = asyncua.ua
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
KINDS = ua.VariantType
INTEGERS = {
    KINDS.SByte: (8, True),
    KINDS.Byte: (8, False),
    KINDS.Int16: (16, True),
    KINDS.UInt16: (16, False),
    KINDS.Int32: (32, True),
    KINDS.UInt32: (32, False),
    KINDS.Int64: (64, True),
    KINDS.UInt64: (64, False),
}
MOMENTS = st.datetimes(dt.datetime(1970, 1, 2), dt.datetime(2199, 1, 1)).map(lambda when: when.replace(tzinfo=dt.UTC))


def integers(kind: Any) -> st.SearchStrategy[Any]:
    bits, signed = INTEGERS[kind]
    low = -(2 ** (bits - 1)) if signed else 0
    return st.integers(low, low + 2**bits - 1).map(lambda number: ua.Variant(number, kind))


NUMBERS = st.one_of(
    st.sampled_from(sorted(INTEGERS)).flatmap(integers),
    st.booleans().map(lambda value: ua.Variant(value, KINDS.Boolean)),
    st.floats(width=32).map(lambda value: ua.Variant(value, KINDS.Float)),
    st.floats().map(lambda value: ua.Variant(value, KINDS.Double)),
)
TEXTS = st.text(max_size=20)
OTHERS = st.one_of(
    TEXTS.map(lambda text: ua.Variant(text, KINDS.String)),
    TEXTS.map(lambda text: ua.Variant(ua.LocalizedText(text, "en"), KINDS.LocalizedText)),
    st.binary(max_size=20).map(lambda data: ua.Variant(data, KINDS.ByteString)),
    st.lists(st.floats(), min_size=1, max_size=5).map(lambda values: ua.Variant(values, KINDS.Double)),
    st.lists(TEXTS, min_size=1, max_size=3).map(lambda values: ua.Variant(values, KINDS.String)),
    st.just(ua.Variant(uuid.UUID(int=7), KINDS.Guid)),
    st.just(ua.Variant(ua.NodeId("a", 3), KINDS.NodeId)),
    st.just(ua.Variant(ua.QualifiedName("a", 3), KINDS.QualifiedName)),
    st.just(ua.Variant(ua.Range(0.0, 1.0), KINDS.ExtensionObject)),
    st.just(ua.Variant(None, KINDS.Null)),
)
STATUSES = st.sampled_from([None, ua.StatusCodes.Good, ua.StatusCodes.BadSensorFailure, 0x40930480])


@st.composite
def data_values(draw: st.DrawFn, variants: st.SearchStrategy[Any]) -> Any:
    status = draw(STATUSES)
    return ua.DataValue(
        Value=draw(st.one_of(st.none(), variants)),
        StatusCode=None if status is None else ua.StatusCode(status),
        SourceTimestamp=draw(st.one_of(st.none(), MOMENTS)),
        ServerTimestamp=draw(st.one_of(st.none(), MOMENTS)),
        # No picoseconds: asyncua puts them in another order than part 6, see the test with bytes of its own below.
    )


def publish_response(values: list[Any], sequence_number: int = 5) -> bytes:
    change = ua.DataChangeNotification()
    change.MonitoredItems = [
        ua.MonitoredItemNotification(ClientHandle=at, Value=each) for at, each in enumerate(values)
    ]
    response = ua.PublishResponse()
    response.Parameters.SubscriptionId = 77
    response.Parameters.AvailableSequenceNumbers = [4, 5]
    response.Parameters.MoreNotifications = True
    response.Parameters.NotificationMessage.SequenceNumber = sequence_number
    response.Parameters.NotificationMessage.NotificationData = [change] if values else []
    return bytes(struct_to_binary(response))


def nanoseconds(moment: dt.datetime | None) -> int:
    return 0 if moment is None else (moment - EPOCH) // dt.timedelta(microseconds=1) * 1000


def same(found: float, said: float) -> bool:
    return found == said or (math.isnan(found) and math.isnan(said))


def check(values: list[Any]) -> None:
    publication = decode_publish(publish_response(values))
    assert (publication.subscription_id, publication.available, publication.more) == (77, (4, 5), True)
    assert publication.notification.sequence_number == 5
    (samples,) = publication.notification.changes
    assert samples.handles.tolist() == list(range(len(values)))
    for at, value in enumerate(values):
        assert samples.status[at] == (0 if value.StatusCode is None else value.StatusCode.value)
        assert samples.source_ns[at] == nanoseconds(value.SourceTimestamp)
        assert samples.server_ns[at] == nanoseconds(value.ServerTimestamp)
        variant = value.Value
        said = None if variant is None else variant.Value
        if isinstance(said, bool | int | float):
            assert same(float(samples.values[at]), float(said))
        elif isinstance(said, str):
            assert samples.others[at] == said
        elif isinstance(said, ua.LocalizedText):
            assert samples.others[at] == said.Text
        elif isinstance(said, list) and isinstance(said[0], float):
            np.testing.assert_array_equal(samples.others[at], np.array(said))
        else:
            assert math.isnan(samples.values[at])
            assert at not in samples.others


@settings(max_examples=60)
@given(st.lists(data_values(NUMBERS), min_size=1, max_size=12))
def test_numbers_of_every_type_come_as_they_were_sent(values: list[Any]) -> None:
    check(values)


@settings(max_examples=60)
@given(st.lists(data_values(st.one_of(NUMBERS, OTHERS)), min_size=1, max_size=12))
def test_whatever_stands_between_numbers_does_not_shift_them(values: list[Any]) -> None:
    check(values)


def test_picoseconds_stand_after_their_time_as_the_standard_says() -> None:
    ticks = (116_444_736_000_000_000 + 10).to_bytes(8, "little")
    later = (116_444_736_000_000_000 + 20).to_bytes(8, "little")
    item = (
        (3).to_bytes(4, "little") + bytes([0x3D, 11]) + np.float64(2.5).tobytes() + ticks + b"\7\0" + later + b"\x09\0"
    )
    other = (4).to_bytes(4, "little") + bytes([0x3D, 12]) + (1).to_bytes(4, "little") + b"x" + item[14:]
    samples = read_items(Cursor(item + other), 2)
    assert samples.handles.tolist() == [3, 4]
    assert (samples.source_ns.tolist(), samples.server_ns.tolist()) == ([1000, 1000], [2000, 2000])
    assert (samples.values[0], samples.others) == (2.5, {1: "x"})


def test_long_runs_of_one_shape_and_a_change_of_shape_are_told_apart() -> None:
    doubles = [ua.DataValue(ua.Variant(float(n), KINDS.Double), SourceTimestamp=EPOCH) for n in range(300)]
    integers = [ua.DataValue(ua.Variant(n, KINDS.Int32)) for n in range(200)]
    check([*doubles, *integers, *doubles[:1]])


@settings(max_examples=40)
@given(st.lists(data_values(st.one_of(NUMBERS, OTHERS)), max_size=6))
def test_a_read_response_is_numbered_from_nought(values: list[Any]) -> None:
    response = ua.ReadResponse()
    response.Results = values
    status, samples = decode_read(bytes(struct_to_binary(response)))
    assert status == 0
    assert samples.handles.tolist() == list(range(len(values)))
    numbers = [value.Value.Value if value.Value is not None else None for value in values]
    for at, number in enumerate(numbers):
        if isinstance(number, float | int):
            assert same(float(samples.values[at]), float(number))


def test_a_republished_message_and_the_end_of_a_subscription_are_understood() -> None:
    response = ua.RepublishResponse()
    response.NotificationMessage.SequenceNumber = 9
    ended = ua.StatusChangeNotification(Status=ua.StatusCode(ua.StatusCodes.BadTimeout))
    response.NotificationMessage.NotificationData = [ended]
    status, notification = decode_republish(bytes(struct_to_binary(response)))
    assert (status, notification.sequence_number) == (0, 9)
    assert notification.ended == ua.StatusCodes.BadTimeout
    assert not notification.is_keep_alive


def test_a_message_without_data_is_a_keep_alive() -> None:
    assert decode_publish(publish_response([])).notification.is_keep_alive
    assert Notification(1, 0).is_keep_alive


def test_a_service_fault_has_its_status_and_nothing_else() -> None:
    fault = ua.ServiceFault()
    fault.ResponseHeader.ServiceResult = ua.StatusCode(ua.StatusCodes.BadNoSubscription)
    data = bytes(struct_to_binary(fault))
    assert decode_publish(data).status == ua.StatusCodes.BadNoSubscription
    assert decode_read(data)[0] == ua.StatusCodes.BadNoSubscription


@settings(max_examples=300)
@given(st.binary(max_size=200))
def test_no_bytes_make_the_decoder_fail_otherwise_than_by_wire_error(data: bytes) -> None:
    for decode in (decode_publish, decode_republish, decode_read, lambda each: read_variant(Cursor(each))):
        try:
            decode(data)
        except WireError:
            continue


@settings(max_examples=200)
@given(
    values=st.lists(data_values(st.one_of(NUMBERS, OTHERS)), min_size=1, max_size=5),
    at=st.floats(0.0, 1.0, exclude_max=True),
    byte=st.integers(0, 255),
    cut=st.integers(0, 40),
)
def test_a_flipped_byte_or_a_torn_end_is_a_wire_error_or_a_value(
    values: list[Any], at: float, byte: int, cut: int
) -> None:
    data = bytearray(publish_response(values))
    data[int(at * len(data))] = byte
    try:
        decode_publish(bytes(data[: len(data) - cut]))
    except WireError:
        return


@pytest.mark.parametrize("count", [2**31 - 1, 10_000_000, 65_536])
def test_announced_sizes_are_not_believed(count: int) -> None:
    announced = count.to_bytes(4, "little")
    for encoding in (0x80 | 11, 12, 0x80 | 12, 15, 0x80 | 24):
        with pytest.raises(WireError, match=r"announced|nested"):
            read_variant(Cursor(bytes([encoding]) + announced + b"\0" * 64))


def test_nesting_is_bounded() -> None:
    nested = bytes([0x80 | 24, 1, 0, 0, 0]) * 500 + b"\x01\x01"
    with pytest.raises(WireError, match="nested deeper"):
        read_variant(Cursor(nested))
    inner = ua.Variant([ua.Variant(1.0, KINDS.Double)], KINDS.Variant)
    assert read_variant(Cursor(bytes(variant_to_binary(inner)))) is None
    assert DEPTH_MAX < 20


def test_a_huge_text_is_skipped_and_what_follows_is_read() -> None:
    values = [ua.DataValue(ua.Variant("x" * 1_000_000)), ua.DataValue(ua.Variant(4.0, KINDS.Double))]
    (samples,) = decode_publish(publish_response(values)).notification.changes
    assert samples.others == {}
    assert samples.values[1] == 4.0


def test_alike_items_cost_little_each() -> None:
    moment = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    values = [ua.DataValue(ua.Variant(float(n), KINDS.Double), SourceTimestamp=moment) for n in range(2000)]
    data = publish_response(values)
    began = time.process_time()
    for _ in range(20):
        decode_publish(data)
    decoded_s = time.process_time() - began
    began = time.process_time()
    ua.ua_binary.struct_from_binary(ua.PublishResponse, ua.utils.Buffer(data))
    assert decoded_s < time.process_time() - began
