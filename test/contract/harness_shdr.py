"""SHDR under test: an adapter that says whatever it is told to."""

from __future__ import annotations

from server_harness import ServerHarness
from source_harness import Facts, Lie

from workcell_sensors.sources.shdr_protocol import ShdrOptions
from workcell_sensors.tags import SourceRow, TagRow
from workcell_sim.plant.servers.shdr import ShdrFieldServer

HEARTBEAT_S = 0.2


class Harness(ServerHarness[ShdrFieldServer]):
    """Keys of one adapter."""

    facts = Facts(tells_missing=False)
    row = SourceRow("cnc", "shdr", options=ShdrOptions(lag_s=0.2))
    tags = tuple(TagRow(f"cnc/{n}", "cnc", f"key{n}", "1", "1", period_s=0.05) for n in range(3))
    missing = "key99"

    def make(self, tags: tuple[TagRow, ...], *, reshaped: bool) -> ShdrFieldServer:
        return ShdrFieldServer(self.row, tags, self.host, HEARTBEAT_S)

    def lie(self, lie: Lie) -> bool:
        key = self.tags[0].address
        said = {
            Lie.WRONG_TYPE: f"|{key}|RUNNING\n",
            Lie.NOT_A_NUMBER: f"|{key}|NaN\n",
            Lie.HUGE_TEXT: f"|{key}|{'9' * (2 << 20)}\n",
            Lie.GARBAGE: "\xde\xad\xbe\xef\0\n|||\nyesterday|x|1\n",
            Lie.OLD_TIME: f"1999-01-01T00:00:00Z|{key}|1.0\n",
        }.get(lie)
        if said is not None:
            self.server.say(said.encode("latin-1"))
        return said is not None


HARNESS = Harness
