"""From the network's thread to what is published: nothing lost within the bound, nothing twice, order kept."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from workcell_sensors.delivery import AHEAD_MAX, MESSAGES_PER_PUMP, PATIENCE_NS, RESEND_NS, Delivery, Outgoing
from workcell_sensors.frame_codec import FrameCodec, decode, decode_layout, summary
from workcell_sensors.frame_queue import FrameQueue, Store
from workcell_sensors.journal import Journal
from workcell_sensors.losses import Loss
from workcell_sensors.pipeline import Pipeline
from workcell_sensors.reading import NS_PER_S, Frame, Quality, Scan
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


def left(queue: FrameQueue) -> list[int]:
    """Returns what the journal holds that nobody has acknowledged."""
    found: list[int] = []
    seq = queue.acknowledged
    while items := queue.reread(seq, 100):
        found += [item.frame.stamp_ns // S for item in items]
        seq = items[-1].seq
    return found


def numbered(delivery: Delivery, now_ns: int = 0) -> list[Outgoing]:
    """Returns what is for the consumers of what is published now."""
    found = [out for out in delivery.pump(now_ns) if out.number]
    assert all(out.scan.historical for out in found)
    return found


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


def test_a_start_finds_again_what_was_never_acknowledged(journals: Journals) -> None:
    queue = journals.queue()
    for number in range(4):
        queue.put(frame(number))
    taken = queue.take(2)
    queue.acknowledge(taken[-1].seq)
    queue.take()  # taken, but the process dies before it says so
    again = journals.queue()
    again.put(frame(9))
    assert numbers(again) == [9]
    assert left(again) == [2, 3, 9]


def test_what_gave_way_in_memory_follows_as_past_and_what_holds_now_does_not_wait(journals: Journals) -> None:
    queue = journals.queue(frames_max=3)
    delivery = deliver(queue)
    for number in range(20):
        queue.put(frame(number))
    came = list(delivery.pump(0))
    present = [int(out.scan.values[0]) for out in came if not out.scan.historical]
    past = [int(out.scan.values[0]) for out in came if out.scan.historical]
    assert (present, past) == ([17, 18, 19], list(range(17)))
    queue.put(frame(20))
    (out,) = delivery.pump(0)
    assert (out.scan.historical, delivery.is_behind) == (False, False)
    assert queue.losses.frames == 0
    assert left(journals.queue()) == []


def test_beyond_the_journal_s_bound_the_oldest_give_way_and_the_rest_comes_whole(journals: Journals) -> None:
    queue = journals.queue(frames_max=5, bytes_max=1 << 15)
    delivery = deliver(queue)
    for number in range(1000):
        queue.put(frame(number))
    lost = queue.losses.by_source["plc"]
    assert lost == Loss(lost.frames, lost.frames, 0, (lost.frames - 1) * S)
    came: list[int] = []
    while more := pumped(delivery):
        came += more
    assert sorted(came) == list(range(lost.frames, 1000))
    assert came[:5] == [995, 996, 997, 998, 999]


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
        def scans(self, frame: Frame, now_ns: int, past: bool = True) -> Iterator[Scan]:
            if frame.values[0] == 13.0:
                raise RuntimeError("poison")
            return super().scans(frame, now_ns, past)

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


def test_a_blocked_consumer_misses_nothing_and_holds_nobody_else_back(journals: Journals) -> None:
    queue = journals.queue(frames_max=5)
    delivery = deliver(queue, "historian")
    came: list[Outgoing] = []
    for number in range(200):
        queue.put(frame(number))
        present, *others = delivery.pump(0)
        assert (int(present.scan.values[0]), present.scan.historical) == (number, False), "control gets it at once"
        came += others
    assert len(came) == AHEAD_MAX
    assert numbered(delivery, 2 * PATIENCE_NS) == []
    assert delivery.waits_for == ("historian",)
    assert not delivery.confirm("historian", "another epoch", came[-1].number)
    assert not delivery.confirm("stranger", queue.epoch, came[-1].number)
    while delivery.is_behind:
        assert delivery.confirm("historian", queue.epoch, came[-1].number)
        came += numbered(delivery)
    assert [int(out.scan.values[0]) for out in came] == list(range(200))
    assert delivery.waits_for == ()
    assert left(journals.queue()) == []


def test_what_a_consumer_took_to_its_death_is_sent_again(journals: Journals) -> None:
    queue = journals.queue()
    delivery = deliver(queue, "historian")
    queue.put(frame(1))
    (first,) = numbered(delivery)
    assert numbered(delivery, 1) == numbered(delivery, RESEND_NS) == []
    (again,) = numbered(delivery, RESEND_NS + 2)
    assert (again.number, again.scan.values.tolist()) == (first.number, [1.0])


def test_after_a_kill_a_consumer_gets_what_it_has_not_stored_and_no_more(journals: Journals) -> None:
    queue = journals.queue()
    delivery = deliver(queue, "historian", "archive")
    for number in range(30):
        queue.put(frame(number))
    came = numbered(delivery)
    delivery.confirm("archive", queue.epoch, came[19].number)
    delivery.confirm("historian", queue.epoch, came[9].number)
    again = journals.queue()
    delivery = deliver(again, "historian", "archive")
    # What they have stored they say again when the gateway is back, before it delivers.
    delivery.confirm("archive", again.epoch, came[24].number)
    delivery.confirm("historian", again.epoch, came[19].number)
    assert [int(out.scan.values[0]) for out in numbered(delivery)] == list(range(20, 30))


class ConsumerMachine(RuleBasedStateMachine):
    """A gateway that is killed, a consumer that is blocked or killed, a memory that is too small: all come, once."""

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self._journals = Journals(Path(self._folder.name) / "j")
        self._sent = 0
        self._on_the_way: list[Outgoing] = []
        self._stored: list[int] = []
        self._stored_number = 0
        self._newest = -1
        self._now_ns = 0
        self._start()

    def _start(self) -> None:
        self._queue = self._journals.queue(frames_max=4)
        self._delivery = deliver(self._queue, "historian")
        if self._stored_number:
            self._delivery.confirm("historian", self._queue.epoch, self._stored_number)

    @rule(count=st.integers(1, 70))
    def come(self, count: int) -> None:
        for _ in range(count):
            self._now_ns += S
            item = frame(self._sent)
            self._queue.put(dataclasses.replace(item, stamp_ns=self._now_ns, received_ns=self._now_ns))
            self._sent += 1

    @rule(waited_s=st.sampled_from([0, 0, 1, 11, 7200]))
    def pump(self, waited_s: int) -> None:
        self._now_ns += waited_s * S
        for out in self._delivery.pump(self._now_ns):
            value = int(out.scan.values[0])
            if not out.scan.historical:
                assert value > self._newest, "what holds now is never older than what held before"
                self._newest = value
            if out.number:
                self._on_the_way.append(out)
        # What was sent again after long silence may be on the way twice.
        assert len({out.number for out in self._on_the_way}) <= 2 * AHEAD_MAX

    @rule(share=st.floats(0.0, 1.0))
    def store(self, share: float) -> None:
        count = round(share * len(self._on_the_way))
        for out in self._on_the_way[:count]:
            value = int(out.scan.values[0])
            # The consumer's rule: what is not newer than the last of its tag has come before.
            if out.scan.quality[0] < Quality.BAD and value > max(self._stored, default=-1):
                self._stored.append(value)
            self._stored_number = out.number
        del self._on_the_way[:count]

    @rule()
    def acknowledge(self) -> None:
        if self._stored_number:
            assert self._delivery.confirm("historian", self._queue.epoch, self._stored_number)

    @rule()
    def kill_the_consumer(self) -> None:
        self._on_the_way.clear()
        assert self._delivery.restarted("historian")

    @rule()
    def kill_the_gateway(self) -> None:
        self._on_the_way.clear()
        self._newest = -1
        self._start()

    @invariant()
    def nothing_is_left_out_or_comes_twice(self) -> None:
        assert self._stored == list(range(len(self._stored)))

    def teardown(self) -> None:
        for _ in range(100):
            self.pump(11)
            self.store(1.0)
            self.acknowledge()
        self.nothing_is_left_out_or_comes_twice()
        assert len(self._stored) == self._sent
        self._journals.close()
        self._folder.cleanup()


TestConsumer = ConsumerMachine.TestCase
TestConsumer.settings = settings(max_examples=40, stateful_step_count=25)


def test_frames_of_which_nothing_is_worth_publishing_are_done_with_too(journals: Journals) -> None:
    queue = journals.queue()
    delivery = deliver(queue)
    for number in range(1, 4):
        queue.put(Frame("plc", ("a",), np.ones(1), None, number, number))
    assert len(list(delivery.pump(0))) == 1
    assert left(journals.queue()) == []


def test_values_of_long_time_in_one_frame_are_one_message_for_those_who_keep_them(journals: Journals) -> None:
    queue = journals.queue()
    delivery = deliver(queue, "historian")
    for number in range(1, 81):
        stamps_ns = np.array([number, number + 0.5]) * S
        times = (round((number + 0.5) * S), 100 * S, stamps_ns.astype(np.int64))
        queue.put(Frame("plc", ("a", "b"), np.array([number, number], dtype=np.float64), None, *times))
    came = [out for _ in range(5) for out in numbered(delivery, 100 * S)]
    assert len(came) == AHEAD_MAX
    assert all(len(out.scan.tags) == 2 for out in came)
    delivery.confirm("historian", queue.epoch, came[-1].number)
    came += numbered(delivery, 100 * S)
    assert [int(out.scan.values[0]) for out in came] == list(range(1, 81))


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
        draw(st.booleans()),
    )


@given(frames())
def test_frames_survive_the_journal_unchanged(given_frame: Frame) -> None:
    data = CODEC.encode(given_frame)
    again = decode(decode_layout(CODEC.head), data)
    for name in ("source", "addresses", "stamp_ns", "received_ns", "historical", "made_here"):
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
