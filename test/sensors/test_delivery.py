"""From the network's thread to what is published: nothing lost within the bound, nothing twice, order kept."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workcell_sensors.delivery import AHEAD_MAX, MESSAGES_PER_PUMP, Delivery
from workcell_sensors.frame_codec import FrameCodec, decode, decode_layout, summary
from workcell_sensors.frame_queue import FrameQueue, Store
from workcell_sensors.journal import Journal
from workcell_sensors.losses import Loss
from workcell_sensors.pipeline import Pipeline
from workcell_sensors.reading import NS_PER_S, Frame, Scan
from workcell_sensors.tags import SourceRow, TagRow, TagTable

S = NS_PER_S
TABLE = TagTable(
    [TagRow("a", "plc", "a", "V", "V", stale_after_s=3600.0), TagRow("b", "plc", "b", "V", "V", stale_after_s=3600.0)],
    [SourceRow("plc", "modbus")],
)
CODEC = FrameCodec({"plc": ("a", "b")})


def frame(number: int) -> Frame:
    return Frame("plc", ("a",), np.array([float(number)]), None, number * S, number * S)


def numbers(queue: FrameQueue, count_max: int = 1000) -> list[int]:
    return [item.frame.stamp_ns // S for item in queue.take(count_max)]


class Journals:
    """Opens the same journal again and again, as a process that is killed and started does."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._journal: Journal | None = None

    def queue(self, frames_max: int = 1000, bytes_max: int = 1 << 20) -> FrameQueue:
        self.close()
        self._journal = Journal(self._path, bytes_max, CODEC.head)
        return FrameQueue(frames_max, Store(self._journal, CODEC))

    def close(self) -> None:
        if self._journal is not None:
            self._journal.close()


@pytest.fixture
def journals(tmp_path: Path) -> Iterator[Journals]:
    made = Journals(tmp_path / "j")
    yield made
    made.close()


def deliver(queue: FrameQueue, *consumers: str) -> Delivery:
    def fail(_: Frame, error: Exception) -> None:
        raise error

    return Delivery(queue, Pipeline(TABLE, 0), consumers, fail)


def pumped(delivery: Delivery, now_s: int = 0) -> list[int]:
    return [int(out.scan.values[0]) for out in delivery.pump(now_s * S)]


def test_a_full_queue_drops_the_oldest_and_says_what() -> None:
    queue = FrameQueue(3)
    for number in range(5):
        queue.put(frame(number))
    assert numbers(queue) == [2, 3, 4]
    assert queue.losses.by_source == {"plc": Loss(2, 2, 0, S)}
    assert numbers(queue) == []


def test_what_does_not_fit_the_memory_is_read_back_in_order(journals: Journals) -> None:
    queue = journals.queue(frames_max=3)
    came: list[int] = []
    for number in range(20):
        queue.put(frame(number))
        if number % 5 == 4:
            came += numbers(queue, 4)
    while more := numbers(queue, 4):
        came += more
    queue.put(frame(20))
    assert came + numbers(queue) == list(range(21))
    assert queue.losses.frames == 0


def test_a_start_gives_out_again_what_was_never_acknowledged(journals: Journals) -> None:
    queue = journals.queue()
    for number in range(4):
        queue.put(frame(number))
    taken = queue.take(2)
    queue.acknowledge(taken[-1].seq)
    queue.take()  # taken, but the process dies before it says so
    again = journals.queue()
    again.put(frame(9))
    assert numbers(again) == [2, 3]
    assert numbers(again) == [9]


def test_beyond_the_journal_s_bound_the_oldest_give_way_and_the_rest_comes_whole(journals: Journals) -> None:
    queue = journals.queue(frames_max=5, bytes_max=1 << 15)
    for number in range(1000):
        queue.put(frame(number))
    lost = queue.losses.by_source["plc"]
    assert lost == Loss(lost.frames, lost.frames, 0, (lost.frames - 1) * S)
    came: list[int] = []
    while more := numbers(queue):
        came += more
    assert came == list(range(lost.frames, 1000))


def test_frames_that_are_none_are_counted_and_stop_nothing(journals: Journals) -> None:
    queue = journals.queue()
    queue.put(Frame("plc", ("a", "b"), np.zeros(3), None, 0, 0))
    queue.put(Frame("plc", ("a",), np.zeros(1), np.zeros(2, dtype=np.uint8), 0, 0))
    queue.put(Frame("plc", ("nobody",), np.zeros(1), None, 0, 0))
    queue.put(Frame("nobody", ("a",), np.zeros(1), None, 0, 0))
    queue.put(frame(1))
    assert (queue.rejected, numbers(queue)) == (4, [1])


def test_a_poisoned_frame_is_told_and_the_next_comes_through() -> None:
    queue = FrameQueue(10)
    told: list[str] = []

    class Poisonable(Pipeline):
        def scans(self, frame: Frame, now_ns: int) -> Iterator[Scan]:
            if frame.values[0] == 13.0:
                raise RuntimeError("poison")
            return super().scans(frame, now_ns)

    delivery = Delivery(queue, Poisonable(TABLE, 0), (), lambda f, e: told.append(f"{f.source}: {e}"))
    for number in (12, 13, 14):
        queue.put(frame(number))
    assert pumped(delivery) == [12, 14]
    assert (told, delivery.poisoned) == (["plc: poison"], 1)


