"""A harness over the simulated field servers that the cell itself uses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from source_harness import SourceHarness

from workcell_sensors.tags import TagRow, load_tags
from workcell_sim.plant.servers.registry import make_server
from workcell_sim.plant.servers.server import FieldServer, Update

TABLE = load_tags(Path(__file__).parents[2] / "config" / "tags.yaml")
TAGS = 3
"""A few are enough; the whole table is the bring-up tests' business."""


class PlantHarness(SourceHarness):
    """Serves the first tags of a source of the shipped tag table; a subclass names the source."""

    source: str

    def __init__(self) -> None:
        self.row = TABLE.sources[self.source]
        self.tags = TABLE.of_source(self.source)[:TAGS]
        self._server = self._make(self.tags)

    def start(self) -> None:
        self._server = self._make(self.tags)
        self.port = self._server.start()

    def close(self) -> None:
        if self._server.running:
            self._server.stop()

    def show(self, values: Sequence[float], stamp_ns: int) -> None:
        served = {tag.address for tag in self._server.tags}
        shown = {
            tag.address: float(value > 1.5) if tag.unit == "bool" else value
            for tag, value in zip(self.tags, values, strict=True)
            if tag.address in served
        }
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

    def _make(self, tags: tuple[TagRow, ...]) -> FieldServer:
        return make_server(self.row, tags, self.host)
