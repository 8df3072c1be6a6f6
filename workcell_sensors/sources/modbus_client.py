"""A Modbus TCP connection that several units share: one request in flight per unit, answers matched by transaction."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
from collections.abc import Callable
from types import TracebackType
from typing import Self

from workcell_sensors.sources.modbus_pdu import (
    Frame,
    FrameReader,
    ReadRequest,
    Refusal,
    decode_answer,
    encode_request,
)

READ_BYTES = 1 << 16
TRANSACTIONS = 1 << 16
_KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 20_000}
"""A peer that is gone without a word (power cut, pulled cable) ends the connection also while nothing is asked."""


class ModbusConnection:
    """An open connection; `async with` opens and closes it.

    Args:
        host, port: where the device or gateway listens.
        timeout_s: for connecting, and for each answer.
        in_flight_max: requests that may wait for an answer at once, of different units.
        discarded: is told of each answer that nobody waits for any more.
    """

    def __init__(
        self, host: str, port: int, timeout_s: float, in_flight_max: int, discarded: Callable[[], None]
    ) -> None:
        self._place = (host, port)
        self._timeout_s = timeout_s
        self._discarded = discarded
        self._waiting: dict[int, tuple[ReadRequest, asyncio.Future[bytes | Refusal]]] = {}
        self._transactions = itertools.cycle(range(1, TRANSACTIONS))
        self._units: dict[int, asyncio.Lock] = {}
        self._slots = asyncio.Semaphore(in_flight_max)
        self._lost: Exception | None = None

    async def __aenter__(self) -> Self:
        async with asyncio.timeout(self._timeout_s):
            self._reader, self._writer = await asyncio.open_connection(*self._place)
        _keep_alive(self._writer.get_extra_info("socket"))
        self._task = asyncio.create_task(self._receive())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._writer.transport.abort()

    async def read(self, request: ReadRequest) -> bytes | Refusal:
        """Returns the values' bytes, or the device's refusal.

        Raises:
            TimeoutError: no answer came in time; one that comes later is discarded.
            ConnectionError: the connection is lost.
        """
        lock = self._units.setdefault(request.unit, asyncio.Lock())
        async with lock, self._slots:
            if self._lost is not None:
                raise ConnectionError(str(self._lost))
            transaction = next(number for number in self._transactions if number not in self._waiting)
            answer: asyncio.Future[bytes | Refusal] = asyncio.get_running_loop().create_future()
            self._waiting[transaction] = (request, answer)
            try:
                self._writer.write(encode_request(transaction, request))
                async with asyncio.timeout(self._timeout_s):
                    return await answer
            finally:
                del self._waiting[transaction]

    async def _receive(self) -> None:
        reader = FrameReader()
        try:
            while data := await self._reader.read(READ_BYTES):
                for frame in reader.feed(data):
                    self._answer(frame)
            self._end(ConnectionError("the server closed the connection"))
        except (OSError, ValueError) as error:
            self._end(error)

    def _answer(self, frame: Frame) -> None:
        request, answer = self._waiting.get(frame.transaction, (None, None))
        if request is None or answer is None or answer.done():
            self._discarded()
            return
        try:
            answer.set_result(decode_answer(request, frame))
        except ValueError as error:
            # Right number, wrong content: what else it may have mixed up cannot be known.
            answer.set_exception(ConnectionError(str(error)))

    def _end(self, error: Exception) -> None:
        self._lost = error
        for _, answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(ConnectionError(str(error)))


def _keep_alive(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        # Not every system has every one of them.
        with contextlib.suppress(AttributeError, OSError):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