def test_a_backlog_comes_in_portions_that_listeners_can_hold() -> None:
    queue = FrameQueue(1000)
    for number in range(120):
        queue.put(frame(number))
    delivery = deliver(queue)
    portions = []
    while portion := pumped(delivery):
        portions.append(portion)
    assert [len(portion) for portion in portions] == [MESSAGES_PER_PUMP, MESSAGES_PER_PUMP, 20]
    assert [number for portion in portions for number in portion] == list(range(120))


def test_a_blocked_consumer_holds_delivery_back_and_loses_nothing(journals: Journals) -> None:
    queue = journals.queue(frames_max=5)
    delivery = deliver(queue, "historian")
    for number in range(200):
        queue.put(frame(number))
    came = list(delivery.pump(0))
    assert len(came) == AHEAD_MAX
    assert pumped(delivery) == []
    assert delivery.waits_for == ("historian",)
    assert not delivery.confirm("historian", "another epoch", came[-1].number)
    assert not delivery.confirm("stranger", queue.epoch, came[-1].number)
    while True:
        assert delivery.confirm("historian", queue.epoch, came[-1].number)
        more = list(delivery.pump(0))
        if not more:
            break
        came += more
    assert [int(out.scan.values[0]) for out in came] == list(range(200))
    assert journals.queue().take() == []


def test_after_a_kill_a_consumer_gets_what_it_has_not_confirmed_and_no_more(journals: Journals) -> None:
    queue = journals.queue()
    delivery = deliver(queue, "historian", "archive")
    for number in range(30):
        queue.put(frame(number))
    came = list(delivery.pump(0))
    delivery.confirm("archive", queue.epoch, came[19].number)
    delivery.confirm("historian", queue.epoch, came[9].number)
    again = journals.queue()
    delivery = deliver(again, "historian", "archive")
    # What they have stored they say again when the gateway is back, before it delivers.
    delivery.confirm("archive", again.epoch, came[24].number)
    delivery.confirm("historian", again.epoch, came[19].number)
    assert pumped(delivery) == list(range(20, 30))


def test_readings_that_are_not_worth_saying_are_done_with_too(journals: Journals) -> None:
    queue = journals.queue()
    delivery = deliver(queue, "historian")
    same = [Frame("plc", ("a",), np.ones(1), None, number, number) for number in range(1, 4)]
    for item in same:
        queue.put(item)
    (out,) = delivery.pump(0)
    delivery.confirm("historian", queue.epoch, out.number)
    assert journals.queue().take() == []


def test_one_topic_is_through_before_the_other_goes_on(journals: Journals) -> None:
    queue = journals.queue()
    delivery = deliver(queue, "historian")
    for number in (1, 2):
        queue.put(frame(number))
    queue.put(frame(5000))
    late = list(delivery.pump(5000 * S))
    # The two that waited more than an hour are past; that the tag is STALE now is another topic's message.
    assert [out.scan.historical for out in late] == [True]
    assert delivery.confirm("historian", queue.epoch, late[0].number)
    assert [out.scan.historical for out in delivery.pump(5000 * S)] == [False]


def test_a_frame_is_done_with_only_when_its_last_part_has_come(journals: Journals) -> None:
    queue = journals.queue()
    delivery = deliver(queue, "historian")
    stamps_ns = np.array([1, 2], dtype=np.int64) * S
    queue.put(Frame("plc", ("a", "b"), np.array([1.0, 2.0]), None, 2 * S, 2 * S, stamps_ns))
    first, second = delivery.pump(0)
    assert first.number < second.number
    delivery.confirm("historian", queue.epoch, first.number)
    queue = journals.queue()
    delivery = deliver(queue, "historian")
    assert len(list(delivery.pump(0))) == 2
    delivery.confirm("historian", queue.epoch, second.number)
    assert journals.queue().take() == []


@st.composite
def frames(draw: st.DrawFn) -> Frame:
    addresses = tuple(draw(st.permutations(["a", "b"]))[: draw(st.integers(0, 2))])
    size = len(addresses)
    floats = st.floats(allow_nan=True, width=64)
    values = np.array(draw(st.lists(floats, min_size=size, max_size=size)), dtype=np.float64)
    grades = draw(st.none() | st.lists(st.integers(0, 3), min_size=size, max_size=size))
    stamps = draw(st.none() | st.lists(st.integers(-(2**62), 2**62), min_size=size, max_size=size))
    return Frame(
        "plc",
        addresses,
        values,
        None if grades is None else np.array(grades, dtype=np.uint8),
        draw(st.integers(-(2**62), 2**62)),
        draw(st.integers(-(2**62), 2**62)),
        None if stamps is None else np.array(stamps, dtype=np.int64),
        draw(st.booleans()),
    )


@given(frames())
def test_frames_survive_the_journal_unchanged(given_frame: Frame) -> None:
    data = CODEC.encode(given_frame)
    again = decode(decode_layout(CODEC.head), data)
    for name in ("source", "addresses", "stamp_ns", "received_ns", "historical"):
        assert getattr(again, name) == getattr(given_frame, name)
    for name in ("values", "quality", "stamps_ns"):
        np.testing.assert_array_equal(getattr(again, name), getattr(given_frame, name))
    assert summary(data).values == len(given_frame.values)


@given(st.binary(max_size=200) | frames().map(CODEC.encode), st.integers(0, 200), st.binary(max_size=3))
def test_no_bytes_make_more_than_a_value_error(data: bytes, at: int, extra: bytes) -> None:
    garbled = data[:at] + extra + data[at + len(extra) :]
    for read in (lambda: decode({"plc": ("a", "b")}, garbled), lambda: decode_layout(garbled)):
        with contextlib.suppress(ValueError):
            read()
