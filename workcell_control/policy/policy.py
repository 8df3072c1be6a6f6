"""What a policy sees, what it says, and the Protocol every policy follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class ImageHealth:
    """How well the last inspected image could be trusted."""

    light_level: float
    """Mean level of the board's bright areas over what was taught; 1 is as taught."""
    blur_px: float
    exposure_s: float


@dataclass(frozen=True)
class Observation:
    """What the policy knows at one instant. Only GOOD and UNCERTAIN readings are in it."""

    now_ns: int
    activity: str
    """The cell's state word: idle, approach, pick, transfer, settle, inspect, place, recover, hold, stopped."""
    readings: Mapping[str, float]
    """Newest SI value by tag."""
    taken_ns: Mapping[str, int]
    """When each of them was taken, which may be a while ago."""
    alarms: Mapping[str, int]
    """Monitor level by tag: 0 OK, 1 WARN, 2 ERROR."""
    parameters: Mapping[str, Mapping[str, float]]
    """Governed values in force, by node and parameter."""
    image: ImageHealth | None = None


@dataclass(frozen=True)
class Cycle:
    """What one finished cycle was like."""

    is_dropped: bool
    verdict: str
    """accept, rework, reject, unsure or none."""
    cycle_time_s: float
    vacuum_min_pa: float
    """Lowest vacuum while the part was held."""
    acceleration_max_m_s2: float
    """Largest acceleration the held part was planned to see."""
    pick_attempts: int
    tracking_error_max_rad: float
    energy_j: float


@dataclass(frozen=True)
class Proposal:
    """A change the policy would like, and why."""

    node: str
    parameters: dict[str, float]
    rule: str
    reason: str
    urgency: str = "optimise"
    """reflex (at once, towards safety), optimise, or ask (a person will have to)."""
    readings: dict[str, float] = field(default_factory=dict)
    """What it was decided on."""


class Policy(Protocol):
    """Proposes parameters from observations and learns from cycles."""

    def propose(self, observation: Observation) -> list[Proposal]:
        """Returns the changes wanted now; cheap enough for every scan of readings."""
        ...

    def learn(self, cycle: Cycle) -> None:
        """Takes in what a finished cycle was like."""
        ...

    def hear(self, node: str, parameters: Mapping[str, float], outcome: str, now_ns: int) -> None:
        """Takes in what the governor made of a proposal."""
        ...
