"""What every source promises, proved over each protocol with a real server on a free loopback port."""

from __future__ import annotations

import itertools
import math
import queue
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from source_harness import Lie, SourceHarness, make_harness
from waiting import until as wait_until

from workcell_sensors.reading import Frame, Quality
from workcell_sensors.sources.memory import MemorySource
from workcell_sensors.sources.registry import PROTOCOLS, make_source
from workcell_sensors.sources.source import Link, SourceSpec
from workcell_sensors.sources.worker import AsyncWorker
from workcell_sensors.tags import SourceRow, TagRow

SERVERLESS = ("replay",)
"""A recording can be neither killed nor stalled; test/sensors/replay holds it to the rest."""
STALL_S = 0.4
TIMEOUT_S = 0.8


class Rig:
    """A source on a harness' server, and what it has delivered."""

    def __init__(self, harness: SourceHarness, extra: tuple[TagRow, ...] = ()) -> None:
        self.harness = harness
        self.frames: queue.Queue[Frame] = queue.Queue()
        self._worker = AsyncWorker("test-network")
        spec = SourceSpec(
            harness.row,
            harness.tags + extra,
            harness.host,
            harness.port,
            timeout_s=TIMEOUT_S,
            stall_s=STALL_S,
            backoff_s_max=0.3,
            credentials=harness.credentials,
        )
        self.source = make_source(spec, self.frames.put, time.time_ns, self._worker)

    @property
    def addresses(self) -> tuple[str, ...]:
        return tuple(tag.address for tag in self.harness.tags)

    def show(self, value: float) -> None:
        self.harness.show([value] * len(self.harness.tags), time.time_ns())

    def drain(self) -> Iterator[Frame]:
        """Yields the frames that have come, each checked for what holds of all of them."""
        while not self.frames.empty():
            frame = self.frames.get_nowait()
            size = len(frame.addresses)
            assert frame.source == self.harness.row.name
            assert len(set(frame.addresses)) == size == len(frame.values)
            assert frame.quality is None or len(frame.quality) == size
            assert frame.stamps_ns is None or len(frame.stamps_ns) == size
            graded = np.zeros(size, np.uint8) if frame.quality is None else frame.quality
            assert np.isfinite(frame.values[graded < Quality.BAD]).all(), "a number that is none is never GOOD"
            yield frame

    def latest(self) -> dict[str, tuple[float, Quality, int]]:
        """Returns (value, quality, stamp) per address of what has come since the last call."""
        found: dict[str, tuple[float, Quality, int]] = {}
        for frame in self.drain():
            graded = [Quality.GOOD] * len(frame.values) if frame.quality is None else map(Quality, frame.quality)
            stamps = [frame.stamp_ns] * len(frame.values) if frame.stamps_ns is None else frame.stamps_ns.tolist()
            found |= dict(zip(frame.addresses, zip(frame.values.tolist(), graded, stamps, strict=True), strict=True))
        return found

    def close(self) -> None:
        self.source.stop()
        self._worker.stop()


@pytest.fixture(scope="module", params=[name for name in sorted(PROTOCOLS) if name not in SERVERLESS])
def served(request: pytest.FixtureRequest) -> Iterator[SourceHarness]:
    made = make_harness(str(request.param))
    made.start()
    yield made
    made.close()


@pytest.fixture
def harness(served: SourceHarness) -> SourceHarness:
    if not served.is_up:
        # A test that failed half way must not fail those after it.
        served.close()
        served.start()
    return served


@pytest.fixture
def rig(harness: SourceHarness) -> Iterator[Rig]:
    made = Rig(harness)
    yield made
    harness.unstall()
    made.close()


def until(condition: Callable[[], bool], rig: Rig, what: str, *, showing: bool = True) -> None:
    """Waits for a condition while the devices keep showing new values."""
    values = itertools.cycle(range(1, 50))

    def show() -> None:
        if showing:
            rig.show(float(next(values)))

    wait_until(condition, lambda: f"{what}; {rig.source.status()}", show)


def fresh(rig: Rig, addresses: tuple[str, ...] = ()) -> Callable[[], bool]:
    """Returns a condition: of each address a good value that was taken after now has come."""
    since_ns = time.time_ns()
    waiting = set(addresses or rig.addresses)

    def came() -> bool:
        for address, (_, quality, stamp_ns) in rig.latest().items():
            if quality is Quality.GOOD and stamp_ns > since_ns:
                waiting.discard(address)
        return not waiting

    return came


def link(rig: Rig, wanted: Link) -> Callable[[], bool]:
    return lambda: rig.source.status().link is wanted


