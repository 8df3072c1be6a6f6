"""The one seam between field protocols and the gateway."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from workcell_sensors.reading import Frame
from workcell_sensors.tags import SourceRow, TagRow

Emit = Callable[[Frame], None]
"""Takes a frame; called from the network's thread, so it must be safe between threads and quick."""

ClockNs = Callable[[], int]


class Link(enum.Enum):
    """How a source stands with its server."""

    STOPPED = "stopped"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    DOWN = "down"


@dataclass(frozen=True)
class SourceStatus:
    """How a source stands and what it did since it was started."""

    link: Link = Link.STOPPED
    reason: str = ""
    """Why the link is down; empty while connected."""
    reconnects: int = 0
    """Times the link came up again after it had been up before."""
    frames: int = 0
    rejected: int = 0
    """Values that could not be read: malformed payloads, refused registers, unknown nodes."""


@dataclass(frozen=True)
class SourceSpec:
    """All a source needs to know.

    Attributes:
        row: name, protocol and protocol options.
        tags: what to read, at least one.
        host, port: where the server listens.
        time_scale: seconds of the cell's clock per second of the wall clock; periods and timeouts shrink by it.
        timeout_s: for one request or connection attempt, wall clock.
        stall_s: silence of a connected server after which the link counts as down, cell clock.
        backoff_s_max: longest pause between two connection attempts, wall clock.
    """

    row: SourceRow
    tags: tuple[TagRow, ...]
    host: str
    port: int
    time_scale: float = 1.0
    timeout_s: float = 1.0
    stall_s: float = 2.5
    backoff_s_max: float = 5.0

    @property
    def name(self) -> str:
        """The source's name in the tag table."""
        return self.row.name

    @property
    def period_s_min(self) -> float:
        """The fastest tag's period in the cell's clock."""
        return min(tag.period_s for tag in self.tags)


class Source(Protocol):
    """Delivers frames of raw values from one field server until it is stopped.

    `start` returns at once; frames arrive at the `emit` the source was made with. A source never gives up: where the
    server is away it tries again, and `status` tells why. `stop` leaves no thread, task or socket behind.
    """

    @property
    def name(self) -> str:
        """The source's name in the tag table."""

    def start(self) -> None:
        """Begins to connect and deliver."""

    def stop(self) -> None:
        """Ends; returns when nothing of it runs any more."""

    def status(self) -> SourceStatus:
        """Returns how it stands now; any thread may ask."""
