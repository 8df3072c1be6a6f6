"""MTConnect and SHDR sources against an agent and an adapter, and on the recorded lines of a real machine."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime
import ipaddress
import math
import os
import queue
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import dropwhile
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from waiting import PATIENCE_S, until

from workcell_ros.errors import ConfigError
from workcell_sensors.reading import Frame, Quality
from workcell_sensors.sources import mtconnect_http
from workcell_sensors.sources.credentials import Credentials, Secret
from workcell_sensors.sources.discovery import DiscoveryRequest
from workcell_sensors.sources.mtconnect import MtconnectSource
from workcell_sensors.sources.mtconnect_discover import discover
from workcell_sensors.sources.mtconnect_model import Model, parse_model
from workcell_sensors.sources.mtconnect_protocol import MtconnectOptions
from workcell_sensors.sources.mtconnect_values import Observation
from workcell_sensors.sources.session import FIRST_PAUSE_S, LinkLost
from workcell_sensors.sources.shdr import ShdrSource
from workcell_sensors.sources.shdr_codec import Kind, ShdrParser
from workcell_sensors.sources.shdr_discover import discover as discover_shdr
from workcell_sensors.sources.shdr_protocol import ShdrOptions
from workcell_sensors.sources.source import Link, SourceSpec
from workcell_sensors.sources.worker import AsyncWorker
from workcell_sensors.tags import SourceRow, TagRow
from workcell_sim.plant.servers.mtconnect import MtconnectFieldServer
from workcell_sim.plant.servers.shdr import ShdrFieldServer

DATA = Path(os.environ.get("WORKCELL_DATA", Path(__file__).parents[4] / "shared" / "data")) / "mtconnect"
recorded = pytest.mark.skipif(not DATA.is_dir(), reason=f"no recorded SHDR lines at {DATA}; set WORKCELL_DATA")
LINES = 10_770


class Rig:
    """A source; `came` holds every value of each address in its order."""

    def __init__(
        self, cls: Any, options: Any, port: int, addresses: Sequence[str], credentials: Credentials | None = None
    ) -> None:
        protocol = "shdr" if cls is ShdrSource else "mtconnect"
        row = SourceRow("cnc", protocol, options=options)
        tags = tuple(TagRow(text, "cnc", text, "1", "1", period_s=0.02) for text in addresses)
        self.spec = SourceSpec(
            row, tags, "127.0.0.1", port, timeout_s=5.0, stall_s=0.5, backoff_s_max=0.2, credentials=credentials
        )
        self.frames: queue.SimpleQueue[Frame] = queue.SimpleQueue()
        self.came: dict[str, list[tuple[int, float, int]]] = {text: [] for text in addresses}
        self._worker = AsyncWorker("test-cnc")
        self.source = cls(self.spec, self.frames.put, time.time_ns, self._worker)
        self.source.start()

    def drain(self) -> None:
        while not self.frames.empty():
            frame = self.frames.get()
            count = len(frame.addresses)
            qualities = [0] * count if frame.quality is None else frame.quality.tolist()
            stamps = [frame.stamp_ns] * count if frame.stamps_ns is None else frame.stamps_ns.tolist()
            for address, *value in zip(frame.addresses, stamps, frame.values.tolist(), qualities, strict=True):
                self.came[address].append((value[0], value[1], value[2]))

    def until(self, condition: Callable[[], bool], what: str) -> None:
        until(condition, lambda: f"{what}; {self.source.status()}", self.drain)

    def numbers(self, address: str) -> list[float]:
        """Returns the good values that came, each once where it was only confirmed."""
        good = [value for _, value, quality in self.came[address] if quality == Quality.GOOD]
        return [value for n, value in enumerate(good) if n == 0 or good[n - 1] != value]

    def last(self, address: str) -> tuple[float, int]:
        return self.came[address][-1][1:] if self.came[address] else (math.nan, -1)

    def close(self) -> None:
        self.source.stop()
        self._worker.stop()


@pytest.fixture
def closing() -> Iterator[Callable[[Any], Any]]:
    opened: list[Any] = []

    def keep(item: Any) -> Any:
        opened.append(item)
        return item

    yield keep
    for item in reversed(opened):
        item.stop() if hasattr(item, "stop") else item.close()


def agent_of(closing: Any, addresses: Sequence[str], **given: Any) -> MtconnectFieldServer:
    tags = [TagRow(text, "cnc", text, "1", "1") for text in addresses]
    server = MtconnectFieldServer(SourceRow("cnc", "mtconnect"), tags, **given)
    server.start()
    return closing(server)


def follow(closing: Any, server: MtconnectFieldServer, addresses: Sequence[str], **options: Any) -> Rig:
    given = MtconnectOptions(**{"heartbeat_s": 0.2, "lag_s": 0.1, **options})
    return closing(Rig(MtconnectSource, given, server.port, addresses))


def counting(start: int, end: int) -> list[Observation]:
    return [Observation("a", 1_700_000_000_000_000_000 + n, repr(float(n))) for n in range(start, end)]


def test_a_stream_is_followed_through_a_lost_connection_without_gap_or_duplicate(closing: Any) -> None:
    server = agent_of(closing, ["a"])
    rig = follow(closing, server, ["a"], observations_max=7)
    rig.until(lambda: rig.source.status().link is Link.CONNECTED, "the agent")
    server.observe(counting(0, 50))
    rig.until(lambda: rig.last("a")[0] == 49.0, "the first values")
    for client in list(server._clients):
        server._worker.loop.call_soon_threadsafe(client.transport.abort)
    server.observe(counting(50, 300))
    rig.until(lambda: rig.last("a")[0] == 299.0, "what came meanwhile")
    assert rig.numbers("a") == [float(n) for n in range(300)]
    assert rig.source.status().lost == 0


def test_an_overrun_gives_what_is_left_and_counts_the_rest(closing: Any) -> None:
    server = agent_of(closing, ["a", "b"], buffer_size=100)
    rig = follow(closing, server, ["a", "b"], observations_max=10)
    rig.until(lambda: rig.source.status().link is Link.CONNECTED, "the agent")
    server.observe(counting(0, 3))
    rig.until(lambda: rig.last("a")[0] == 2.0, "the first values")
    server.stall(60.0)
    rig.until(lambda: rig.source.status().link is Link.DOWN, "the stall")
    # Of 1 + 500 observations the buffer keeps the last 100; b's only one is still what it shows.
    written = threading.Thread(
        target=lambda: server.observe([Observation("b", 1_700_000_000_000_000_000, "7.0"), *counting(3, 503)])
    )
    written.start()
    server.unstall()
    written.join()
    rig.until(lambda: rig.last("a")[0] == 502.0 and rig.last("b") == (7.0, 0), "the newest")
    assert rig.numbers("a") == [0.0, 1.0, 2.0, *(float(n) for n in range(403, 503))]
    assert rig.source.status().lost == 400
    assert rig.source.status().counts["overruns"] >= 1


def test_another_instance_is_asked_for_its_devices_and_values_again(closing: Any) -> None:
    server = agent_of(closing, ["a", "b"])
    rig = follow(closing, server, ["a", "b", "none"])
    server.observe([*counting(0, 5), Observation("b", 1_700_000_000_000_000_000, "1.0")])
    rig.until(lambda: rig.last("a")[0] == 4.0 and rig.last("b")[0] == 1.0, "the first values")
    assert rig.last("none")[1] == Quality.BAD
    assert rig.source.status().reason == "the agent has no none"
    server.kill()
    server.restart()
    rig.until(lambda: rig.last("a")[1] == Quality.BAD, "UNAVAILABLE of the new instance")
    server.observe(counting(5, 9))
    rig.until(lambda: rig.last("a")[0] == 8.0, "values of the new instance")
    status = rig.source.status()
    assert status.reason == "the agent has no none"
    assert (status.counts["agent_restarts"], status.lost) == (1, 0)


def test_unchanged_values_are_confirmed_while_the_agent_lives(closing: Any) -> None:
    server = agent_of(closing, ["a"])
    rig = follow(closing, server, ["a"])
    server.observe(counting(5, 6))
    rig.until(lambda: len(rig.came["a"]) >= 5, "confirmations")
    stamps = [stamp_ns for stamp_ns, _, _ in rig.came["a"]]
    assert rig.numbers("a") == [5.0]
    assert stamps[-3:] == sorted(set(stamps[-3:]))
    server.stall(60.0)
    rig.until(lambda: rig.source.status().link is Link.DOWN, "the stall")
    assert "no heartbeat" in rig.source.status().reason
    # Nothing was confirmed for a time in which the agent had not spoken.
    assert time.time_ns() - rig.came["a"][-1][0] >= rig.spec.stall_s * 1e9
    server.unstall()


def test_conditions_come_as_levels(closing: Any) -> None:
    devices = b"""<MTConnectDevices><Devices><Device id="d" name="d"><DataItems>
      <DataItem id="c" category="CONDITION" type="SYSTEM"/></DataItems></Device></Devices></MTConnectDevices>"""
    server = agent_of(closing, [], devices=devices)
    rig = follow(closing, server, ["c", "c#E1"])
    for level, code, worst in (
        ("NORMAL", "", 0.0),
        ("WARNING", "E0", 1.0),
        ("FAULT", "E1", 2.0),
        ("NORMAL", "E1", 1.0),
    ):
        server.observe([Observation("c", time.time_ns(), level, 0, True, code)])
        rig.until(lambda worst=worst: rig.last("c") == (worst, 0), level)  # type: ignore[misc]
    assert rig.numbers("c#E1") == [0.0, 2.0, 0.0]


def serving(closing: Any, serve: Callable[..., Any]) -> int:
    """Serves connections on a free port, which is returned."""
    worker = closing(AsyncWorker("test-http"))
    server = worker.submit(asyncio.start_server(serve, "127.0.0.1", 0)).result(PATIENCE_S)
    return int(server.sockets[0].getsockname()[1])


@pytest.mark.parametrize(("status", "reason"), [("401 Unauthorized", "refuses us"), ("500 Oops", "HTTP 500 Oops")])
def test_what_is_no_agent_is_said(closing: Any, status: str, reason: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        writer.close()

    rig = closing(Rig(MtconnectSource, MtconnectOptions(), serving(closing, serve), ["a"]))
    rig.until(lambda: reason in rig.source.status().reason, reason)
    assert rig.source.status().link is Link.DOWN


def test_an_agent_that_goes_silent_before_its_stream_begins_is_given_up(closing: Any) -> None:
    class Silent(MtconnectFieldServer):
        async def _sample(self, *_: Any) -> None:
            await asyncio.Event().wait()

    server = Silent(SourceRow("cnc", "mtconnect"), [TagRow("a", "cnc", "a", "1", "1")])
    server.start()
    closing(server)
    rig = follow(closing, server, ["a"])
    rig.until(lambda: "no answer to the request for its stream" in rig.source.status().reason, "the loss")
    assert rig.source.status().link is Link.DOWN


def test_a_document_without_an_end_is_given_up(closing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mtconnect_http, "DOCUMENT_TIMEOUTS", 0.1)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n<MTConnectDevices>")
        with contextlib.suppress(OSError):
            while True:
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.01)

    rig = closing(Rig(MtconnectSource, MtconnectOptions(), serving(closing, serve), ["a"]))
    rig.until(lambda: "no answer within" in rig.source.status().reason, "the loss")


def test_an_agent_that_is_another_one_at_every_answer_is_not_asked_as_fast_as_it_answers(closing: Any) -> None:
    class Changing(MtconnectFieldServer):
        async def _answer(self, writer: Any, name: str, query: Any) -> None:
            assert self.buffer is not None
            self.buffer.instance_id += 1
            await super()._answer(writer, name, query)

    server = Changing(SourceRow("cnc", "mtconnect"), [TagRow("a", "cnc", "a", "1", "1")])
    server.start()
    closing(server)
    rig = follow(closing, server, ["a"])
    rig.until(lambda: rig.source.status().counts.get("agent_restarts", 0) >= 1, "the first change")
    began_s = time.monotonic()
    rig.until(lambda: rig.source.status().counts.get("agent_restarts", 0) >= 4, "more changes")
    assert time.monotonic() - began_s >= 2 * FIRST_PAUSE_S


@pytest.mark.parametrize("said", [b"", b"220 mail.example ESMTP\r\n", b"\x00" * 300])
def test_what_is_no_agent_is_no_device_to_browse(closing: Any, said: bytes) -> None:
    async def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        writer.close()

    spec = SourceSpec(SourceRow("cnc", "mtconnect"), (), "127.0.0.1", serving(closing, serve))
    with pytest.raises(LinkLost):
        asyncio.run(discover(spec, DiscoveryRequest()))


def okuma() -> tuple[Model, list[str]]:
    model = parse_model((DATA / "Devices.xml").read_bytes())
    return model, (DATA / "okuma.txt").read_text(encoding="utf-8").splitlines()


@recorded
def test_every_recorded_line_is_accounted_for() -> None:
    model, lines = okuma()
    parser = ShdrParser(model)
    parsed = [parser.parse(line, 1) for line in lines]
    kinds = Counter(line.kind for line in parsed)
    assert len(lines) == LINES
    assert kinds == {Kind.DATA: 10_373, Kind.ASSET: 388, Kind.COMMAND: 9}
    assert sum(line.malformed for line in parsed) == 0
    keys = {seen.item for line in parsed for seen in line.observations}
    conditions = {seen.item for line in parsed for seen in line.observations if seen.is_condition}
    assert {key for key in keys if (item := model.of_key(key)) and item.is_condition} == conditions


@recorded
def test_the_agent_fed_with_a_recorded_machine_gives_every_observation(closing: Any) -> None:
    model, lines = okuma()
    parser = ShdrParser(model)
    seen = [each for line in lines for each in parser.parse(line, 1).observations]
    wanted: dict[str, list[float]] = {}
    for each in seen:
        item = model.of_key(each.item)
        if item is not None and item.category == "SAMPLE" and item.units and not item.units.endswith("_3D"):
            number = math.nan if each.value == "UNAVAILABLE" else float(str(each.value))
            wanted.setdefault(item.id, []).append(number)
    server = agent_of(closing, [], devices=(DATA / "Devices.xml").read_bytes())
    rig = follow(closing, server, sorted(wanted), lag_s=1e6)
    rig.until(lambda: rig.source.status().link is Link.CONNECTED, "the agent")
    unknown = server.observe(seen)
    assert unknown == sum(model.of_key(each.item) is None for each in seen)
    # What is unavailable before it was ever there is no news.
    wanted = {address: list(dropwhile(math.isnan, values)) for address, values in wanted.items()}
    total = sum(len(values) for values in wanted.values())
    rig.until(lambda: sum(len(values) for values in rig.came.values()) >= total, "every observation")
    for address, values in wanted.items():
        came = [value for _, value, _ in rig.came[address]]
        assert came == pytest.approx(values, abs=0.0, nan_ok=True), address
    assert rig.source.status().lost == 0
    assert total > 15_000


@recorded
def test_the_adapter_played_with_a_recorded_machine_gives_every_value(closing: Any) -> None:
    model, lines = okuma()
    parser = ShdrParser(model)
    seen = [each for line in lines for each in parser.parse(line, 1).observations]
    keys = sorted({each.item for each in seen if (item := model.of_key(each.item)) and item.category == "SAMPLE"})
    keys = [key for key in keys if not (model.of_key(key) or seen[0]).units.endswith("_3D")]  # type: ignore[union-attr]
    server = ShdrFieldServer(SourceRow("cnc", "shdr"), [])
    server.start()
    closing(server)
    options = ShdrOptions(devices_file=str(DATA / "Devices.xml"), lag_s=1e6)
    rig = closing(Rig(ShdrSource, options, server.port, keys))
    rig.until(lambda: rig.source.status().link is Link.CONNECTED, "the adapter's PONG")
    server.say((DATA / "okuma.txt").read_bytes())
    counts = rig.source.status
    rig.until(lambda: sum(n for name, n in counts().counts.items() if name != "pong_lines") == LINES, "every line")
    rig.drain()
    assert "malformed_lines" not in counts().counts
    for key in keys:
        values = [math.nan if e.value == "UNAVAILABLE" else float(str(e.value)) for e in seen if e.item == key]
        assert [value for _, value, _ in rig.came[key]] == pytest.approx(values, abs=0.0, nan_ok=True), key


@recorded
def test_a_recorded_machine_is_discovered(closing: Any) -> None:
    server = agent_of(closing, [], devices=(DATA / "Devices.xml").read_bytes())
    spec = SourceSpec(SourceRow("cnc", "mtconnect"), (), "127.0.0.1", server.port, timeout_s=5.0)
    rows = asyncio.run(discover(spec, DiscoveryRequest()))
    model = parse_model((DATA / "Devices.xml").read_bytes())
    assert {row.address.partition("#")[0] for row in rows} == set(model.by_id)
    assert len({row.tag for row in rows}) == len(rows)
    by_address = {row.address: row for row in rows}
    estop = next(row for row in rows if "EMERGENCY_STOP" in row.kind)
    assert estop.states == {"ARMED": 0.0, "TRIGGERED": 1.0}
    assert {by_address[item.id].unit for item in model.items if item.units == "REVOLUTION/MINUTE"} == {"turn/min"}
    assert len(asyncio.run(discover(spec, DiscoveryRequest(rows_max=7)))) == 7


def test_an_adapter_is_discovered_by_listening(closing: Any) -> None:
    tags = [TagRow(text, "cnc", text, "1", "1") for text in ("Xact", "Sload")]
    server = ShdrFieldServer(SourceRow("cnc", "shdr"), tags)
    server.start()
    closing(server)
    spec = SourceSpec(SourceRow("cnc", "shdr"), (), "127.0.0.1", server.port, timeout_s=5.0)
    rows = asyncio.run(discover_shdr(spec, DiscoveryRequest(listen_s=0.3)))
    assert {row.address for row in rows} == {"Xact", "Sload"}
    server.stop()
    with pytest.raises((OSError, LinkLost)):
        asyncio.run(discover_shdr(spec, DiscoveryRequest(listen_s=0.3)))


def test_an_adapter_that_keeps_no_heartbeat_is_believed_for_its_legacy_timeout_only(closing: Any) -> None:
    server = ShdrFieldServer(SourceRow("cnc", "shdr"), [TagRow("a", "cnc", "a", "1", "1")], heartbeat_s=0.0)
    server.start()
    closing(server)
    rig = closing(Rig(ShdrSource, ShdrOptions(legacy_timeout_s=1.0), server.port, ["a"]))
    rig.until(lambda: rig.source.status().link is Link.CONNECTED, "the adapter's first line")
    server.say(b"|a|5\n")
    rig.until(lambda: rig.last("a")[0] == 5.0, "the value")
    count = len(rig.came["a"])
    rig.until(lambda: "silent for 1 s" in rig.source.status().reason, "the legacy timeout")
    assert len(rig.came["a"]) == count


def test_a_devices_file_that_is_none_is_said(tmp_path: Path) -> None:
    for content in (None, "<x/>"):
        file = tmp_path / "Devices.xml"
        if content is not None:
            file.write_text(content)
        with pytest.raises(ConfigError, match="devices_file"):
            Rig(ShdrSource, ShdrOptions(devices_file=str(file)), 1, ["a"])


def own_certificate(folder: Path) -> Path:
    """Writes a key and a certificate for 127.0.0.1 that it signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "agent")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    path = folder / "agent.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