def test_a_source_lives_through_kill_restart_and_stall(rig: Rig) -> None:
    harness, source = rig.harness, rig.source
    assert source.status().link is Link.STOPPED
    source.start()
    until(fresh(rig), rig, "the first good values")
    assert source.status().link is Link.CONNECTED
    assert source.status().reconnects == 0

    harness.kill()
    until(link(rig, Link.DOWN), rig, "the loss of a killed server", showing=False)
    assert f"{harness.host}:{harness.port}" in source.status().reason
    harness.restart()
    until(fresh(rig), rig, "good values after the restart")
    assert source.status().reconnects >= 1

    harness.stall()
    until(link(rig, Link.DOWN), rig, "the loss of a stalled server")
    harness.unstall()
    until(fresh(rig), rig, "good values after the stall")
    assert source.status().link is Link.CONNECTED
    assert source.status().reason == ""
    assert source.status().reconnects >= 2

    source.stop()
    status = source.status()
    assert (status.link, status.reason) == (Link.STOPPED, "")
    assert status.frames > 0
    assert status.values >= status.frames


def test_values_come_under_their_address_with_the_time_of_the_device(rig: Rig) -> None:
    rig.source.start()
    until(fresh(rig), rig, "the first good values")
    numbers = [tag for tag in rig.harness.tags if tag.unit != "bool"]
    seen: dict[str, float] = {}

    def all_show_seven() -> bool:
        for address, (value, _, stamp_ns) in rig.latest().items():
            assert abs(time.time_ns() - stamp_ns) < 5e9
            seen[address] = value
        rig.show(7.0)
        return all(seen.get(tag.address) == 7.0 for tag in numbers)

    until(all_show_seven, rig, "7 on every tag", showing=False)
    offset_s = rig.source.status().clock_offset_s
    assert math.isnan(offset_s) is not rig.harness.facts.has_source_time
    assert math.isnan(offset_s) or abs(offset_s) < 1.0


def test_what_the_server_does_not_have_is_bad_and_spoils_nothing_else(harness: SourceHarness) -> None:
    ghost = TagRow("ghost", harness.row.name, harness.missing, "V", "V", period_s=harness.tags[0].period_s)
    rig = Rig(harness, (ghost,))
    qualities: dict[str, Quality] = {}

    def told() -> bool:
        qualities.update({address: quality for address, (_, quality, _) in rig.latest().items()})
        others = {a: q for a, q in qualities.items() if a != harness.missing}
        missing_is_told = not harness.facts.tells_missing or harness.missing in qualities
        return len(others) == len(harness.tags) and set(others.values()) == {Quality.GOOD} and missing_is_told

    try:
        rig.source.start()
        until(told, rig, "good values beside the missing one")
        assert qualities.get(harness.missing) is (Quality.BAD if harness.facts.tells_missing else None)
        assert not harness.facts.tells_missing or rig.source.status().rejected > 0
    finally:
        rig.close()


def test_a_value_the_device_lacks_is_bad(rig: Rig) -> None:
    if not rig.harness.facts.says_no_value:
        pytest.skip("the protocol cannot say that there is no value")
    rig.source.start()
    until(fresh(rig), rig, "the first good values")

    def bad_came() -> bool:
        rig.show(math.nan)
        return any(quality is Quality.BAD for _, quality, _ in rig.latest().values())

    until(bad_came, rig, "a bad value", showing=False)
    until(fresh(rig), rig, "good values after it")


