"""A stand-in for a Universal Robots controller: the two ports that the maker's dashboard client speaks to."""

from __future__ import annotations

import socketserver
import struct
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

PRIMARY_PORT = 30001
DASHBOARD_PORT = 29999
POWER_OFF, IDLE, RUNNING = 3, 5, 7
"""ur_dashboard_msgs/RobotMode"""
NORMAL, PROTECTIVE_STOP, FAULT = 1, 3, 9
"""ur_dashboard_msgs/SafetyMode"""
MODE_WORDS = {POWER_OFF: "POWER_OFF", IDLE: "IDLE", RUNNING: "RUNNING"}


def version_message() -> bytes:
    """Returns what the primary interface says first: who it is (PolyScope 5.22, an e-Series)."""
    name = b"URControl"
    version = struct.pack(f">B{len(name)}sBBII", len(name), name, 5, 22, 0, 0) + b"01-01-2025, 00:00:00"
    message = struct.pack(">BQBB", 20, 0, 254, 3) + version
    return struct.pack(">I", 4 + len(message)) + message


class RobotController:
    """Modes of an arm that its dashboard changes; a context in which both ports are open on 127.0.0.1.

    Raises:
        OSError: a port is in use.
    """

    def __init__(self) -> None:
        self.robot_mode = RUNNING
        self.safety_mode = NORMAL
        self.heard: list[str] = []
        """Commands in the order in which they came, without questions."""
        self._servers = [
            _Server(("127.0.0.1", port), _handler(serve), bind_and_activate=True)
            for port, serve in ((PRIMARY_PORT, self._serve_primary), (DASHBOARD_PORT, self._serve_dashboard))
        ]

    def __enter__(self) -> RobotController:
        for server in self._servers:
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def _serve_primary(self, file: Any) -> None:
        file.write(version_message())
        file.flush()
        file.read()  # until the client goes

    def _serve_dashboard(self, file: Any) -> None:
        file.write(b"Connected: Universal Robots Dashboard Server\n")
        file.flush()
        for line in file:
            file.write(f"{self._answer(line.decode().strip())}\n".encode())
            file.flush()

    def _answer(self, command: str) -> str:
        if command == "PolyscopeVersion":
            return "URSoftware 5.22.0.1234 (Jan 01 2025)"
        if command == "robotmode":
            return f"Robotmode: {MODE_WORDS[self.robot_mode]}"
        self.heard.append(command)
        return self._obey(command)

    def _obey(self, command: str) -> str:
        match command:
            case "close safety popup":
                return "closing safety popup"
            case "unlock protective stop":
                self.safety_mode = NORMAL
                return "Protective stop releasing"
            case "restart safety":
                self.safety_mode, self.robot_mode = NORMAL, POWER_OFF
                return "Restarting safety"
            case "power on":
                self.robot_mode = IDLE
                return "Powering on"
            case "brake release":
                self.robot_mode = RUNNING
                return "Brake releasing"
            case _:
                return f"could not understand: '{command}'"


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False


def _handler(serve: Callable[[Any], None]) -> type[socketserver.BaseRequestHandler]:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with self.request.makefile("rwb") as file:
                try:
                    serve(file)
                except OSError:
                    return  # the client went without a word

    return Handler
