"""What every source promises, proved over each protocol with a real server on a free loopback port."""

from __future__ import annotations

import itertools
import math
import queue
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest

from workcell_ros.errors import PortError
from workcell_sensors.reading import Frame, Quality
from workcell_sensors.sources.memory import MemorySource
from workcell_sensors.sources.registry import PROTOCOLS, make_source
from workcell_sensors.sources.source import Link, Source, SourceSpec
from workcell_sensors.sources.worker import AsyncWorker
from workcell_sensors.tags import SourceRow, TagRow, load_tags
from workcell_sim.plant.servers.registry import make_server
from workcell_sim.plant.servers.server import FieldServer, Update, free_port

TABLE = load_tags(Path(__file__).parents[2] / "config" / "tags.yaml")
STALL_S = 0.4
PATIENCE_S = 15.0
_MISSING = {"mqtt": "no/such/topic", "opcua": "ns=2;s=no.such.node", "modbus": "input:900:int16"}


class Rig(Protocol):
    """A server with a source on it, as a test sees them."""

    source: Source
    frames: queue.Queue[Frame]

    def show(self, value: float) -> None:
        """Puts a value on all tags of the server."""

    def kill(self) -> None:
        """Takes the server away without a goodbye."""

    def restart(self) -> None:
        """Brings it back on the same port."""

    def stall(self) -> None:
        """Makes the server hang."""

    def unstall(self) -> None:
        """Lets it go on."""


class NetworkRig:
    """A real server and the source of its protocol."""

    def __init__(self, server: FieldServer, extra: tuple[TagRow, ...] = ()) -> None:
        self.server = server
        self.frames: queue.Queue[Frame] = queue.Queue()
        self._worker = AsyncWorker("test-network")
        spec = SourceSpec(
            server.row, server.tags + extra, server.host, server.port, timeout_s=0.8, stall_s=STALL_S, backoff_s_max=0.3
        )
        self.source: Source = make_source(spec, self.frames.put, time.time_ns, self._worker)

    def show(self, value: float) -> None:
        addresses = tuple(tag.address for tag in self.server.tags)
        values = tuple(float(value > 1.5) if tag.unit == "bool" else value for tag in self.server.tags)
        self.server.write(Update(addresses, values, time.time_ns()))

    def kill(self) -> None:
        self.server.kill()

    def restart(self) -> None:
        self.server.restart()

    def stall(self) -> None:
        self.server.stall(60.0)

    def unstall(self) -> None:
        self.server.unstall()

    def close(self) -> None:
        self.source.stop()
        self._worker.stop()


class MemoryRig:
    """A source without a network; silence is all that it can suffer."""

    def __init__(self) -> None:
        self.frames: queue.Queue[Frame] = queue.Queue()
        self._alive = True
        self.row = SourceRow("plc", "modbus")
        self.tags = (TagRow("x", "plc", "input:0:int16", "V", "V"), TagRow("y", "plc", "input:1:int16", "V", "V"))
        self._memory = MemorySource(
            SourceSpec(self.row, self.tags, "", 0, stall_s=STALL_S), self.frames.put, time.time_ns
        )
        self.source: Source = self._memory

    def show(self, value: float) -> None:
        if self._alive:
            addresses = tuple(tag.address for tag in self.tags)
            now_ns = time.time_ns()
            self._memory.push(Frame("plc", addresses, np.full(2, value), None, now_ns, now_ns))

    def kill(self) -> None:
        self._alive = False

    def restart(self) -> None:
        self._alive = True

    stall = kill
    unstall = restart

    def close(self) -> None:
        self.source.stop()


@pytest.fixture(scope="module", params=sorted(PROTOCOLS))
def server(request: pytest.FixtureRequest) -> Iterator[FieldServer]:
    name = str(request.param)
    # A few tags are enough; the whole table is the bring-up tests' business.
    tags = TABLE.of_source(name)[:3]
    field = make_server(TABLE.sources[name], tags, "127.0.0.1")
    field.start()
    yield field
    if field.running:
        field.stop()


@pytest.fixture
def network(server: FieldServer) -> Iterator[NetworkRig]:
    rig = NetworkRig(server)
    yield rig
    rig.unstall()
    rig.close()