def test_https_with_a_password_and_a_certificate_of_the_plants_own(closing: Any, tmp_path: Path) -> None:
    agent = agent_of(closing, ["a"])
    agent.observe(counting(5, 6))
    certificate = own_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    heads: list[bytes] = []

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", agent.port)

        async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter, seen: list[bytes]) -> None:
            while data := await source.read(1 << 16):
                seen.append(data)
                target.write(data)

        try:
            await asyncio.gather(pump(reader, inner_writer, heads), pump(inner_reader, writer, []))
        except (asyncio.CancelledError, OSError):
            # The test is over.
            pass
        finally:
            for each in (writer, inner_writer):
                each.transport.abort()

    worker = closing(AsyncWorker("test-https"))
    server = worker.submit(asyncio.start_server(relay, "127.0.0.1", 0, ssl=context)).result(PATIENCE_S)
    port = server.sockets[0].getsockname()[1]

    def follow_with(credentials: Credentials | None) -> Rig:
        options = MtconnectOptions(tls=True, heartbeat_s=0.2)
        return closing(Rig(MtconnectSource, options, port, ["a"], credentials))

    stranger = follow_with(None)
    stranger.until(lambda: "CERTIFICATE_VERIFY_FAILED" in stranger.source.status().reason, "the refusal")
    known = Credentials("cnc", "operator", Secret("hunter2"), trusted=certificate)
    rig = follow_with(known)
    rig.until(lambda: rig.last("a") == (5.0, 0), "the value")
    assert b"Basic " + base64.b64encode(b"operator:hunter2") in heads[-1]
    assert "hunter2" not in str(rig.source.status())
