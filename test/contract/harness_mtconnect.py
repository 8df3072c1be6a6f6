"""MTConnect under test: an agent of the tests' own behind a relay that can lie."""

from __future__ import annotations

import time
from collections.abc import Sequence

from faulty_proxy import FaultyProxy
from source_harness import Facts, Lie, SourceHarness

from workcell_sensors.sources.mtconnect_protocol import MtconnectOptions
from workcell_sensors.sources.mtconnect_values import Observation
from workcell_sensors.tags import SourceRow, TagRow
from workcell_sim.plant.servers.mtconnect import BOUNDARY, MtconnectFieldServer
from workcell_sim.plant.servers.server import Update

ROW = SourceRow("cnc", "mtconnect", options=MtconnectOptions(heartbeat_s=0.2, lag_s=0.2))
LIES = {
    Lie.WRONG_TYPE: "RUNNING",
    Lie.NOT_A_NUMBER: "NaN",
    Lie.HUGE_TEXT: "9" * (1 << 20),
}


class Harness(SourceHarness):
    """Samples of one device."""

    facts = Facts()
    row = ROW
    tags = tuple(TagRow(f"cnc/{n}", "cnc", f"item{n}", "1", "1", period_s=0.05) for n in range(3))
    missing = "item99"

    def __init__(self) -> None:
        self._server = MtconnectFieldServer(self.row, self.tags, self.host)
        self._proxy: FaultyProxy | None = None

    def start(self) -> None:
        self._server = MtconnectFieldServer(self.row, self.tags, self.host)
        self._proxy = FaultyProxy(self._server.start())
        self.port = self._proxy.port

    def close(self) -> None:
        if self._proxy is not None:
            self._proxy.close()
            self._proxy = None
        if self._server.running:
            self._server.stop()

    def show(self, values: Sequence[float], stamp_ns: int) -> None:
        self._server.write(Update(tuple(tag.address for tag in self.tags), tuple(values), stamp_ns))

    def kill(self) -> None:
        self._server.kill()

    def restart(self) -> None:
        self._server.restart()

    def stall(self) -> None:
        self._server.stall(60.0)

    def unstall(self) -> None:
        self._server.unstall()

    def reshape(self) -> None:
        port = self._server.port
        self._server.kill()
        self._server = MtconnectFieldServer(self.row, tuple(reversed(self.tags[1:])), self.host)
        self._server.start(port)

    def lie(self, lie: Lie) -> bool:
        address = self.tags[0].address
        if lie in LIES:
            self._server.observe([Observation(address, time.time_ns(), LIES[lie])])
        elif lie is Lie.OLD_TIME:
            self._server.observe([Observation(address, 1_000_000_000, "1.0")])
        elif lie is Lie.GAP:
            self._server.overrun(100)
        elif self._proxy is not None:
            self._proxy.inject(f"\r\n--{BOUNDARY}\r\nContent-length: 9\r\n\r\n<!DOCTYPE".encode())
        return True


HARNESS = Harness