@pytest.fixture
def memory() -> Iterator[MemoryRig]:
    rig = MemoryRig()
    yield rig
    rig.close()


def until(condition: Callable[[], bool], rig: Rig | None = None, what: str = "") -> None:
    """Waits for a condition while the devices keep showing new values."""
    deadline = time.monotonic() + PATIENCE_S
    tick = threading.Event()
    for value in itertools.cycle(range(1, 50)):
        if condition():
            return
        assert time.monotonic() < deadline, f"{what or 'condition'} did not come; {rig and rig.source.status()}"
        if rig is not None:
            rig.show(float(value))
        tick.wait(0.02)


def fresh(rig: Rig) -> Callable[[], bool]:
    """Returns a condition: a good frame that was taken after now has come."""
    since_ns = time.time_ns()

    def came() -> bool:
        while not rig.frames.empty():
            frame = rig.frames.get_nowait()
            if frame.stamp_ns > since_ns and (frame.quality is None or not frame.quality.any()):
                return True
        return False

    return came


def link(rig: Rig, wanted: Link) -> Callable[[], bool]:
    return lambda: rig.source.status().link is wanted


def lives_through_everything(rig: Rig) -> None:
    assert rig.source.status().link is Link.STOPPED
    rig.source.start()
    until(fresh(rig), rig, "the first good frame")
    assert rig.source.status().link is Link.CONNECTED
    assert rig.source.status().reconnects == 0

    rig.kill()
    until(link(rig, Link.DOWN), None, "the loss of a killed server")
    assert rig.source.status().reason
    rig.restart()
    until(fresh(rig), rig, "a good frame after the restart")
    assert rig.source.status().reconnects >= 1

    rig.stall()
    until(link(rig, Link.DOWN), rig, "the loss of a stalled server")
    rig.unstall()
    until(fresh(rig), rig, "a good frame after the stall")
    assert rig.source.status().link is Link.CONNECTED
    assert rig.source.status().reason == ""
    assert rig.source.status().reconnects >= 2

    rig.source.stop()
    status = rig.source.status()
    assert (status.link, status.reason) == (Link.STOPPED, "")
    assert status.frames > 0


def test_a_network_source_lives_through_kill_restart_and_stall(network: NetworkRig) -> None:
    lives_through_everything(network)


def test_a_memory_source_lives_through_silence(memory: MemoryRig) -> None:
    lives_through_everything(memory)
    frames = memory.frames.qsize()
    memory.show(1.0)
    assert memory.frames.qsize() == frames, "a stopped source passes nothing on"


def test_values_come_under_their_address_with_the_time_of_the_device(network: NetworkRig) -> None:
    network.source.start()
    until(fresh(network), network)
    numbers = [tag for tag in network.server.tags if tag.unit != "bool"]
    seen: dict[str, float] = {}

    def all_show_seven() -> bool:
        while not network.frames.empty():
            frame = network.frames.get_nowait()
            assert frame.source == network.server.name
            assert abs(frame.received_ns - frame.stamp_ns) < 5e9
            seen.update(zip(frame.addresses, frame.values.tolist(), strict=True))
        network.show(7.0)
        return all(seen.get(tag.address) == 7.0 for tag in numbers)

    until(all_show_seven, None, "7 on every tag")


def test_what_the_server_does_not_have_is_bad_and_spoils_nothing_else(server: FieldServer) -> None:
    address = _MISSING[server.row.protocol]
    ghost = TagRow("ghost", server.name, address, "V", "V", period_s=server.tags[0].period_s)
    rig = NetworkRig(server, (ghost,))
    qualities: dict[str, Quality] = {}

    def told() -> bool:
        while not rig.frames.empty():
            frame = rig.frames.get_nowait()
            grades = np.zeros(len(frame.values), dtype=np.uint8) if frame.quality is None else frame.quality
            qualities.update(zip(frame.addresses, map(Quality, grades.tolist()), strict=True))
        others = {a: q for a, q in qualities.items() if a != address}
        return len(others) == len(server.tags) and set(others.values()) == {Quality.GOOD}

    try:
        rig.source.start()
        until(told, rig, "good values beside the missing one")
        # MQTT cannot know that a topic will never come; its silence becomes STALE in the pipeline.
        expected = None if server.row.protocol == "mqtt" else Quality.BAD
        assert qualities.get(address) is expected
        assert expected is None or rig.source.status().rejected > 0
    finally:
        rig.close()


