"""Host application and edge node against each other over real brokers that are killed under them."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from mqtt_broker import MOSQUITTO, NO_MOSQUITTO, Mosquitto, TestBroker
from stage import HOST_ID, NODE_ID
from waiting import until

from workcell_sensors.outward.cell_report import Observation, reading
from workcell_sensors.outward.sparkplug_client import ClientConfig, EdgeClient
from workcell_sensors.reading import Frame, Quality
from workcell_sensors.sources.discovery import DiscoveryRequest
from workcell_sensors.sources.mqtt_link import LinkConfig
from workcell_sensors.sources.source import Link, SourceSpec
from workcell_sensors.sources.sparkplug import SparkplugSource
from workcell_sensors.sources.sparkplug_discover import discover
from workcell_sensors.sources.sparkplug_protocol import Server, SparkplugOptions
from workcell_sensors.sources.worker import AsyncWorker
from workcell_sensors.sparkplug.edge import EdgeConfig, EdgeNode
from workcell_sensors.tags import SourceRow, TagRow

HOST = "127.0.0.1"
COUNT = "plant/cell1/arm#count"
TAG = TagRow("count", "line", COUNT, "1", "1", period_s=0.1, stale_after_s=5.0)


class Pair:
    """A source and an edge node in two worker threads, with any number of brokers between them."""

    def __init__(self, *brokers: TestBroker, primary_host: str = "") -> None:
        self.frames: queue.Queue[Frame] = queue.Queue()
        self.good: list[float] = []
        self.past: list[float] = []
        self.qualities: list[Quality] = []
        self._workers = (AsyncWorker("test-host"), AsyncWorker("test-edge"))
        servers = tuple(Server(HOST, broker.port) for broker in brokers)
        further = [f"{server.host}:{server.port}" for server in servers[1:]]
        options = SparkplugOptions(host_id=HOST_ID, further_servers=further, reorder_timeout_s=0.3, keepalive_s=1)
        row = SourceRow("line", "sparkplug", options=options)
        self.spec = SourceSpec(row, (TAG,), HOST, servers[0].port, timeout_s=2.0, backoff_s_max=0.3)
        self.source = SparkplugSource(self.spec, self.frames.put, time.time_ns, self._workers[0])
        edge = EdgeNode(EdgeConfig(NODE_ID, len(servers), primary_host))
        link = LinkConfig("", 0, client_id="cell1", keepalive_s=1, timeout_s=2.0)
        config = ClientConfig(servers, link, flush_s=0.02, backoff_s_max=0.3)
        self.client = EdgeClient(edge, config, time.time_ns, self._workers[1])
        self.count = 0

    def say(self) -> None:
        """Lets the edge node count one up."""
        self.count += 1
        self.client.put([reading("arm/count", float(self.count), 0, time.time_ns() // 1_000_000, "1")])

    def hear(self) -> None:
        while not self.frames.empty():
            frame = self.frames.get_nowait()
            quality = Quality.GOOD if frame.quality is None else Quality(int(frame.quality[0]))
            self.qualities.append(quality)
            values = [float(value) for value in frame.values]
            if frame.historical:
                self.past += values
            elif quality is Quality.GOOD:
                self.good += values

    def until(self, condition: Callable[[], bool], what: str, saying: bool = True) -> None:
        def meanwhile() -> None:
            self.hear()
            if saying:
                self.say()

        until(condition, lambda: f"{what}; {self.source.status()} {self.client.status()}", meanwhile)

    def heard(self, more: int) -> Callable[[], bool]:
        """Returns a condition: so many more good values have come from now on."""
        start = len(self.good)
        return lambda: len(self.good) >= start + more

    def last_heard(self) -> bool:
        return bool(self.good) and self.good[-1] == self.count

    def close(self) -> None:
        self.client.stop()
        self.source.stop()
        for worker in self._workers:
            worker.stop()


@pytest.fixture
def pairs() -> Iterator[Callable[..., Pair]]:
    made: list[Pair] = []

    def make(*brokers: TestBroker, **more: str) -> Pair:
        made.append(Pair(*brokers, **more))
        return made[-1]

    yield make
    for pair in made:
        pair.close()


def test_nothing_is_lost_when_the_broker_is_killed(broker: TestBroker, pairs: Callable[..., Pair]) -> None:
    pair = pairs(broker, primary_host=HOST_ID)
    pair.source.start()
    pair.client.start()
    pair.until(pair.heard(20), "the first values")
    for _ in range(2):
        broker.kill()
        pair.until(lambda: pair.source.status().link is Link.DOWN, "the loss of the broker")
        pair.until(lambda: not pair.client.status().is_connected, "the loss at the edge node")
        broker.restart()
        pair.until(pair.heard(20), "values after the restart")
    pair.until(lambda: pair.client.status().backlog == 0, "the history")
    pair.until(pair.last_heard, "the last value", saying=False)
    assert Quality.STALE in pair.qualities
    assert {*pair.good, *pair.past} == {float(number) for number in range(1, pair.count + 1)}
    counts = pair.source.status().counts
    assert counts.get("missing", 0) == counts.get("undeclared", 0) == pair.source.status().lost == 0
    assert pair.client.status().dropped == 0


def test_a_host_that_starts_in_mid_stream_finds_the_tag(broker: TestBroker, pairs: Callable[..., Pair]) -> None:
    pair = pairs(broker)
    pair.client.start()
    pair.until(lambda: pair.client.status().data > 5, "data before the host listens")
    pair.source.start()
    pair.until(pair.heard(5), "the values")
    assert pair.source.status().counts["rebirths"] == 1
    pair.source.stop()
    pair.source.start()
    pair.until(pair.heard(5), "the values after the host's restart")


def test_an_edge_node_that_leaves_is_stale_at_once(broker: TestBroker, pairs: Callable[..., Pair]) -> None:
    pair = pairs(broker)
    pair.source.start()
    pair.client.start()
    pair.until(pair.heard(3), "the first values")
    pair.client.stop()
    pair.until(lambda: pair.qualities[-1] is Quality.STALE, "the stale mark", saying=False)
    assert pair.source.status().counts["deaths"] >= 1
    pair.client.start()
    pair.until(pair.heard(3), "values after its return")


@pytest.mark.skipif(MOSQUITTO is None, reason=NO_MOSQUITTO)
def test_edge_node_and_primary_host_meet_at_another_broker(pairs: Callable[..., Pair]) -> None:
    brokers = (Mosquitto(), Mosquitto())
    for broker in brokers:
        broker.start()
    try:
        pair = pairs(*brokers, primary_host=HOST_ID)
        pair.source.start()
        pair.client.start()
        pair.until(pair.heard(10), "the first values")
        seen = set()
        for number in (0, 1, 0):
            server = pair.client.status().server
            seen.add(server)
            broker = next(each for each in brokers if server.endswith(f":{each.port}"))
            broker.kill()
            pair.until(lambda left=server: pair.client.status().server != left, "the walk to the other broker")  # type: ignore[misc]
            pair.until(pair.heard(10), f"values over the other broker, time {number}")
            assert pair.source.status().link is Link.CONNECTED
            broker.restart()
            pair.until(lambda: pair.source.status().reason == "", "the host's return to it")
        assert len(seen) == 2
        pair.until(lambda: pair.client.status().backlog == 0, "the history")
        pair.until(pair.last_heard, "the last value", saying=False)
        assert {*pair.good, *pair.past} == {float(number) for number in range(1, pair.count + 1)}
    finally:
        for broker in brokers:
            broker.close()


def test_discovery_finds_what_an_edge_node_has(broker: TestBroker, pairs: Callable[..., Pair]) -> None:
    pair = pairs(broker)
    pair.client.start()
    text = Observation("cell", "state", reading("a/b", 1.0, 0, 1, "").datatype.STRING, "hold", 5)
    pair.client.put([reading("arm/stop", 1.0, 0, 5, "bool"), reading("arm/current", 2.5, 0, 5, "A"), text])
    pair.until(lambda: pair.client.status().is_born, "the birth")
    found: list[object] = []

    def look() -> None:
        request = DiscoveryRequest(rows_max=3, listen_s=10.0, below="plant")
        found.extend(asyncio.run(discover(pair.spec, request)))

    looking = threading.Thread(target=look)
    looking.start()
    # Nodes are asked for their births once they are heard of.
    pair.until(lambda: not looking.is_alive(), "the discovery")
    looking.join()
    rows = {row.address: row for row in found}  # type: ignore[attr-defined]
    assert rows["plant/cell1/arm#current"].unit == "A"
    assert (rows["plant/cell1/arm#stop"].unit, rows["plant/cell1/arm#stop"].value) == ("bool", "True")
    assert len(rows) == 3
