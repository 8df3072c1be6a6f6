"""Modbus TCP under test: the plant's pymodbus server behind a relay that can lie."""

from __future__ import annotations

import math
import time

from server_harness import RelayedHarness
from source_harness import Facts, Lie

from workcell_sensors.tags import SourceRow, TagRow
from workcell_sim.plant.servers.modbus import ModbusFieldServer
from workcell_sim.plant.servers.server import Update

ADDRESSES = ("holding:0:float32:CDAB", "holding:30:float64", "input:2:float32", "holding:2:float32")
GARBAGE = b"\xff\xff\0\0\0\x05\x01\x03\x02\x12\x34" + b"\xde\xad\xbe\xef" * 8
"""A whole frame that nobody asked for, and then bytes that are none."""


class Harness(RelayedHarness[ModbusFieldServer]):
    """Floating-point registers, which can say that there is no value; those of a tag that is gone read zero."""

    facts = Facts(has_source_time=False, keeps_bursts=False)
    row = SourceRow("modbus", "modbus")
    tags = tuple(TagRow(f"press/{n}", "modbus", text, "1", "1", period_s=0.05) for n, text in enumerate(ADDRESSES))
    missing = "holding:900:int16"

    def make(self, tags: tuple[TagRow, ...], *, reshaped: bool) -> ModbusFieldServer:
        return ModbusFieldServer(self.row, tags, self.host)

    def lie(self, lie: Lie) -> bool:
        if lie is Lie.NOT_A_NUMBER:
            self.server.write(Update((self.tags[0].address,), (math.inf,), time.time_ns()))
            return True
        if lie is Lie.GARBAGE:
            self.inject(GARBAGE)
            return True
        return False


HARNESS = Harness
