"""What the scenario does to the field devices."""

from __future__ import annotations

import math
from dataclasses import dataclass

from workcell_sim.world.scenario import Scenario

STALL = "device_stall"
KILL = "device_kill"


@dataclass(frozen=True)
class DeviceFault:
    """A field server that hangs or dies for a while, in shift time."""

    kind: str
    source: str
    at_s: float
    until_s: float
    """May be infinite."""


class FaultPlan:
    """The device faults of a scenario."""

    def __init__(self, scenario: Scenario | None) -> None:
        events = scenario.of_kind(STALL, KILL) if scenario is not None else ()
        self._faults = tuple(DeviceFault(e.kind, e.target, e.at_s, e.at_s + e.ramp_s + e.hold_s) for e in events)
        self._done_s = -math.inf

    def begun(self, shift_s: float) -> tuple[DeviceFault, ...]:
        """Returns the faults that have begun since the last call and are not over; at first all under way."""
        after_s, self._done_s = self._done_s, shift_s
        return tuple(fault for fault in self._faults if after_s < fault.at_s <= shift_s < fault.until_s)

    def silent(self, source: str, shift_s: float) -> bool:
        """Whether a source's devices deliver nothing at this time."""
        return any(fault.source == source and fault.at_s <= shift_s < fault.until_s for fault in self._faults)
