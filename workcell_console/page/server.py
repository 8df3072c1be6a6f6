"""Serves the page from one worker thread."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

from workcell_ros.errors import PortError

if TYPE_CHECKING:
    from starlette.applications import Starlette

STOP_TIMEOUT_S = 5.0


class PageServer:
    """An HTTP server on `host:port` in a thread of its own; port 0 picks a free one.

    Raises:
        PortError: the port is taken or may not be bound.
    """

    def __init__(self, app: Starlette, host: str, port: int) -> None:
        self._socket = _bind(host, port)
        # From now on nobody else can have the port, and who asks before serving begins is kept waiting.
        self._socket.listen()
        self.port: int = self._socket.getsockname()[1]
        # Late: who only asks for a free port needs no server.
        import uvicorn

        config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="workcell-page", daemon=True)

    def start(self) -> None:
        """Begins to serve."""
        self._thread.start()

    def stop(self) -> None:
        """Ends serving and waits for the thread."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(STOP_TIMEOUT_S)
        self._socket.close()

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])


def free_port(what: str, host: str, port: int) -> int:
    """Returns `port` if it can be listened on now, or a free one where it is 0.

    Raises:
        PortError: the port is taken or may not be bound.
    """
    with _bind(host, port, what) as probe:
        return int(probe.getsockname()[1])


def _bind(host: str, port: int, what: str = "web page") -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except (OSError, OverflowError) as error:
        listener.close()
        raise PortError(what, host, port, getattr(error, "strerror", None) or str(error)) from None
    return listener
