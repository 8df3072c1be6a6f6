"""Modbus TCP under test: the plant's pymodbus server behind a relay that can lie."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

from faulty_proxy import FaultyProxy
from source_harness import Facts, Lie, SourceHarness

from workcell_sensors.tags import SourceRow, TagRow
from workcell_sim.plant.servers.modbus import ModbusFieldServer
from workcell_sim.plant.servers.server import Update

ROW = SourceRow("modbus", "modbus")
ADDRESSES = ("holding:0:float32:CDAB", "holding:30:float64", "input:2:float32", "holding:2:float32")


class Harness(SourceHarness):
    """Floating-point registers, which can say that there is no value."""

    facts = Facts(has_source_time=False, keeps_bursts=False)
    row = ROW
    tags = tuple(TagRow(f"press/{n}", "modbus", text, "1", "1", period_s=0.05) for n, text in enumerate(ADDRESSES))
    missing = "holding:900:int16"

    def __init__(self) -> None:
        self._server = ModbusFieldServer(self.row, self.tags, self.host)
        self._proxy: FaultyProxy | None = None

    def start(self) -> None:
        self._server = ModbusFieldServer(self.row, self.tags, self.host)
        self._proxy = FaultyProxy(self._server.start())
        self.port = self._proxy.port

    def close(self) -> None:
        if self._proxy is not None:
            self._proxy.close()
            self._proxy = None
        if self._server.running:
            self._server.stop()

    def show(self, values: Sequence[float], stamp_ns: int) -> None:
        served = {tag.address for tag in self._server.tags}
        shown = {tag.address: v for tag, v in zip(self.tags, values, strict=True) if tag.address in served}
        self._server.write(Update(tuple(shown), tuple(shown.values()), stamp_ns))

    def kill(self) -> None:
        self._server.kill()

    def restart(self) -> None:
        self._server.restart()

    def stall(self) -> None:
        self._server.stall(60.0)

    def unstall(self) -> None:
        self._server.unstall()

    def reshape(self) -> None:
        self._server.kill()
        port = self._server.port
        # The registers of the first tag are no tag's any more and read zero.
        self._server = ModbusFieldServer(self.row, tuple(reversed(self.tags[1:])), self.host)
        self._server.start(port)

    def lie(self, lie: Lie) -> bool:
        if lie is Lie.NOT_A_NUMBER:
            self._server.write(Update((self.tags[0].address,), (math.inf,), time.time_ns()))
            return True
        if lie is Lie.GARBAGE and self._proxy is not None:
            # A whole frame that nobody asked for, and then bytes that are none.
            self._proxy.inject(b"\xff\xff\0\0\0\x05\x01\x03\x02\x12\x34" + b"\xde\xad\xbe\xef" * 8)
            return True
        return False


HARNESS = Harness
