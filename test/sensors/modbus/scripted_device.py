"""A Modbus TCP gateway with several units that behave, and misbehave, as a test says."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from waiting import PATIENCE_S

from workcell_sensors.sources.modbus_pdu import ExceptionCode
from workcell_sensors.sources.worker import AsyncWorker

LOOPBACK = "127.0.0.1"
REGISTERS = 400
_HEAD = struct.Struct(">HHHBBHH")


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    transaction: int
    unit: int
    function: int
    offset: int
    count: int


Reaction = Callable[[Asked], Awaitable[bytes | int | None]]
"""Returns the values' bytes, an exception code, or None for silence."""


@dataclass
class Unit:
    """A device whose register n holds n, but where it holds what `values` says or nothing at all."""

    missing: frozenset[int] = frozenset()
    values: dict[int, int] = field(default_factory=dict)

    def words(self, asked: Asked) -> bytes | int:
        """Returns the registers asked for, or the code by which they are refused."""
        wanted = range(asked.offset, asked.offset + asked.count)
        if wanted.stop > REGISTERS or not self.missing.isdisjoint(wanted):
            return int(ExceptionCode.ILLEGAL_DATA_ADDRESS)
        return struct.pack(f">{asked.count}H", *(self.values.get(n, n) for n in wanted))


class ScriptedDevice:
    """Listens on a free port; `react` may be set anew at any time."""

    def __init__(self, **units: Unit) -> None:
        self.units = {int(name.removeprefix("unit_")): unit for name, unit in units.items()}
        self.react: Reaction = self.honest
        self.asked: list[Asked] = []
        self.at_once = 0
        self.at_once_per_unit: dict[int, int] = {}
        self.most_at_once = 0
        self.most_at_once_per_unit = 0
        self.connections = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._worker = AsyncWorker("test-modbus")
        self._server = self._worker.submit(asyncio.start_server(self._serve, LOOPBACK, 0)).result(PATIENCE_S)
        self.port: int = self._server.sockets[0].getsockname()[1]

    async def honest(self, asked: Asked) -> bytes | int | None:
        """Answers as a well-behaved gateway does."""
        unit = self.units.get(asked.unit)
        return int(ExceptionCode.GATEWAY_TARGET_FAILED) if unit is None else unit.words(asked)

    def say(self, data: bytes) -> None:
        """Sends bytes that nobody asked for."""

        async def send() -> None:
            for writer in self._writers:
                writer.write(data)

        self._worker.submit(send()).result(PATIENCE_S)

    def close(self) -> None:
        async def end() -> None:
            self._server.close()
            for writer in self._writers:
                writer.transport.abort()

        self._worker.submit(end()).result(PATIENCE_S)
        self._worker.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while True:
                transaction, _, _, unit, function, offset, count = _HEAD.unpack(await reader.readexactly(_HEAD.size))
                asked = Asked(transaction, unit, function, offset, count)
                task = asyncio.create_task(self._answer(asked, writer))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _answer(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        self.asked.append(asked)
        self._begin(asked.unit, 1)
        said = await self.react(asked)
        self._begin(asked.unit, -1)
        if said is None or writer.transport.is_closing():
            return
        pdu = (
            bytes((asked.function | 0x80, said)) if isinstance(said, int) else bytes((asked.function, len(said))) + said
        )
        writer.write(struct.pack(">HHHB", asked.transaction, 0, len(pdu) + 1, asked.unit) + pdu)

    def _begin(self, unit: int, by: int) -> None:
        self.at_once += by
        self.at_once_per_unit[unit] = self.at_once_per_unit.get(unit, 0) + by
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.most_at_once_per_unit = max(self.most_at_once_per_unit, self.at_once_per_unit[unit])
