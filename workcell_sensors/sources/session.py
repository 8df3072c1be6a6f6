"""What all network sources share: connect, run, fail, say why, wait, and try again."""

from __future__ import annotations

import asyncio
import concurrent.futures
import dataclasses
import random
from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np

from workcell_sensors.reading import Frame, Quality
from workcell_sensors.sources.backoff import Backoff
from workcell_sensors.sources.source import ClockNs, Emit, Link, SourceSpec, SourceStatus
from workcell_sensors.sources.worker import AsyncWorker

FIRST_PAUSE_S = 0.1
WALL_PERIOD_S_MIN = 0.02
"""Asking more often costs more than the values are worth."""
_STOP_TIMEOUT_S = 5.0


class LinkLost(Exception):  # noqa: N818 - an event of the link, not a programming error
    """The session has ended; its text says why."""


class AsyncSource(ABC):
    """A source whose client is asyncio code in the gateway's worker thread.

    A subclass implements `session`, which connects, calls `up` when the server answers, delivers frames with
    `deliver`, and raises when the link is lost.
    """

    def __init__(self, spec: SourceSpec, emit: Emit, clock_ns: ClockNs, worker: AsyncWorker) -> None:
        self.spec = spec
        self.clock_ns = clock_ns
        self._emit = emit
        self._worker = worker
        self._status = SourceStatus()
        self._future: concurrent.futures.Future[None] | None = None
        # Jitter must differ between processes; it decides nothing else.
        self._backoff = Backoff(FIRST_PAUSE_S, spec.backoff_s_max, random.Random())
        self._ever_up = False
        self._task: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """The source's name in the tag table."""
        return self.spec.name

    def start(self) -> None:
        """Begins to connect and deliver."""
        if self._future is not None:
            raise RuntimeError(f"source {self.name} is already started")
        self._status = SourceStatus(link=Link.CONNECTING)
        self._ever_up = False
        self._future = self._worker.submit(self._run())

    def stop(self) -> None:
        """Ends the session; returns when the client is closed, or has had time enough to close."""
        if self._future is None:
            return
        done = self._worker.submit(self._cancelled())
        reason = ""
        try:
            done.result(_STOP_TIMEOUT_S)
        except TimeoutError:
            # A server that no longer answers must not keep the cell from stopping.
            done.cancel()
            reason = f"the client did not close within {_STOP_TIMEOUT_S:g} s"
        self._future = None
        self._status = dataclasses.replace(self._status, link=Link.STOPPED, reason=reason)

    def status(self) -> SourceStatus:
        """Returns how the source stands; any thread may ask."""
        return self._status

    @abstractmethod
    async def session(self) -> None:
        """Connects and delivers until the link is lost, which it tells by raising."""

    def up(self) -> None:
        """Says that the server has answered."""
        again = 1 if self._ever_up else 0
        self._ever_up = True
        self._backoff.reset()
        self._status = dataclasses.replace(
            self._status, link=Link.CONNECTED, reason="", reconnects=self._status.reconnects + again
        )

    def reject(self, count: int = 1) -> None:
        """Counts values that could not be read."""
        self._status = dataclasses.replace(self._status, rejected=self._status.rejected + count)

    def deliver(
        self, addresses: Sequence[str], values: Sequence[float], qualities: Sequence[Quality], stamp_ns: int
    ) -> None:
        """Hands a frame on."""
        quality = np.array(qualities, dtype=np.uint8) if any(qualities) else None
        array = np.array(values, dtype=np.float64)
        self._emit(Frame(self.name, tuple(addresses), array, quality, stamp_ns, self.clock_ns()))
        self._status = dataclasses.replace(self._status, frames=self._status.frames + 1)

    def wall_period_s(self, cell_s: float) -> float:
        """Returns how often to ask, wall clock; in a cell that runs fast, less often than in its own time."""
        return max(self.wall_s(cell_s), WALL_PERIOD_S_MIN)

    def wall_s(self, cell_s: float) -> float:
        """Returns a duration of the cell's clock as one of the wall clock."""
        return cell_s / self.spec.time_scale

    async def _run(self) -> None:
        task = self._task = asyncio.current_task()
        while task is not None and not task.cancelling():
            try:
                await self.session()
                reason = "the server closed the connection"
            except asyncio.CancelledError:
                # A library may cancel its own inner task; unless we are being stopped that is a lost link.
                reason = "the client was cancelled"
                if task.cancelling():
                    raise
            except Exception as error:
                reason = self._reason(error)
            self._status = dataclasses.replace(self._status, link=Link.DOWN, reason=reason)
            await asyncio.sleep(self._backoff.next_s())

    async def _cancelled(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _reason(self, error: Exception) -> str:
        where = f"{self.spec.host}:{self.spec.port}"
        if isinstance(error, LinkLost):
            return f"{where}: {error}"
        if isinstance(error, TimeoutError):
            return f"{where}: no answer within {self.spec.timeout_s:g} s"
        text = " ".join(str(error).split())
        return f"{where}: {type(error).__name__}{': ' if text else ''}{text}"
