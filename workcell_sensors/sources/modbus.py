"""Modbus TCP: tags merged into few block reads, one request in flight, each tag at its own period."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pymodbus.client import AsyncModbusTcpClient

from workcell_sensors.reading import Quality
from workcell_sensors.sources.modbus_codec import BIT_TABLES, Block, plan
from workcell_sensors.sources.modbus_protocol import ModbusOptions
from workcell_sensors.sources.session import AsyncSource, LinkLost
from workcell_sensors.sources.source import ClockNs, Emit, SourceSpec
from workcell_sensors.sources.worker import AsyncWorker
from workcell_sensors.tags import TagRow


@dataclass
class _Poll:
    """The tags of one period, read together."""

    period_s: float
    blocks: tuple[Block, ...]
    due_s: float = 0.0

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses in the order of the blocks."""
        return tuple(address for block in self.blocks for address, _ in block.addresses)


class ModbusSource(AsyncSource):
    """Polls the tags' registers. Modbus has no time of its own: a value's stamp is when the answer came."""

    def __init__(self, spec: SourceSpec, emit: Emit, clock_ns: ClockNs, worker: AsyncWorker) -> None:
        super().__init__(spec, emit, clock_ns, worker)
        self._device_id = spec.options(ModbusOptions).device_id
        self._polls = [_Poll(period_s, plan(addresses)) for period_s, addresses in _by_period(spec.tags).items()]

    async def session(self) -> None:
        """Connects and polls."""
        client = AsyncModbusTcpClient(
            self.spec.host, port=self.spec.port, timeout=self.spec.timeout_s, retries=0, reconnect_delay=0
        )
        try:
            if not await client.connect():
                raise LinkLost("cannot connect")
            await self._read_all(client, self._polls[0])
            # Only an answer shows that a Modbus server is there: a stalled one still accepts connections.
            self.up()
            await self._poll_forever(client)
        finally:
            client.close()

    async def _poll_forever(self, client: Any) -> None:
        loop = asyncio.get_running_loop()
        for poll in self._polls:
            poll.due_s = loop.time()
        while True:
            poll = min(self._polls, key=lambda item: item.due_s)
            await asyncio.sleep(max(0.0, poll.due_s - loop.time()))
            # After a hold-up the missed polls are left out, not made up for.
            poll.due_s = max(poll.due_s + self.wall_period_s(poll.period_s), loop.time())
            values = await self._read_all(client, poll)
            qualities = [Quality.BAD if math.isnan(value) else Quality.GOOD for value in values]
            self.deliver(poll.addresses, values, qualities)

    async def _read_all(self, client: Any, poll: _Poll) -> list[float]:
        """Returns the values of a poll's addresses in order, NaN where the device refuses."""
        return [value for block in poll.blocks for value in await self._read(client, block)]

    async def _read(self, client: Any, block: Block) -> list[float]:
        read = {
            "coil": client.read_coils,
            "discrete": client.read_discrete_inputs,
            "holding": client.read_holding_registers,
            "input": client.read_input_registers,
        }[block.table]
        answer = await read(block.offset, count=block.count, device_id=self._device_id)
        if answer.isError():
            # The device is there and refuses this block (exception response): bad values, no lost link.
            self.reject(len(block.addresses))
            return [math.nan] * len(block.addresses)
        if block.table in BIT_TABLES:
            return [float(answer.bits[a.offset - block.offset]) for _, a in block.addresses]
        words = answer.registers
        return [
            a.decode(words[a.offset - block.offset : a.offset - block.offset + a.width]) for _, a in block.addresses
        ]


def _by_period(tags: Iterable[TagRow]) -> dict[float, list[str]]:
    periods: dict[float, list[str]] = {}
    for tag in tags:
        periods.setdefault(tag.period_s, []).append(tag.address)
    return periods
