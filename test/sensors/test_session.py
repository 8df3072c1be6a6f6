"""What all network sources share, shown on one whose server is a script: link, counts, times, and a bounded stop."""

from __future__ import annotations

import asyncio
import math
import queue
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from waiting import PATIENCE_S, until

from workcell_sensors.reading import Frame, Quality
from workcell_sensors.sources.assembly import stop_all
from workcell_sensors.sources.session import AsyncSource, LinkLost
from workcell_sensors.sources.source import Link, SourceSpec
from workcell_sensors.sources.worker import AsyncWorker
from workcell_sensors.tags import SourceRow, TagRow

NOW_NS = 1_000_000_000_000
TAGS = (TagRow("x", "plc", "coil:0", "bool", "bool"), TagRow("y", "plc", "coil:1", "bool", "bool"))
ADDRESSES = ("coil:0", "coil:1")


class Scripted(AsyncSource):
    """Runs a script as its session."""

    def __init__(self, worker: AsyncWorker, script: Callable[[Scripted], object], **row: object) -> None:
        self.frames: queue.Queue[Frame] = queue.Queue()
        self._script = script
        spec = SourceSpec(
            SourceRow("plc", "modbus", **row),  # type: ignore[arg-type]
            TAGS,
            "127.0.0.1",
            502,
            timeout_s=0.1,
            backoff_s_max=0.01,
        )
        super().__init__(spec, self.frames.put, lambda: NOW_NS, worker)

    async def session(self) -> None:
        result = self._script(self)
        if asyncio.iscoroutine(result):
            await result


@pytest.fixture
def worker() -> Iterator[AsyncWorker]:
    made = AsyncWorker("test-session")
    yield made
    made.stop()


async def forever(source: Scripted) -> None:
    source.up()
    await asyncio.Event().wait()


def delivered(worker: AsyncWorker, script: Callable[[Scripted], object], **row: object) -> tuple[Frame, Scripted]:
    async def session(source: Scripted) -> None:
        source.up()
        script(source)
        await asyncio.Event().wait()

    source = Scripted(worker, session, **row)
    source.start()
    frame = source.frames.get(timeout=PATIENCE_S)
    source.stop()
    return frame, source


def test_values_without_a_time_count_as_taken_now_and_tell_nothing_of_a_clock(worker: AsyncWorker) -> None:
    frame, source = delivered(worker, lambda s: s.deliver(ADDRESSES, [0.0, 1.0]))
    assert (frame.stamp_ns, frame.received_ns, frame.quality, frame.stamps_ns) == (NOW_NS, NOW_NS, None, None)
    status = source.status()
    assert math.isnan(status.clock_offset_s)
    assert (status.frames, status.values) == (1, 2)


def test_values_with_times_of_their_own_count_as_of_the_newest(worker: AsyncWorker) -> None:
    stamps_ns = np.array([NOW_NS - 5_000_000, NOW_NS - 2_000_000_000], dtype=np.int64)
    frame, source = delivered(
        worker, lambda s: s.deliver(ADDRESSES, np.zeros(2), [Quality.GOOD, Quality.BAD], stamps_ns=stamps_ns)
    )
    assert frame.stamp_ns == NOW_NS - 5_000_000
    assert frame.quality is not None
    assert frame.quality.tolist() == [0, 2]
    assert source.status().clock_offset_s == pytest.approx(-0.005)


def test_a_clock_known_to_be_wrong_is_reported_and_not_used(worker: AsyncWorker) -> None:
    frame, source = delivered(worker, lambda s: s.deliver(ADDRESSES, [0.0, 0.0], stamp_ns=17), device_time=False)
    assert frame.stamp_ns == NOW_NS
    assert source.status().clock_offset_s == pytest.approx(-1000.0)


def test_past_values_tell_nothing_of_the_clock(worker: AsyncWorker) -> None:
    frame, source = delivered(
        worker, lambda s: s.deliver(ADDRESSES, [0.0, 0.0], stamp_ns=NOW_NS - 10**12, historical=True)
    )
    assert frame.historical
    assert math.isnan(source.status().clock_offset_s)


def test_what_a_session_counts_and_was_granted_stands_in_the_status(worker: AsyncWorker) -> None:
    def script(source: Scripted) -> None:
        source.reject(3)
        source.lose(4)
        source.count("rebirths")
        source.count("rebirths", 2)
        source.grant(queue_size=10, publishing_interval_s=0.5)
        source.grant(queue_size=5)
        source.doubt("one node is gone")
        source.deliver(ADDRESSES, [0.0, 0.0])

    _, source = delivered(worker, script)
    status = source.status()
    assert (status.rejected, status.lost, status.counts) == (3, 4, {"rebirths": 3})
    assert status.granted == {"queue_size": 5, "publishing_interval_s": 0.5}
    assert (status.link, status.reason) == (Link.STOPPED, "")


def test_a_lost_link_is_told_with_place_and_reason_and_tried_again(worker: AsyncWorker) -> None:
    reasons = iter([LinkLost("the cable"), TimeoutError(), OSError("odd\n thing"), asyncio.CancelledError(), None])
    told = []

    def script(source: Scripted) -> object:
        told.append(source.status())
        reason = next(reasons, "end")
        if reason == "end":
            return forever(source)
        if reason is not None:
            source.up()
            raise reason  # type: ignore[misc]
        return None

    source = Scripted(worker, script)
    source.start()
    until(lambda: source.status().link is Link.CONNECTED and len(told) == 6, lambda: f"the sixth word; {told}")
    assert [status.reason.removeprefix("127.0.0.1:502: ") for status in told[1:]] == [
        "the cable",
        "no answer within 0.1 s",
        "OSError: odd thing",
        "the client was cancelled",
        "the server closed the connection",
    ]
    assert {status.link for status in told[1:]} == {Link.DOWN}
    assert source.status().reconnects == 4
    source.stop()


def test_clients_that_do_not_close_hold_up_nobody(worker: AsyncWorker) -> None:
    async def stubborn(source: Scripted) -> None:
        source.up()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.shield(asyncio.sleep(3600.0))

    sources = [Scripted(worker, stubborn) for _ in range(20)]
    for source in sources:
        source.start()
    until(lambda: all(source.status().link is Link.CONNECTED for source in sources), lambda: "every link")
    start = time.monotonic()
    stop_all(sources)
    # Three timeouts of 0.1 s, side by side; one after the other it would be 6 s.
    assert time.monotonic() - start < 5.0
    assert all("did not close within 0.3 s" in source.status().reason for source in sources)
    stop_all([])
