"""SHDR under test: an adapter that says whatever it is told to."""

from __future__ import annotations

from collections.abc import Sequence

from source_harness import Facts, Lie, SourceHarness

from workcell_sensors.sources.shdr_protocol import ShdrOptions
from workcell_sensors.tags import SourceRow, TagRow
from workcell_sim.plant.servers.server import Update
from workcell_sim.plant.servers.shdr import ShdrFieldServer

ROW = SourceRow("cnc", "shdr", options=ShdrOptions(lag_s=0.2))
HEARTBEAT_S = 0.2


class Harness(SourceHarness):
    """Keys of one adapter."""

    facts = Facts(tells_missing=False)
    row = ROW
    tags = tuple(TagRow(f"cnc/{n}", "cnc", f"key{n}", "1", "1", period_s=0.05) for n in range(3))
    missing = "key99"

    def __init__(self) -> None:
        self._server = self._make(self.tags)

    def start(self) -> None:
        self._server = self._make(self.tags)
        self.port = self._server.start()

    def close(self) -> None:
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
        self._server = self._make(tuple(reversed(self.tags[1:])))
        self._server.start(self.port)

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
            self._server.say(said.encode("latin-1"))
        return said is not None

    def _make(self, tags: tuple[TagRow, ...]) -> ShdrFieldServer:
        return ShdrFieldServer(self.row, tags, self.host, HEARTBEAT_S)


HARNESS = Harness