def test_a_burst_arrives_whole_and_in_order(rig: Rig) -> None:
    if not rig.harness.facts.keeps_bursts:
        pytest.skip("the protocol tells what is there now, not what was")
    rig.source.start()
    until(fresh(rig), rig, "the first good values")
    start_ns = time.time_ns()
    # Whole milliseconds: not every protocol's time is finer.
    stamps = [(start_ns // 1_000_000 + step) * 1_000_000 for step in range(1, 7)]
    for step, stamp_ns in enumerate(stamps):
        rig.harness.show([100.0 + step] * len(rig.addresses), stamp_ns)
    numbers = {tag.address for tag in rig.harness.tags if tag.unit != "bool"}
    wanted = [100.0 + step for step in range(len(stamps))]
    live: dict[str, list[float]] = {address: [] for address in numbers}
    past: dict[str, list[float]] = {address: [] for address in numbers}

    def complete() -> bool:
        for frame in rig.drain():
            # What a device held back meanwhile, say for a birth that was asked for, comes later and is told to be past.
            came = past if frame.historical else live
            for address, value in zip(frame.addresses, frame.values.tolist(), strict=True):
                # An unchanged value may be confirmed; what may not happen is one left out or out of order.
                if address in numbers and value >= 100.0 and came[address][-1:] != [value]:
                    came[address].append(value)
        return all({*live[address], *past[address]} >= set(wanted) for address in numbers)

    until(complete, rig, "all of the burst", showing=False)
    for address in numbers:
        assert live[address] == sorted(live[address])
        assert sorted(live[address] + past[address]) == wanted


def test_a_source_waits_for_a_server_that_is_not_there_yet(harness: SourceHarness) -> None:
    rig = Rig(harness)
    harness.kill()
    try:
        rig.source.start()
        until(link(rig, Link.DOWN), rig, "the word that nobody is there", showing=False)
        assert f"{harness.host}:{harness.port}" in rig.source.status().reason
    finally:
        harness.restart()
    try:
        until(fresh(rig), rig, "the first good values")
        assert rig.source.status().reconnects == 0
    finally:
        rig.close()


def test_another_address_space_after_a_restart_gives_right_values_or_none(rig: Rig) -> None:
    rig.source.start()
    until(fresh(rig), rig, "the first good values")
    gone, *kept = rig.harness.tags
    rig.harness.reshape()
    try:
        until(fresh(rig, tuple(tag.address for tag in kept)), rig, "good values of what is still there")
        rig.latest()
        values = [500.0 + number for number in range(len(rig.harness.tags))]
        expected = {
            tag.address: value
            for tag, value in zip(rig.harness.tags[1:], values[1:], strict=True)
            if tag.unit != "bool"
        }
        seen: dict[str, tuple[float, Quality, int]] = {}

        def shown() -> bool:
            rig.harness.show(values, time.time_ns())
            seen.update(rig.latest())
            return all(seen.get(address, (math.nan,))[0] == value for address, value in expected.items())

        until(shown, rig, "the right value under each address", showing=False)
        # What is gone is BAD, or silent and so STALE before long; a number of another tag must not stand in for it.
        value, quality, _ = seen.get(gone.address, (math.nan, Quality.BAD, 0))
        assert quality is Quality.BAD or value not in values[1:]
    finally:
        rig.source.stop()
        rig.harness.close()
        rig.harness.start()


@pytest.mark.parametrize("lie", Lie, ids=lambda lie: lie.name.lower())
def test_a_lie_is_counted_and_the_truth_comes_through_again(rig: Rig, lie: Lie) -> None:
    source = rig.source
    source.start()
    until(fresh(rig), rig, "the first good values")
    before = source.status()
    if not rig.harness.lie(lie):
        pytest.skip(f"the protocol has no way to say {lie.value}")

    def noticed() -> bool:
        for _, quality, _ in rig.latest().values():
            if quality is not Quality.GOOD:
                return True
        now = source.status()
        return (now.rejected, now.lost, now.reconnects, now.counts, now.link) != (
            before.rejected,
            before.lost,
            before.reconnects,
            before.counts,
            before.link,
        )

    if lie is not Lie.OLD_TIME:
        # Old values are the pipeline's to leave out, not the source's.
        until(noticed, rig, f"a count of {lie.value}", showing=False)
    until(fresh(rig), rig, f"good values after {lie.value}")
    assert source.status().link is Link.CONNECTED


def test_stopping_leaves_no_thread_even_while_the_server_hangs(harness: SourceHarness) -> None:
    before = set(threading.enumerate())
    rig = Rig(harness)
    rig.source.start()
    until(fresh(rig), rig, "the first good values")
    harness.stall()
    try:
        rig.close()
    finally:
        harness.unstall()
    assert set(threading.enumerate()) <= before
    rig.close()  # again is harmless


def test_a_source_can_be_started_again_but_not_twice(rig: Rig) -> None:
    rig.source.start()
    with pytest.raises(RuntimeError, match="already started"):
        rig.source.start()
    until(fresh(rig), rig, "the first good values")
    rig.source.stop()
    rig.source.start()
    until(fresh(rig), rig, "good values after the second start")
    assert rig.source.status().reconnects == 0


def test_a_memory_source_lives_through_silence() -> None:
    frames: list[Frame] = []
    now_ns = 0
    tags = (TagRow("x", "plc", "input:0:int16", "V", "V"),)
    spec = SourceSpec(SourceRow("plc", "modbus"), tags, "", 0, stall_s=STALL_S)
    source = MemorySource(spec, frames.append, lambda: now_ns)

    def push() -> None:
        source.push(Frame("plc", ("input:0:int16",), np.zeros(1), None, now_ns, now_ns))

    push()
    assert frames == [], "a source that is not started passes nothing on"
    source.start()
    push()
    assert source.status().link is Link.CONNECTED
    now_ns += round(2e9 * STALL_S)
    assert source.status().link is Link.DOWN
    assert "stalled" in source.status().reason
    push()
    status = source.status()
    assert (status.link, status.reconnects, status.frames) == (Link.CONNECTED, 1, 2)
    source.stop()
    push()
    assert len(frames) == 2
