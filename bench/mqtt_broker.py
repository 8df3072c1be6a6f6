"""The broker of the MQTT and Sparkplug benchmarks: mosquitto, and a publisher beside it that ends with it."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import struct
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.ingest_parts import LOOPBACK

START_LIMIT_S = 20.0
CONNECT_TIMEOUT_S = 1.0


def serve_with(port: int, publish: Callable[[int], None]) -> None:
    """Becomes mosquitto on `port`; `publish(port)` runs in a child process until the broker is gone.

    Raises:
        SystemExit: mosquitto is not installed.
    """
    mosquitto = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if mosquitto is None:
        raise SystemExit("this benchmark needs mosquitto (Debian package mosquitto)")
    config = Path(tempfile.mkdtemp(prefix="workcell-bench-")) / "mosquitto.conf"
    lines = (f"listener {port} {LOOPBACK}", "allow_anonymous true", "max_queued_messages 0", "log_type none", "")
    config.write_text("\n".join(lines), encoding="utf-8")
    if os.fork() == 0:
        with contextlib.suppress(OSError):
            wait_for(port)
            publish(port)
        os._exit(0)
    os.execv(mosquitto, [mosquitto, "-c", str(config)])


def wait_for(port: int) -> None:
    """Returns once something listens on the port.

    Raises:
        TimeoutError: nothing does.
    """
    limit = time.monotonic() + START_LIMIT_S
    while time.monotonic() < limit:
        with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), CONNECT_TIMEOUT_S):
            return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}")


def connected_socket(port: int, client_id: str) -> socket.socket:
    """Returns a socket over which PUBLISH packets of MQTT 3.1.1 may be written.

    A client library would need more of the processor than the gateway that is measured.
    """
    sock = socket.create_connection((LOOPBACK, port))
    name = client_id.encode()
    body = b"\x00\x04MQTT\x04\x02" + struct.pack(">HH", 0, len(name)) + name
    sock.sendall(bytes((0x10, len(body))) + body)
    sock.recv(4)  # CONNACK
    return sock


def publish_packet(topic: bytes, payload: bytes) -> bytes:
    """Returns a PUBLISH packet of QoS 0.

    >>> publish_packet(b"t", b"x")
    b'0\\x04\\x00\\x01tx'
    """
    rest = len(topic) + len(payload) + 2
    size = bytearray()
    while True:
        rest, low = rest >> 7, rest & 0x7F
        size.append(low | 0x80 if rest else low)
        if not rest:
            break
    return b"\x30" + bytes(size) + struct.pack(">H", len(topic)) + topic + payload
