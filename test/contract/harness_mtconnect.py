"""MTConnect under test: an agent of the tests' own behind a relay that can lie."""

from __future__ import annotations

import time

from server_harness import RelayedHarness
from source_harness import Facts, Lie

from workcell_sensors.sources.mtconnect_protocol import MtconnectOptions
from workcell_sensors.sources.mtconnect_values import Observation
from workcell_sensors.tags import SourceRow, TagRow
from workcell_sim.plant.servers.mtconnect import BOUNDARY, MtconnectFieldServer

LIES = {
    Lie.WRONG_TYPE: "RUNNING",
    Lie.NOT_A_NUMBER: "NaN",
    Lie.HUGE_TEXT: "9" * (1 << 20),
}
YEAR_1970_NS = 1_000_000_000


class Harness(RelayedHarness[MtconnectFieldServer]):
    """Samples of one device."""

    facts = Facts()
    row = SourceRow("cnc", "mtconnect", options=MtconnectOptions(heartbeat_s=0.2, lag_s=0.2))
    tags = tuple(TagRow(f"cnc/{n}", "cnc", f"item{n}", "1", "1", period_s=0.05) for n in range(3))
    missing = "item99"

    def make(self, tags: tuple[TagRow, ...], *, reshaped: bool) -> MtconnectFieldServer:
        return MtconnectFieldServer(self.row, tags, self.host)

    def lie(self, lie: Lie) -> bool:
        address = self.tags[0].address
        if lie in LIES:
            self.server.observe([Observation(address, time.time_ns(), LIES[lie])])
        elif lie is Lie.OLD_TIME:
            self.server.observe([Observation(address, YEAR_1970_NS, "1.0")])
        elif lie is Lie.GAP:
            self.server.overrun(100)
        else:
            self.inject(f"\r\n--{BOUNDARY}\r\nContent-length: 9\r\n\r\n<!DOCTYPE".encode())
        return True


HARNESS = Harness
