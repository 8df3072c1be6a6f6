"""A Modbus TCP server whose registers are the tags of the gripper, the infeed and the power meter."""

from __future__ import annotations

import math
from typing import Any

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from workcell_sensors.sources.modbus_codec import BIT_TABLES, ModbusAddress, parse_address
from workcell_sim.plant.servers.server import FieldServer, Update

_TABLE_OF_FUNCTION = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}
_BITS_PER_WORD = 16
FLOATS = ("float32", "float64")


class ModbusFieldServer(FieldServer):
    """One device with four tables; what is no floating-point number holds its last value: Modbus has no other way."""

    _server: Any = None

    async def open(self) -> None:
        """Lays the tables out and listens."""
        self._addresses = {tag.address: parse_address(tag.address) for tag in self.tags}
        self._words: dict[str, dict[int, int]] = {table: {} for table in _TABLE_OF_FUNCTION.values()}
        tables: Any = tuple([_table(table, self._addresses.values())] for table in _TABLE_OF_FUNCTION.values())
        device = SimDevice(id=self.row.options.device_id, simdata=tables, action=self._on_request)
        self._server = ModbusTcpServer(device, address=(self.host, self.port))
        await self._server.serve_forever(background=True)

    async def apply(self, updates: list[Update]) -> None:
        """Sets the registers."""
        for update in updates:
            for address, value in zip(update.addresses, update.values, strict=True):
                place = self._addresses[address]
                if place.kind in FLOATS or not math.isnan(value):
                    self._set(place, value)

    async def close(self, abrupt: bool) -> None:
        """Stops the server."""
        server, self._server = self._server, None
        if server is not None:
            await server.shutdown()

    def _set(self, address: ModbusAddress, value: float) -> None:
        words = self._words[address.table]
        if address.table in BIT_TABLES:
            word, bit = divmod(address.offset, _BITS_PER_WORD)
            mask = 1 << bit
            words[word] = words.get(word, 0) & ~mask | (mask if value else 0)
            return
        for i, word in enumerate(address.encode(value)):
            words[address.offset + i] = word

    async def _on_request(
        self, function: int, start: int, address: int, count: int, registers: list[int], written: Any
    ) -> ExcCodes | None:
        """Puts the present words into pymodbus' own before it answers; writing is not allowed."""
        table = _TABLE_OF_FUNCTION.get(function)
        if table is None or written is not None:
            return ExcCodes.ILLEGAL_FUNCTION
        for offset, word in self._words[table].items():
            registers[offset - start] = word
        return None


def _table(table: str, addresses: Any) -> SimData:
    ends = [a.offset + a.width for a in addresses if a.table == table]
    size = max(ends, default=1)
    if table in BIT_TABLES:
        bits = math.ceil(size / _BITS_PER_WORD) * _BITS_PER_WORD
        return SimData(0, count=bits, values=False, datatype=DataType.BITS)
    return SimData(0, count=size, values=0, datatype=DataType.REGISTERS)