def test_a_value_the_device_lacks_is_bad(network: NetworkRig) -> None:
    if network.server.row.protocol == "modbus":
        pytest.skip("a Modbus register cannot say that it has no value")
    network.source.start()
    until(fresh(network), network)

    def bad_came() -> bool:
        network.show(math.nan)
        while not network.frames.empty():
            frame = network.frames.get_nowait()
            if frame.quality is not None and (frame.quality == Quality.BAD).all():
                return bool(np.isnan(frame.values).all())
        return False

    until(bad_came, None, "a bad value")


def test_a_burst_arrives_scan_by_scan(network: NetworkRig) -> None:
    if network.server.row.protocol == "modbus":
        pytest.skip("Modbus is asked for what is there now")
    network.source.start()
    until(fresh(network), network)
    addresses = tuple(tag.address for tag in network.server.tags)
    start_ns = time.time_ns()
    stamps = [(start_ns // 1_000_000 + step) * 1_000_000 for step in range(1, 7)]
    for step, stamp_ns in enumerate(stamps):
        network.server.write(Update(addresses, (100.0 + step,) * len(addresses), stamp_ns))
    scans: dict[int, dict[str, float]] = {}
    frames = []

    def complete() -> bool:
        while not network.frames.empty():
            frame = network.frames.get_nowait()
            if frame.stamp_ns in stamps:
                frames.append(frame)
                scans.setdefault(frame.stamp_ns, {}).update(zip(frame.addresses, frame.values.tolist(), strict=True))
        return all(set(scans.get(stamp_ns, {})) == set(addresses) for stamp_ns in stamps)

    until(complete, None, "every scan of the burst")
    for step, stamp_ns in enumerate(stamps):
        assert set(scans[stamp_ns].values()) == {100.0 + step}
    # Order holds per address: a broker may well pass two topics' messages on in another order than they were sent.
    for address in addresses:
        own = [frame.stamp_ns for frame in frames if address in frame.addresses]
        assert own == sorted(own)


def test_a_source_waits_for_a_server_that_is_not_there_yet(server: FieldServer) -> None:
    rig = NetworkRig(server)
    server.stop()
    try:
        rig.source.start()
        until(link(rig, Link.DOWN), None, "the word that nobody is there")
        assert f"{server.host}:{server.port}" in rig.source.status().reason
        server.restart()
        until(fresh(rig), rig, "the first good frame")
        assert rig.source.status().reconnects == 0
    finally:
        rig.close()
        if not server.running:
            server.restart()


def test_stopping_leaves_no_thread_even_while_the_server_hangs(server: FieldServer) -> None:
    before = set(threading.enumerate())
    rig = NetworkRig(server)
    rig.source.start()
    until(fresh(rig), rig)
    rig.stall()
    rig.close()
    rig.unstall()
    assert set(threading.enumerate()) <= before
    rig.close()  # again is harmless


def test_a_source_can_be_started_again_but_not_twice(network: NetworkRig) -> None:
    network.source.start()
    with pytest.raises(RuntimeError, match="already started"):
        network.source.start()
    until(fresh(network), network)
    network.source.stop()
    network.source.start()
    until(fresh(network), network)
    assert network.source.status().reconnects == 0


def test_a_busy_port_is_one_line_with_port_and_remedy(server: FieldServer) -> None:
    other = make_server(server.row, server.tags, server.host)
    with pytest.raises(PortError) as caught:
        other.start(server.port)
    assert str(server.port) in str(caught.value)
    assert "free the port or set another" in str(caught.value)
    assert not other.running
    assert other.start(free_port()) != server.port
    other.stop()


def test_an_outage_ends_by_itself_and_a_stop_ends_it_early(server: FieldServer) -> None:
    server.outage(0.05)
    until(lambda: not server.running, None, "the outage")
    until(lambda: server.running, None, "the end of the outage")
    server.outage(60.0)
    server.stop()
    assert not server.running
    server.restart()
