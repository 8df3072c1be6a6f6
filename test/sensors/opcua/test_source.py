"""The source against asyncua's server where servers differ: what they refuse, forget, move and hide."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from asyncua.common.utils import ServiceError
from asyncua.server.monitored_item_service import MonitoredItemService
from asyncua.server.server import Server
from waiting import PATIENCE_S, until

from workcell_sensors.reading import Frame, Quality
from workcell_sensors.sources import opcua as source_module
from workcell_sensors.sources.credentials import Credentials, Secret
from workcell_sensors.sources.discovery import DiscoveryRequest
from workcell_sensors.sources.opcua import OpcUaSource
from workcell_sensors.sources.opcua_browse import discover
from workcell_sensors.sources.opcua_pki import Pki
from workcell_sensors.sources.opcua_protocol import OpcUaOptions
from workcell_sensors.sources.session import LinkLost
from workcell_sensors.sources.source import Link, SourceSpec
from workcell_sensors.sources.worker import AsyncWorker
from workcell_sensors.tags import SourceRow, TagRow
from workcell_sim.plant.servers.opcua import NAMESPACE, OpcUaFieldServer, ua
from workcell_sim.plant.servers.server import LOOPBACK

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def tag(name: str, **more: Any) -> TagRow:
    return TagRow(name, "plc", f"ns=2;s={name}", "V", "V", period_s=0.05, stale_after_s=5.0, **more)


COUNTER, OTHER = tag("counter"), tag("other", deadband=1.0)


class Plc(OpcUaFieldServer):
    """A server in the test's hands."""

    async def apply_one(self, name: str, value: float, stamp_ns: int) -> None:
        stamp = EPOCH + dt.timedelta(microseconds=stamp_ns // 1000)
        data = ua.DataValue(ua.Variant(value, ua.VariantType.Double), SourceTimestamp=stamp, ServerTimestamp=stamp)
        await self._server.write_attribute_value(self._nodes[f"ns=2;s={name}"], data)

    def do(self, work: Coroutine[Any, Any, Any]) -> Any:
        assert self._worker is not None
        return self._worker.submit(work).result(PATIENCE_S)

    def call(self, function: Callable[[Server], Any]) -> Any:
        async def run() -> Any:
            return function(self._server)

        return self.do(run())

    def say(self, name: str, value: float) -> None:
        self.do(self.apply_one(name, value, time.time_ns()))

    def cut(self) -> None:
        """Breaks every connection; the server runs on."""
        self.call(lambda server: [transport.abort() for transport in list(server.iserver.asyncio_transports)])


@pytest.fixture(scope="module")
def running() -> Iterator[Plc]:
    server = Plc(SourceRow("plc", "opcua"), (COUNTER, OTHER), LOOPBACK)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def plc(running: Plc) -> Plc:
    running.say("counter", 0.0)
    running.say("other", 0.0)
    return running


class Rig:
    """A source on the server, and what it delivered."""

    def __init__(
        self, plc: Plc, tags: tuple[TagRow, ...] = (COUNTER, OTHER), timeout_s: float = 3.0, **options: Any
    ) -> None:
        self.frames: list[Frame] = []
        self._worker = AsyncWorker("test-client")
        row = SourceRow("plc", "opcua", options=OpcUaOptions(**options))
        self.spec = SourceSpec(row, tags, LOOPBACK, plc.port, timeout_s=timeout_s, stall_s=1.0, backoff_s_max=0.2)
        self.source = OpcUaSource(self.spec, self.frames.append, time.time_ns, self._worker)

    def __enter__(self) -> Rig:
        self.source.start()
        self.until(lambda: self.values("counter") != [], "the first value")
        return self

    def __exit__(self, *_: object) -> None:
        self.source.stop()
        self._worker.stop()

    def values(self, name: str) -> list[float]:
        """Returns what came of a tag; a value that was only confirmed counts once."""
        came: list[tuple[float, Quality]] = []
        for frame in list(self.frames):
            for at, address in enumerate(frame.addresses):
                quality = Quality.GOOD if frame.quality is None else Quality(int(frame.quality[at]))
                if address.rpartition("s=")[2] == name and came[-1:] != [(float(frame.values[at]), quality)]:
                    came.append((float(frame.values[at]), quality))
        return [value for value, quality in came if quality is Quality.GOOD]

    def until(self, condition: Callable[[], bool], what: str) -> None:
        until(condition, lambda: f"{what}; {self.source.status()}")

    @property
    def counts(self) -> dict[str, int]:
        return dict(self.source.status().counts)


def test_a_broken_connection_loses_nothing_while_the_server_keeps_it(plc: Plc) -> None:
    with Rig(plc) as rig:
        for value in range(1, 40):
            plc.say("counter", float(value))
            if value % 10 == 5:
                plc.cut()
        rig.until(lambda: rig.values("counter")[-1:] == [39.0], "the last value")
        assert rig.values("counter") == [float(value) for value in range(40)]
        rig.until(lambda: rig.source.status().reconnects > 0, "the word that it was away")
        status = rig.source.status()
        assert (status.lost, status.rejected) == (0, 0)
        assert rig.counts["sessions_resumed"] == status.reconnects
        assert "resubscribed" not in rig.counts


def test_a_forgotten_session_has_its_subscription_transferred(plc: Plc) -> None:
    def forget(server: Server) -> None:
        for session in list(server.iserver._external_sessions.values()):
            server.iserver.unregister_external_session(session)

    with Rig(plc) as rig:
        plc.say("counter", 1.0)
        rig.until(lambda: rig.values("counter")[-1:] == [1.0], "the value before")
        plc.call(forget)
        plc.cut()
        plc.say("counter", 2.0)
        plc.say("counter", 3.0)
        rig.until(lambda: rig.values("counter")[-1:] == [3.0], "the value after")
        assert rig.values("counter") == [0.0, 1.0, 2.0, 3.0]
        rig.until(lambda: rig.counts.get("subscriptions_transferred") == 1, "the count")
        assert "resubscribed" not in rig.counts


def test_what_the_servers_queue_loses_is_counted(plc: Plc) -> None:
    with Rig(plc, queue_s=0.0) as rig:
        # asyncua never sets the overflow bit; a server that does says so in the status.
        data = ua.DataValue(ua.Variant(5.0, ua.VariantType.Double), ua.StatusCode(0x480), SourceTimestamp=EPOCH)
        plc.do(plc._server.write_attribute_value(plc._nodes[COUNTER.address], data))
        rig.until(lambda: rig.source.status().lost == 1, "the count")
        assert rig.source.status().granted["queue_size"] == 1
        assert rig.counts["queue_overflows"] == 1


def test_a_server_without_subscriptions_is_asked(plc: Plc) -> None:
    plc.call(lambda server: setattr(server.iserver, "max_subscriptions", 0))
    try:
        with Rig(plc) as rig:
            plc.say("counter", 7.0)
            rig.until(lambda: rig.values("counter")[-1:] == [7.0], "the value that was asked for")
            assert rig.counts == {"subscriptions_refused": 1}
            assert rig.source.status().granted["poll_period_s"] == pytest.approx(0.05)
    finally:
        plc.call(lambda server: setattr(server.iserver, "max_subscriptions", 1000))


def test_a_server_that_takes_few_nodes_at_once_is_asked_for_few(plc: Plc, monkeypatch: pytest.MonkeyPatch) -> None:
    service = plc.call(lambda server: server.iserver.attribute_service)
    read, sizes = service.read, []

    def limited(parameters: Any) -> Any:
        sizes.append(len(parameters.NodesToRead))
        if sizes[-1] > 1 and all(each.NodeId.NamespaceIndex == 2 for each in parameters.NodesToRead):
            raise ServiceError(ua.StatusCodes.BadTooManyOperations)
        return read(parameters)

    monkeypatch.setattr(service, "read", limited)
    with Rig(plc, mode="poll") as rig:
        plc.say("counter", 8.0)
        rig.until(lambda: rig.values("counter")[-1:] == [8.0], "the value")
        rig.until(lambda: rig.values("other") != [], "the other value")
        assert rig.source.status().link is Link.CONNECTED


def test_the_server_applies_the_deadband_where_it_is_asked_to(plc: Plc) -> None:
    with Rig(plc, deadband_at="server") as rig:
        plc.say("other", 0.5)
        plc.say("other", 5.0)
        plc.say("counter", 1.0)
        rig.until(lambda: rig.values("counter")[-1:] == [1.0], "a value after them")
        assert rig.values("other") == [0.0, 5.0]


def test_a_deadband_that_hides_a_drift_is_found_out(plc: Plc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_module, "DRIFT_CHECK_S", 0.3)
    with Rig(plc, deadband_at="server") as rig:
        # asyncua compares with the sample before, not with the value last reported: a slow ramp never shows.
        for step in range(1, 11):
            plc.say("other", 0.9 * step)
        rig.until(lambda: rig.values("other")[-1:] == [9.0], "the value that had drifted away")
        assert rig.counts["deadbands_untrue"] == 1
        plc.say("other", 9.1)
        rig.until(lambda: rig.values("other")[-1:] == [9.1], "a small change, now that it is ours to judge")


def test_a_percent_deadband_is_of_the_range_that_the_server_tells(plc: Plc, monkeypatch: pytest.MonkeyPatch) -> None:
    def exceeds(service: MonitoredItemService, values: Any, given: Any) -> bool:
        # asyncua passes everything; part 8, 6.2 says: percent of the range, here 0..50.
        assert given.DeadbandType == ua.DeadbandType.Percent
        old, new = values.get_old_datavalue(), values.get_current_datavalue()
        return old is None or abs(new.Value.Value - old.Value.Value) > given.DeadbandValue / 100.0 * 50.0

    monkeypatch.setattr(MonitoredItemService, "_is_deadband_exceeded", exceeds)
    with Rig(plc, (COUNTER,), deadband_at="server", deadband_percent=10.0) as rig:
        plc.say("counter", 4.0)
        plc.say("counter", 20.0)
        rig.until(lambda: rig.values("counter")[-1:] == [20.0], "a change of more than 10 %")
        assert rig.values("counter") == [0.0, 20.0]


def test_a_server_that_knows_no_percent_deadband_reports_every_change(plc: Plc) -> None:
    with Rig(plc, (COUNTER,), deadband_at="server", deadband_percent=10.0) as rig:
        for value in (1.0, 2.0, 3.0):
            plc.say("counter", value)
        rig.until(lambda: rig.values("counter")[-1:] == [3.0], "the last change")
        assert rig.values("counter") == [0.0, 1.0, 2.0, 3.0]


def test_a_percent_deadband_that_the_server_refuses_is_left_out_and_counted(
    plc: Plc, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = MonitoredItemService._create_data_change_monitored_item

    async def refuse(service: MonitoredItemService, request: Any) -> Any:
        if not request.RequestedParameters.Filter:
            return await make(service, request)
        # As a node without a range is refused: part 8, 6.2.
        refused = ua.MonitoredItemCreateResult()
        refused.StatusCode = ua.StatusCode(ua.StatusCodes.BadDeadbandFilterInvalid)
        return refused

    monkeypatch.setattr(MonitoredItemService, "_create_data_change_monitored_item", refuse)
    with Rig(plc, (COUNTER,), deadband_at="server", deadband_percent=10.0) as rig:
        plc.say("counter", 1.0)
        rig.until(lambda: rig.values("counter")[-1:] == [1.0], "a small change")
        assert rig.counts["deadbands_refused"] == 1


def test_a_node_that_comes_later_is_found(plc: Plc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_module, "RETRY_S", 0.2)
    late = tag("late")

    async def add() -> None:
        folder = plc._server.nodes.objects
        await folder.add_variable(ua.StringNodeId("late", 2), "late", 4.5)

    with Rig(plc, (COUNTER, late)) as rig:
        rig.until(lambda: "BadNodeIdUnknown" in rig.source.status().reason, "the word that a node is missing")
        plc.do(add())
        rig.until(lambda: rig.values("late") == [4.5], "the node that came later")
        assert rig.source.status().reason == ""


def test_an_unchanged_value_stays_fresh_and_a_silent_server_does_not(plc: Plc) -> None:
    short = TagRow("counter", "plc", COUNTER.address, "V", "V", period_s=0.05, stale_after_s=0.6)
    with Rig(plc, (short,)) as rig:
        began_ns = time.time_ns()
        rig.until(lambda: rig.frames[-1].stamp_ns > began_ns + 500_000_000, "a confirmation")
        stamps = [frame.stamp_ns for frame in rig.frames]
        assert stamps == sorted(stamps)
        assert set(rig.values("counter")) == {0.0}


def test_of_a_network_host_an_unsecured_server_is_not_accepted(plc: Plc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workcell_sensors.sources.opcua_security.is_loopback", lambda host: False)
    rig = Rig(plc)
    rig.source.start()
    try:
        rig.until(lambda: rig.source.status().link is Link.DOWN, "the refusal")
        assert "the server offers none/None; wanted: Aes256_Sha256_RsaPss or" in rig.source.status().reason
        assert "security_policy" in rig.source.status().reason
    finally:
        rig.__exit__()


def test_discovery_finds_what_the_server_has_and_stops_where_it_is_told(plc: Plc) -> None:
    worker = AsyncWorker("test-discovery")
    spec = SourceSpec(SourceRow("plc", "opcua"), (), LOOPBACK, plc.port, timeout_s=5.0)
    try:
        rows = worker.submit(discover(spec, DiscoveryRequest())).result(PATIENCE_S)
        by_tag = {row.tag: row for row in rows}
        assert by_tag["plant/counter"].address == f"nsu={NAMESPACE};s=counter"
        assert by_tag["plant/counter"].kind == "Double"
        assert len(worker.submit(discover(spec, DiscoveryRequest(rows_max=1))).result(PATIENCE_S)) == 1
        below = DiscoveryRequest(below=f"nsu={NAMESPACE};s=counter")
        assert worker.submit(discover(spec, below)).result(PATIENCE_S) == []
        secured = SourceRow("plc", "opcua", options=OpcUaOptions(security_policy="Basic256Sha256"))
        refused = worker.submit(discover(SourceSpec(secured, (), LOOPBACK, plc.port), DiscoveryRequest()))
        with pytest.raises(LinkLost, match="wanted: Basic256Sha256"):
            refused.result(PATIENCE_S)
    finally:
        worker.stop()


def test_credentials_with_half_a_certificate_are_told(plc: Plc, tmp_path: Path) -> None:
    own = Pki(tmp_path).own("gateway")
    rig = Rig(plc)
    half = Credentials("press", password=Secret(""), certificate=own.certificate)
    spec = SourceSpec(rig.spec.row, rig.spec.tags, LOOPBACK, plc.port, credentials=half)
    source = OpcUaSource(spec, rig.frames.append, time.time_ns, rig._worker)
    source.start()
    try:
        rig.until(lambda: source.status().link is Link.DOWN, "the refusal")
        assert "credentials press have a certificate and no private_key" in source.status().reason
    finally:
        source.stop()
        rig._worker.stop()


def test_a_node_by_index_follows_its_namespace_when_the_server_numbers_anew(plc: Plc) -> None:
    rig = Rig(plc)
    rig._worker.stop()
    source, node = rig.source, rig.source._table.nodes[0]
    source._connection.namespaces = ("http://opcfoundation.org/UA/", "urn:server", "urn:plant")
    assert source._node_id(node) == ua.StringNodeId("counter", 2)
    source._connection.namespaces = ("http://opcfoundation.org/UA/", "urn:server", "urn:new", "urn:plant")
    assert source._node_id(node) == ua.StringNodeId("counter", 3)
    # A server that has renamed the namespace still has the index.
    source._connection.namespaces = ("http://opcfoundation.org/UA/", "urn:server", "urn:plant:2")
    assert source._node_id(node) == ua.StringNodeId("counter", 2)


def test_a_slow_server_is_asked_for_less_and_no_half_made_subscription_is_taken_up(
    plc: Plc, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = plc.call(lambda server: server.iserver.subscription_service)
    create, sizes = made.create_monitored_items, []

    async def slow(parameters: Any) -> Any:
        sizes.append(len(parameters.ItemsToCreate))
        if sizes[-1] > 15:
            await asyncio.sleep(0.6)
        return await create(parameters)

    monkeypatch.setattr(made, "create_monitored_items", slow)
    others = tuple(tag(f"missing_{number}") for number in range(30))
    with Rig(plc, (COUNTER, *others), timeout_s=0.4) as rig:
        assert sizes[0] == 31
        assert max(sizes[-3:]) <= 15
        assert len(rig.source._table.nodes) == sum(sizes[-3:])
        plc.say("counter", 3.0)
        rig.until(lambda: rig.values("counter")[-1:] == [3.0], "a value")
        assert plc.call(lambda server: len(server.iserver.subscription_service.subscriptions)) <= 1
