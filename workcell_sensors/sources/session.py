"""What all network sources share: connect, run, fail, say why, wait, and try again."""

from __future__ import annotations

import asyncio
import concurrent.futures
import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from workcell_sensors.reading import FloatArray, Frame, QualityArray, StampArray
from workcell_sensors.sources.backoff import Backoff
from workcell_sensors.sources.clock_offset import ClockOffset
from workcell_sensors.sources.source import ClockNs, Emit, Link, SourceSpec, SourceStatus
from workcell_sensors.sources.worker import AsyncWorker

FIRST_PAUSE_S = 0.1
WALL_PERIOD_S_MIN = 0.02
"""Asking more often costs more than the values are worth."""
_STOP_TIMEOUTS = 3.0
"""How many of the source's timeouts its client has to close: to say goodbye, and to give up on the answer."""


class LinkLost(Exception):  # noqa: N818 - an event of the link, not a programming error
    """The session has ended; its text says why."""


@dataclass
class _Tally:
    """What a source counts from its start on; the fields are those of `SourceStatus`.

    The mappings are replaced, never changed: another thread may be reading them.
    """

    reconnects: int = 0
    frames: int = 0
    values: int = 0
    rejected: int = 0
    lost: int = 0
    granted: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)


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
        self._future: concurrent.futures.Future[None] | None = None
        # Jitter must differ between processes; it decides nothing else.
        self._backoff = Backoff(FIRST_PAUSE_S, spec.backoff_s_max, random.Random())
        self._task: asyncio.Task[None] | None = None
        self._ever_up = False
        self._tally = _Tally()
        self._clock_offset = ClockOffset()
        # One tuple, for another thread may ask between two assignments.
        self._stand = (Link.STOPPED, "")

    @property
    def name(self) -> str:
        """The source's name in the tag table."""
        return self.spec.name

    def start(self) -> None:
        """Begins to connect and deliver."""
        if self._future is not None:
            raise RuntimeError(f"source {self.name} is already started")
        self._ever_up = False
        self._tally = _Tally()
        self._clock_offset = ClockOffset()
        self._stand = (Link.CONNECTING, "")
        self._future = self._worker.submit(self._run())

    def stop(self) -> None:
        """Ends the session; returns when the client is closed, or has had time enough to close."""
        if self._future is None:
            return
        done = self._worker.submit(self._cancelled())
        reason = ""
        limit_s = _STOP_TIMEOUTS * self.spec.timeout_s
        try:
            done.result(limit_s)
        except TimeoutError:
            # A server that no longer answers must not keep the cell from stopping.
            done.cancel()
            reason = f"the client did not close within {limit_s:g} s"
        self._future = None
        self._stand = (Link.STOPPED, reason)

    def status(self) -> SourceStatus:
        """Returns how the source stands; any thread may ask."""
        link, reason = self._stand
        return SourceStatus(link, reason, clock_offset_s=self._clock_offset.offset_s, **vars(self._tally))

    @abstractmethod
    async def session(self) -> None:
        """Connects and delivers until the link is lost, which it tells by raising."""

    def up(self) -> None:
        """Says that the server has answered."""
        if self._ever_up:
            self._tally.reconnects += 1
        self._ever_up = True
        self._backoff.reset()
        self._stand = (Link.CONNECTED, "")

    def doubt(self, reason: str) -> None:
        """Says what is wrong though the link is up; an empty text says that it is over."""
        self._stand = (self._stand[0], reason)

    def reject(self, count: int = 1) -> None:
        """Counts values that could not be read."""
        self._tally.rejected += count

    def lose(self, count: int = 1) -> None:
        """Counts values that the device or its protocol says were lost."""
        self._tally.lost += count

    def count(self, name: str, by: int = 1) -> None:
        """Counts something of the protocol's own, to be seen on diagnostics under that name."""
        counts = self._tally.counts
        self._tally.counts = {**counts, name: counts.get(name, 0) + by}

    def grant(self, **limits: float) -> None:
        """Tells the limits that the server granted; names end in their unit."""
        self._tally.granted = {**self._tally.granted, **limits}

    def deliver(
        self,
        addresses: Sequence[str],
        values: Sequence[float] | FloatArray,
        qualities: Sequence[int] | QualityArray | None = None,
        stamp_ns: int | None = None,
        *,
        stamps_ns: StampArray | None = None,
        historical: bool = False,
        device_time: bool = True,
    ) -> None:
        """Hands a frame on.

        Args:
            addresses: (n,), each once; the same tuple every time costs least.
            values: (n,) raw numbers, NaN where there is none.
            qualities: (n,) as the protocol says; None where all are GOOD.
            stamp_ns: when the device took the values; None where the protocol gives no time: they count as taken now.
            stamps_ns: (n,) instead, where the values have times of their own.
            historical: the device says that these are past values, sent later.
            device_time: whether the times are by the device's clock; only such tell how far it is off.
        """
        now_ns = self.clock_ns()
        if stamps_ns is not None:
            stamp_ns = int(stamps_ns.max())
        made_here = stamp_ns is not None and not device_time
        if stamp_ns is None:
            stamp_ns = now_ns
        elif device_time and not historical:
            self._clock_offset.note(stamp_ns, now_ns)
        if device_time and not self.spec.row.device_time:
            stamp_ns, stamps_ns = now_ns, None
        quality = np.asarray(qualities, dtype=np.uint8) if qualities is not None and np.any(qualities) else None
        array = np.asarray(values, dtype=np.float64)
        self._emit(
            Frame(self.name, tuple(addresses), array, quality, stamp_ns, now_ns, stamps_ns, historical, made_here)
        )
        self._tally.frames += 1
        self._tally.values += len(array)

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
            self._stand = (Link.DOWN, reason)
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
