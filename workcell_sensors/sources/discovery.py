"""What a device says it has, as rows that a person may paste into the tag table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from workcell_sensors.sources.source import SourceSpec


@dataclass(frozen=True)
class DiscoveryRequest:
    """How far to look.

    Attributes:
        rows_max: proposals after which to stop.
        listen_s: how long to listen where devices speak by themselves (MQTT, Sparkplug, SHDR), wall clock.
        below: where to start, in the protocol's terms (OPC UA node id, MQTT topic filter); empty: everywhere.
    """

    rows_max: int = 1000
    listen_s: float = 10.0
    below: str = ""


@dataclass(frozen=True)
class ProposedTag:
    """One quantity a device offers.

    Attributes:
        tag: proposed name in the tag table, `/`-separated, made of the device's own names.
        address: as the tag table takes it.
        unit: on the wire, as pint knows it (`bool` for a boolean, `1` where the device names none).
        kind: the device's own type name, for the person who chooses.
        description: the device's own words; may be empty.
        states: number per text value where the device lists them (MTConnect, OPC UA enumerations).
        period_s: how often the device says it takes it; 0 where it does not say.
        deadband: the device's own, in `unit`; 0 where it has none.
        value: what it shows now, as text; empty where it shows nothing.
    """

    tag: str
    address: str
    unit: str
    kind: str
    description: str = ""
    states: Mapping[str, float] = field(default_factory=dict, hash=False)
    period_s: float = 0.0
    deadband: float = 0.0
    value: str = ""


Discover = Callable[[SourceSpec, DiscoveryRequest], Awaitable[Sequence[ProposedTag]]]
"""Connects with the spec's host, port, options and credentials (its `tags` are empty), browses, disconnects.

Raises OSError, TimeoutError or LinkLost where the device cannot be asked."""
