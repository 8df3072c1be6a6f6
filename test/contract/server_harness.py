"""A harness over one of the simulated field servers, which can be killed, restarted and stalled."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Generic, TypeVar

from faulty_proxy import FaultyProxy
from source_harness import SourceHarness

from workcell_sensors.tags import TagRow
from workcell_sim.plant.servers.server import FieldServer, Update

ServerT = TypeVar("ServerT", bound=FieldServer)
HANG_S = 600.0
"""Longer than anybody waits; `unstall`, `kill` and `close` end it early."""


class ServerHarness(SourceHarness, Generic[ServerT]):
    """Serves its tags with the server that `make` returns; a subclass adds the row, the tags and the lies."""

    _made: ServerT | None = None

    @abstractmethod
    def make(self, tags: tuple[TagRow, ...], *, reshaped: bool) -> ServerT:
        """Returns a server of these tags, not yet started; `reshaped` is what stands there after an update."""

    @property
    def server(self) -> ServerT:
        """The server that stands for the device now."""
        assert self._made is not None, "the harness has not been started"
        return self._made

    @property
    def is_up(self) -> bool:
        return self._made is not None and self._made.running

    def start(self) -> None:
        self._made = self.make(self.tags, reshaped=False)
        self.port = self.server.start()

    def close(self) -> None:
        if self._made is not None and self._made.running:
            self._made.stop()

    def show(self, values: Sequence[float], stamp_ns: int) -> None:
        served = {tag.address for tag in self.server.tags}
        shown = {
            tag.address: float(value > 1.5) if tag.unit == "bool" else value
            for tag, value in zip(self.tags, values, strict=True)
            if tag.address in served
        }
        self.server.write(Update(tuple(shown), tuple(shown.values()), stamp_ns))

    def kill(self) -> None:
        self.server.kill()

    def restart(self) -> None:
        self.server.restart()

    def stall(self) -> None:
        self.server.stall(HANG_S)

    def unstall(self) -> None:
        self.server.unstall()

    def reshape(self) -> None:
        port = self.server.port
        self.server.kill()
        self._made = self.make(tuple(reversed(self.tags[1:])), reshaped=True)
        self.server.start(port)


class RelayedHarness(ServerHarness[ServerT]):
    """The same behind a relay, which can say what the server never would."""

    _proxy: FaultyProxy | None = None

    def start(self) -> None:
        super().start()
        self._proxy = FaultyProxy(self.server.port)
        self.port = self._proxy.port

    def close(self) -> None:
        if self._proxy is not None:
            self._proxy.close()
            self._proxy = None
        super().close()

    def inject(self, data: bytes) -> None:
        """Puts bytes of its own into what the clients hear."""
        assert self._proxy is not None, "the harness has not been started"
        self._proxy.inject(data)
