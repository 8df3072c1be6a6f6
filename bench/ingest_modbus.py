"""Modbus TCP's part of the ingest benchmark: a pymodbus server, its tag table, and pymodbus' own client as the peer.

A poll sees what is there now, so a counter that rises by itself would skip numbers for both. Here a register counts how
often it has been read: a number left out is an answer that was lost on the way to ROS.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from bench.ingest_parts import LOOPBACK, tag_table

WORDS = 2
"""Registers per tag: each is a uint32."""
TAGS_PER_READ = 62
"""What fits one request."""


def serve(port: int, tags: int, period_s: float) -> None:
    """Serves `tags` counters as holding registers until the process is ended."""
    logging.disable(logging.CRITICAL)
    asyncio.run(_serve(port, tags))


def tag_file(tags: int, period_s: float, port: int) -> str:
    """Returns the tag table of the served registers."""
    return tag_table(f"protocol: modbus, port: {port}", (f"holding:{n * WORDS}:uint32" for n in range(tags)), period_s)


async def bare(port: int, tags: int, period_s: float, seconds: float) -> int:
    """Returns how many values pymodbus' client reads and converts in a loop at the same period."""
    logging.disable(logging.CRITICAL)
    client: Any = AsyncModbusTcpClient(LOOPBACK, port=port)
    await client.connect()
    loop = asyncio.get_running_loop()
    end_s = loop.time() + seconds
    due_s = loop.time()
    updates = 0
    while loop.time() < end_s:
        for start in range(0, tags, TAGS_PER_READ):
            count = min(TAGS_PER_READ, tags - start)
            answer = await client.read_holding_registers(start * WORDS, count=count * WORDS)
            values = client.convert_from_registers(answer.registers, client.DATATYPE.UINT32)
            updates += len(values) if isinstance(values, list) else 1
        due_s = max(due_s + period_s, loop.time())
        await asyncio.sleep(due_s - loop.time())
    client.close()
    return updates


async def _serve(port: int, tags: int) -> None:
    reads: dict[int, int] = {}

    async def count_up(
        _function: int, start: int, address: int, count: int, registers: list[int], _written: Any
    ) -> None:
        number = reads[address] = reads.get(address, 0) + 1
        at = address - start
        registers[at : at + count] = [number >> 16, number & 0xFFFF] * (count // WORDS)

    tables: Any = (
        [SimData(0, count=1, values=False, datatype=DataType.BITS)],
        [SimData(0, count=1, values=False, datatype=DataType.BITS)],
        [SimData(0, count=tags * WORDS, values=0, datatype=DataType.REGISTERS)],
        [SimData(0, count=1, values=0, datatype=DataType.REGISTERS)],
    )
    device = SimDevice(id=1, simdata=tables, action=count_up)
    await ModbusTcpServer(device, address=(LOOPBACK, port)).serve_forever()
