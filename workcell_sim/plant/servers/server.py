"""What all simulated field servers share: a thread of their own, and the faults that servers have."""

from __future__ import annotations

import asyncio
import socket
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from workcell_ros.errors import PortError, WorkcellError
from workcell_sensors.sources.worker import AsyncWorker
from workcell_sensors.tags import SourceRow, TagRow

LOOPBACK = "127.0.0.1"
START_TIMEOUT_S = 20.0
CLOSE_TIMEOUT_S = 20.0
BACKLOG_MAX = 256


@dataclass(frozen=True)
class Update:
    """Raw numbers that a device scan put out."""

    addresses: tuple[str, ...]
    values: tuple[float, ...]  # NaN: the device has no value
    stamp_ns: int


def free_port(host: str = LOOPBACK) -> int:
    """Returns a port that nothing listens on at the moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def check_port(what: str, host: str, port: int) -> None:
    """Raises PortError where nothing can listen on the port."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise PortError(what, host, port, reason) from None


class FieldServer(ABC):
    """A protocol server in its own thread and event loop.

    A thread of its own because a stall must stop this server alone, as a hung device does: connections stay open
    and nothing answers. A subclass implements `open`, `apply` and `close` as code of that loop.
    """

    def __init__(self, row: SourceRow, tags: Sequence[TagRow], host: str = LOOPBACK) -> None:
        self.row = row
        self.name = row.name
        self.tags = tuple(tags)
        self.host = host
        self.port = 0
        self._worker: AsyncWorker | None = None
        self._resume = threading.Event()
        self._stopping = threading.Event()
        self._outage: threading.Thread | None = None
        self._backlog: deque[Update] = deque(maxlen=BACKLOG_MAX)
        self._lock = threading.Lock()

    @property
    def running(self) -> bool:
        """Whether it listens."""
        return self._worker is not None

    def start(self, port: int = 0) -> int:
        """Listens, on a free port where `port` is 0, and returns the port.

        Raises:
            PortError: the port cannot be bound.
            WorkcellError: the server did not come up.
        """
        if self._worker is not None:
            raise RuntimeError(f"{self.name} server is already started")
        what = f"{self.name} server"
        if port:
            check_port(what, self.host, port)
        self.port = port or free_port(self.host)
        self._resume.clear()
        self._backlog.clear()
        self._worker = AsyncWorker(f"plant-{self.name}")
        try:
            self._worker.submit(self.open()).result(START_TIMEOUT_S)
        except (OSError, RuntimeError, TimeoutError) as error:
            self._end(self.close(abrupt=True))
            raise WorkcellError(f"{what} on {self.host}:{self.port}: {type(error).__name__} {error}".strip()) from None
        return self.port

    def stop(self) -> None:
        """Takes leave of its clients and ends; returns when nothing of it runs any more."""
        self._stopping.set()
        if self._outage is not None:
            self._outage.join()
            self._outage = None
        self._stopping.clear()
        self._end(self.close(abrupt=False))

    def kill(self) -> None:
        """Ends without a goodbye, as a device that loses power."""
        self._end(self.close(abrupt=True))

    def restart(self) -> None:
        """Comes up again on the same port."""
        self.start(self.port)

    def outage(self, seconds: float) -> None:
        """Kills the server and brings it up again after a wall-clock duration; returns at once."""
        if self._outage is not None and self._outage.is_alive():
            return
        self._outage = threading.Thread(
            target=self._kill_and_restart, args=(seconds,), name=f"plant-{self.name}-outage"
        )
        self._outage.start()

    def stall(self, seconds: float) -> None:
        """Answers nobody for a wall-clock duration; `unstall`, `stop` and `kill` end it early."""
        if self._worker is not None:
            self._resume.clear()
            self._worker.loop.call_soon_threadsafe(self._resume.wait, seconds)

    def unstall(self) -> None:
        """Ends a stall now."""
        self._resume.set()

    def write(self, update: Update) -> None:
        """Puts device numbers on show; the oldest of `BACKLOG_MAX` waiting ones gives way. Any thread may."""
        worker = self._worker
        if worker is None:
            return
        with self._lock:
            idle = not self._backlog
            self._backlog.append(update)
        if idle:
            worker.submit(self._drain())

    @abstractmethod
    async def open(self) -> None:
        """Listens on `host`:`port`."""

    @abstractmethod
    async def apply(self, updates: list[Update]) -> None:
        """Shows device numbers."""

    @abstractmethod
    async def close(self, abrupt: bool) -> None:
        """Stops listening and drops all connections."""

    def _kill_and_restart(self, seconds: float) -> None:
        self.kill()
        if not self._stopping.wait(seconds):
            self.restart()

    async def _drain(self) -> None:
        with self._lock:
            updates = list(self._backlog)
            self._backlog.clear()
        await self.apply(updates)

    def _end(self, closing: Coroutine[Any, Any, None]) -> None:
        worker, self._worker = self._worker, None
        if worker is None:
            closing.close()
            return
        self._resume.set()
        try:
            worker.submit(_bounded(closing)).result(2.0 * CLOSE_TIMEOUT_S)
        finally:
            worker.stop()


async def _bounded(closing: Coroutine[Any, Any, None]) -> None:
    async with asyncio.timeout(CLOSE_TIMEOUT_S):
        await closing
