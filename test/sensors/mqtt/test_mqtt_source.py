"""The MQTT source against real brokers: sessions that are kept, TLS, passwords, versions, retained and raw payloads."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import json
import queue
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fake_mqtt_server import PINGREQ, PUBACK, FakeMqttServer
from mqtt_broker import MOSQUITTO, NO_MOSQUITTO, Mosquitto, TestBroker
from paho.mqtt.enums import CallbackAPIVersion
from waiting import PATIENCE_S, until

from workcell_sensors.reading import Frame, Quality
from workcell_sensors.sources.credentials import Credentials, Secret
from workcell_sensors.sources.discovery import DiscoveryRequest
from workcell_sensors.sources.mqtt import MqttSource
from workcell_sensors.sources.mqtt_discover import discover
from workcell_sensors.sources.mqtt_protocol import MqttOptions
from workcell_sensors.sources.source import Link, SourceSpec
from workcell_sensors.sources.worker import AsyncWorker
from workcell_sensors.tags import SourceRow, TagRow

HOST = "127.0.0.1"
needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason=NO_MOSQUITTO)


class Rig:
    """A source on a broker, a device that publishes, and what came of it."""

    def __init__(self, port: int, *tags: TagRow, credentials: Credentials | None = None, **options: object) -> None:
        self.port = port
        self.frames: queue.Queue[Frame] = queue.Queue()
        self.worker = AsyncWorker("test-mqtt")
        row = SourceRow("line", "mqtt", options=MqttOptions(**options))  # type: ignore[arg-type]
        self.spec = SourceSpec(
            row, tags, HOST, port, timeout_s=2.0, stall_s=2.0, backoff_s_max=0.2, credentials=credentials
        )
        self.source = MqttSource(self.spec, self.frames.put, time.time_ns, self.worker)

    def up(self) -> None:
        self.source.start()
        self.until(lambda: self.source.status().link is Link.CONNECTED, "the connection")

    def until(self, condition: Callable[[], bool], what: str) -> None:
        until(condition, lambda: f"{what}; {self.source.status()}")

    def take(self, count: int) -> list[tuple[str, float, Quality, int]]:
        """Returns the next values, in order."""
        found: list[tuple[str, float, Quality, int]] = []
        while len(found) < count:
            frame = self.frames.get(timeout=PATIENCE_S)
            graded = [0] * len(frame.values) if frame.quality is None else frame.quality.tolist()
            stamps = [frame.stamp_ns] * len(frame.values) if frame.stamps_ns is None else frame.stamps_ns.tolist()
            rows = zip(frame.addresses, frame.values.tolist(), map(Quality, graded), stamps, strict=True)
            found += list(rows)
        return found

    def close(self) -> None:
        self.source.stop()
        self.worker.stop()


class Device:
    """A plain paho client that publishes."""

    def __init__(self, port: int) -> None:
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        self.client.connect(HOST, port)
        self.client.loop_start()

    def say(self, topic: str, payload: bytes | dict[str, object], qos: int = 1, retain: bool = False) -> None:
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self.client.publish(topic, data, qos, retain).wait_for_publish(PATIENCE_S)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def tag(address: str, unit: str = "1", **more: object) -> TagRow:
    return TagRow(address.replace("#", "/"), "line", address, unit, unit, **more)  # type: ignore[arg-type]


@pytest.fixture
def mosquitto() -> Iterator[Mosquitto]:
    made = Mosquitto()
    made.start()
    yield made
    made.close()


@pytest.fixture
def rigs() -> Iterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def make(*args: object, **options: object) -> Rig:
        made.append(Rig(*args, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for rig in made:
        rig.close()


def test_payloads_of_every_shape_arrive(broker: TestBroker, rigs: Callable[..., Rig]) -> None:
    tags = (
        tag("press#data.axes[1].load"),
        tag("press#data.on", "bool"),
        tag("door#=bool", "bool"),
        tag("scale#=float32be@2"),
        tag("meter#=text"),
        tag("mode", states={"RUN": 3.0}),
    )
    rig = rigs(broker.port, *tags, time_path="at", time_unit="ms", quality_path="q")
    rig.up()
    device = Device(broker.port)
    body = {"data": {"axes": [{}, {"load": 0.5}], "on": True}, "at": 1_700_000_000_250, "q": "good"}
    device.say("press", body)
    device.say("door", b"CLOSED")
    device.say("scale", b"\x01\x02" + struct.pack(">f", 2.5))
    device.say("meter", b" 42.5\n")
    device.say("mode", {"v": "RUN", "q": "uncertain"})
    device.say("press", {**body, "q": "broken"})
    came = rig.take(8)
    stamp_ns = 1_700_000_000_250_000_000
    assert came[:2] == [
        ("press#data.axes[1].load", 0.5, Quality.GOOD, stamp_ns),
        ("press#data.on", 1.0, Quality.GOOD, stamp_ns),
    ]
    assert [(address, value, quality) for address, value, quality, _ in came[2:5]] == [
        ("door#=bool", 0.0, Quality.GOOD),
        ("scale#=float32be@2", 2.5, Quality.GOOD),
        ("meter#=text", 42.5, Quality.GOOD),
    ]
    assert came[5][:3] == ("mode", 3.0, Quality.UNCERTAIN)
    assert [quality for _, _, quality, _ in came[6:]] == [Quality.BAD, Quality.BAD]
    device.close()


def test_retained_messages_count_by_their_age(broker: TestBroker, rigs: Callable[..., Rig]) -> None:
    device = Device(broker.port)
    device.say("timed", {"v": 1, "t": 1_600_000_000}, retain=True)
    device.say("timeless", b"2", retain=True)
    rig = rigs(broker.port, tag("timed"), tag("timeless"))
    rig.up()
    came = {address: (value, quality, stamp) for address, value, quality, stamp in rig.take(2)}
    assert came["timed"] == (1.0, Quality.GOOD, 1_600_000_000 * 10**9), "its own time makes it stale in the pipeline"
    assert came["timeless"][:2] == (2.0, Quality.STALE)
    device.say("timeless", b"3", retain=True)
    assert rig.take(1)[0][1:3] == (3.0, Quality.GOOD), "said while we listen: it is new"
    deaf = rigs(broker.port, tag("timed"), tag("live"), retained="ignore")
    deaf.up()
    device.say("live", b"1")
    assert [address for address, *_ in deaf.take(1)] == ["live"]
    device.close()


@needs_mosquitto
@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_a_short_cut_loses_nothing_where_the_session_is_kept(
    mosquitto: Mosquitto, rigs: Callable[..., Rig], version: str
) -> None:
    rig = rigs(mosquitto.port, tag("count"), version=version, client_id=f"cell-{version}", session_s=60)
    rig.up()
    device = Device(mosquitto.port)
    for number in range(5):
        device.say("count", {"v": number, "t": 1e9 + number})
    assert [value for _, value, _, _ in rig.take(5)] == [0, 1, 2, 3, 4]
    rig.source.stop()
    for number in range(5, 205):
        device.say("count", {"v": number, "t": 1e9 + number})
    rig.source.start()
    assert [value for _, value, _, _ in rig.take(200)] == list(range(5, 205))
    device.close()


@needs_mosquitto
def test_version_5_works_like_3(mosquitto: Mosquitto, rigs: Callable[..., Rig]) -> None:
    rig = rigs(mosquitto.port, tag("a"), version="5")
    rig.up()
    device = Device(mosquitto.port)
    device.say("a", b"1.5")
    assert rig.take(1)[0][:3] == ("a", 1.5, Quality.GOOD)
    device.close()


def test_discovery_proposes_what_is_published(broker: TestBroker, rigs: Callable[..., Rig]) -> None:
    device = Device(broker.port)
    device.say("line/press", {"v": 7, "t": 5, "motor": {"on": True}}, retain=True)
    device.say("line/text", b"hello", retain=True)
    device.say("other/x", b"1", retain=True)
    spec = rigs(broker.port, tag("unused")).spec
    rows = asyncio.run(discover(spec, DiscoveryRequest(rows_max=2, listen_s=5.0, below="line/#")))
    assert [(row.tag, row.address, row.unit, row.value) for row in rows] == [
        ("line/press", "line/press", "1", "7"),
        ("line/press/motor/on", "line/press#motor.on", "bool", "True"),
    ]
    device.close()


@needs_mosquitto
def test_a_password_is_shown_and_a_wrong_one_is_told(tmp_path: Path, rigs: Callable[..., Rig]) -> None:
    passwords = tmp_path / "passwords"
    tool = Path(str(MOSQUITTO)).parents[1] / "bin" / "mosquitto_passwd"
    if not tool.exists():
        pytest.skip("mosquitto_passwd is not installed")
    subprocess.run([str(tool), "-b", "-c", str(passwords), "cell", "right"], check=True, capture_output=True)
    passwords.chmod(0o644)
    broker = Mosquitto("allow_anonymous false", f"password_file {passwords}", "user root")
    broker.start()
    try:
        good = rigs(broker.port, tag("a"), credentials=Credentials("c", "cell", Secret("right")))
        good.up()
        bad = rigs(broker.port, tag("a"), credentials=Credentials("c", "cell", Secret("wrong-word")))
        bad.source.start()
        bad.until(lambda: bad.source.status().link is Link.DOWN, "the refusal")
        assert "uthoriz" in bad.source.status().reason
        assert "wrong-word" not in repr(bad.source.status())
    finally:
        broker.close()


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "broker")])
    now = dt.datetime.now(dt.UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(HOST))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "broker.pem", folder / "broker.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return certificate, private


@needs_mosquitto
def test_tls_is_spoken_only_with_a_server_that_is_trusted(tmp_path: Path, rigs: Callable[..., Rig]) -> None:
    certificate, private = _certificate(tmp_path)
    lines = (f"certfile {certificate}", f"keyfile {private}", "allow_anonymous true", "user root")
    broker = Mosquitto(*lines)
    broker.start()
    try:
        trusting = rigs(broker.port, tag("a"), tls=True, credentials=Credentials("c", trusted=certificate))
        trusting.up()
        other = rigs(broker.port, tag("b"), tls=True, credentials=Credentials("c", trusted=certificate))
        other.up()
        link = paho.Client(CallbackAPIVersion.VERSION2)
        link.tls_set(ca_certs=str(certificate))
        link.connect(HOST, broker.port)
        link.loop_start()
        for number in range(300):
            link.publish("a", str(number), 1)
        assert [value for _, value, _, _ in trusting.take(300)] == list(range(300))
        link.disconnect()
        link.loop_stop()
        wary = rigs(broker.port, tag("a"), tls=True)
        wary.source.start()
        wary.until(lambda: wary.source.status().link is Link.DOWN, "the refusal")
        assert "TLS: CERTIFICATE_VERIFY_FAILED" in wary.source.status().reason
    finally:
        broker.close()


def test_a_burst_larger_than_any_buffer_comes_whole_and_in_order(broker: TestBroker, rigs: Callable[..., Rig]) -> None:
    rig = rigs(broker.port, tag("count"))
    rig.up()
    device = Device(broker.port)
    for number in range(1000):
        device.client.publish("count", json.dumps({"v": number, "t": 1e9 + number, "pad": "x" * 200}), 1)
    assert [value for _, value, _, _ in rig.take(1000)] == list(range(1000))
    assert rig.source.status().lost == rig.source.status().rejected == 0
    device.close()


def test_topics_that_the_broker_refuses_are_bad_and_the_others_none_the_worse(rigs: Callable[..., Rig]) -> None:
    server = FakeMqttServer()
    try:
        rig = rigs(server.port, tag("denied/x"), tag("free"))
        rig.up()
        assert rig.take(1)[0][::2] == ("denied/x", Quality.BAD)
        rig.until(lambda: "refuses 1 of 2 topics" in rig.source.status().reason, "the word of it")
        server.send("free", b"5")
        assert rig.take(1)[0][:3] == ("free", 5.0, Quality.GOOD)
        assert rig.source.status().link is Link.CONNECTED
    finally:
        rig.close()
        server.close()


def test_a_message_is_acknowledged_only_when_it_was_handed_on(rigs: Callable[..., Rig]) -> None:
    server = FakeMqttServer()
    try:
        rig = rigs(server.port, tag("a"))
        seen: list[list[int]] = []
        real = rig.source._emit
        rig.source._emit = lambda frame: (seen.append(server.connections[0].kinds), real(frame))[1]
        rig.up()
        server.send("a", b"1", mid=7)
        assert rig.take(1)[0][1] == 1.0
        server.until(lambda: PUBACK in server.connections[0].kinds, "the acknowledgement")
        assert PUBACK not in seen[0]
    finally:
        rig.close()
        server.close()


def test_a_message_beyond_all_bounds_is_not_waited_for(rigs: Callable[..., Rig]) -> None:
    server = FakeMqttServer()
    try:
        rig = rigs(server.port, tag("a"))
        rig.up()
        server.announce(200 << 20)
        reasons: list[str] = []
        rig.until(
            lambda: bool(reasons.append(rig.source.status().reason)) or len(server.connections) == 2, "the next try"
        )
        assert any("a packet of 209715200 bytes; valid: up to 4194304" in reason for reason in reasons)
    finally:
        rig.close()
        server.close()


def test_whatever_goes_wrong_behind_the_source_is_told_and_survived(rigs: Callable[..., Rig]) -> None:
    server = FakeMqttServer()
    try:
        rig = rigs(server.port, tag("a"))
        real = rig.source._emit

        def emit_badly(frame: Frame) -> None:
            rig.source._emit = real
            raise RuntimeError("the disk is full")

        rig.source._emit = emit_badly
        rig.up()
        reasons: list[str] = []
        server.send("a", b"1", mid=7)
        rig.until(
            lambda: bool(reasons.append(rig.source.status().reason)) or len(server.connections) == 2, "the next try"
        )
        assert any("RuntimeError: the disk is full" in reason for reason in reasons)
        assert PUBACK not in server.connections[0].kinds, "the server will send it again"
        rig.until(lambda: rig.source.status().link is Link.CONNECTED, "the connection")
    finally:
        rig.close()
        server.close()


def test_a_broker_whose_answer_to_a_ping_waits_behind_data_is_not_lost(rigs: Callable[..., Rig]) -> None:
    server = FakeMqttServer(answers_pings=False)
    try:
        rig = rigs(server.port, tag("a"), keepalive_s=1)
        rig.up()
        beats = iter(range(10**6))

        def pinged_often() -> bool:
            server.send("a", b"%d" % next(beats))
            return server.connections[0].kinds.count(PINGREQ) >= 3

        rig.until(pinged_often, "three pings")
        assert rig.source.status().link is Link.CONNECTED
        assert len(server.connections) == 1
        rig.until(lambda: rig.source.status().link is not Link.CONNECTED, "the loss once data stops too")
        assert "no longer answers" in rig.source.status().reason
    finally:
        rig.close()
        server.close()
