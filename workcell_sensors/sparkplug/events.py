"""What comes of a message to a host application."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from workcell_sensors.sparkplug.births import Declared, Update
from workcell_sensors.sparkplug.topic import EdgeNodeId


class Publish(NamedTuple):
    """A message to be sent."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False


class Values(NamedTuple):
    """Values of one message, in the order in which they are to be taken."""

    node: EdgeNodeId
    device: str
    is_birth: bool
    updates: list[Update]
    timestamp_ms: int | None
    """When the message was sent, by the edge node's clock."""


class Gone(NamedTuple):
    """A node or a device whose metrics are STALE from now on."""

    node: EdgeNodeId
    device: str
    """Empty: the node's own metrics."""
    metrics: tuple[Declared, ...]
    stamp_ns: int
    """The host's time at an NDEATH, the payload's at a DDEATH."""
    reason: str


class Doubt(NamedTuple):
    """Messages of a node are lost: what changed in them is not known until its next birth."""

    node: EdgeNodeId
    metrics: tuple[Declared, ...]
    missing: int


Event = Values | Gone | Doubt


@dataclass
class HostCounts:
    """What a host application has seen and what it made of it."""

    messages: int = 0
    births: int = 0
    deaths: int = 0
    late_deaths: int = 0
    """NDEATHs of a session that was over already."""
    duplicates: int = 0
    reordered: int = 0
    """Messages that came before one sent earlier, and were put in order."""
    missing: int = 0
    """Messages given up for lost."""
    before_birth: int = 0
    """Data and device messages of nodes whose birth has not been seen."""
    undeclared: int = 0
    """Metrics that no birth had declared."""
    malformed: int = 0
    """Messages and metrics that could not be read."""
    retained: int = 0
    """Retained messages of edge nodes; they are old, and ignored."""
    rebirths: int = 0
    """Rebirths asked for."""


@dataclass
class Outcome:
    """What is to be done after one call."""

    events: list[Event] = field(default_factory=list)
    publishes: list[tuple[int, Publish]] = field(default_factory=list)
    """Each with the server over which it is to go."""
