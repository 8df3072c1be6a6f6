"""The one seam between field protocols and the gateway."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from workcell_sensors.reading import Frame
from workcell_sensors.sources.credentials import Credentials
from workcell_sensors.tags import SourceRow, TagRow

Emit = Callable[[Frame], None]
"""Takes a frame; called from the network's thread, so it must be safe between threads and quick."""

ClockNs = Callable[[], int]
T = TypeVar("T")


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
    """Why the link is down, or what is wrong though it is up; empty while all is well."""
    reconnects: int = 0
    """Times the link came up again after it had been up before."""
    frames: int = 0
    values: int = 0
    rejected: int = 0
    """Values that could not be read: malformed payloads, refused registers, unknown nodes."""
    lost: int = 0
    """Values that the device or the protocol itself says were lost (queue overflow, sequence gap), where it does."""
    clock_offset_s: float = math.nan
    """Device clock minus ours, estimated; NaN where the protocol gives no time or none has come yet."""
    granted: Mapping[str, float] = field(default_factory=dict, hash=False)
    """Limits the server granted, by name with unit, like {"publishing_interval_s": 0.1, "queue_size": 10}."""
    counts: Mapping[str, int] = field(default_factory=dict, hash=False)
    """The protocol's own counts, like {"rebirths": 2}."""


@dataclass(frozen=True)
class SourceSpec:
    """All a source needs to know.

    Attributes:
        row: name, protocol and the protocol's options.
        tags: what to read, at least one; empty for discovery.
        host, port: where the server listens.
        time_scale: seconds of the cell's clock per second of the wall clock; periods and timeouts shrink by it.
        timeout_s: for one request or connection attempt, wall clock.
        stall_s: silence of a connected server after which the link counts as down, cell clock.
        backoff_s_max: longest pause between two connection attempts, wall clock.
        credentials: what to show to the server; None where the row names none.
    """

    row: SourceRow
    tags: tuple[TagRow, ...]
    host: str
    port: int
    time_scale: float = 1.0
    timeout_s: float = 1.0
    stall_s: float = 2.5
    backoff_s_max: float = 5.0
    credentials: Credentials | None = None

    def options(self, schema: type[T]) -> T:
        """Returns the row's options, which are of the protocol's `schema`."""
        options = self.row.options
        assert isinstance(options, schema), f"{self.name}: {type(options).__name__} are no {schema.__name__}"
        return options

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
