"""MQTT brokers for the tests: mosquitto where it is installed, the embedded Python broker everywhere."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Protocol

from waiting import PATIENCE_S, until

from workcell_sensors.tags import SourceRow
from workcell_sim.plant.servers.mqtt import MqttFieldServer
from workcell_sim.plant.servers.server import LOOPBACK, free_port

MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin:/opt/homebrew/sbin")
NO_MOSQUITTO = "mosquitto is not installed (Debian package mosquitto)"


class TestBroker(Protocol):
    """A broker on a free loopback port, with the faults that brokers have."""

    __test__ = False
    port: int

    @property
    def is_up(self) -> bool: ...
    def start(self) -> None: ...
    def close(self) -> None: ...
    def kill(self) -> None: ...
    def restart(self) -> None: ...
    def stall(self) -> None: ...
    def unstall(self) -> None: ...


class Mosquitto:
    """The installed mosquitto in a process of its own; `lines` go into its configuration."""

    def __init__(self, *lines: str) -> None:
        assert MOSQUITTO, NO_MOSQUITTO
        self.port = 0
        self._lines = lines
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="workcell-mosquitto-")

    @property
    def is_up(self) -> bool:
        return self._process is not None

    def start(self) -> None:
        self.port = self.port or free_port()
        lines = self._lines or ("allow_anonymous true",)
        config = Path(self._folder.name) / "mosquitto.conf"
        wide = ("max_queued_messages 100000", "max_inflight_messages 0")
        config.write_text("\n".join([f"listener {self.port} {LOOPBACK}", *wide, *lines, ""]), encoding="utf-8")
        self._process = subprocess.Popen(
            [str(MOSQUITTO), "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._wait()

    def close(self) -> None:
        self.kill()
        self.port = 0
        self._folder.cleanup()

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        self.start()

    def stall(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def unstall(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def _wait(self) -> None:
        def listens() -> bool:
            assert self._process is not None
            assert self._process.poll() is None, "mosquitto ended at once"
            with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, self.port), PATIENCE_S):
                return True
            return False

        until(listens, lambda: f"mosquitto on port {self.port}")


class Amqtt:
    """The embedded Python broker in a thread of its own."""

    def __init__(self) -> None:
        self.port = 0
        self._server = MqttFieldServer(SourceRow("broker", "mqtt"), ())

    @property
    def is_up(self) -> bool:
        return self._server.running

    def start(self) -> None:
        self.port = self._server.start(self.port)

    def close(self) -> None:
        if self._server.running:
            self._server.stop()
        self.port = 0

    def kill(self) -> None:
        self._server.kill()

    def restart(self) -> None:
        self._server.restart()

    def stall(self) -> None:
        self._server.stall(60.0)

    def unstall(self) -> None:
        self._server.unstall()


def make_broker() -> TestBroker:
    """Returns the broker that there is, mosquitto first; not yet started."""
    return Mosquitto() if MOSQUITTO else Amqtt()
