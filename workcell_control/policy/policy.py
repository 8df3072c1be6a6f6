"""What a policy sees, what it says, and the Protocol every policy follows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

FOLLOWED = {
    "cell": (
        "speed_scale",
        "acceleration_scale",
        "jerk_scale",
        "part_acceleration_max_m_s2",
        "grip_vacuum_pa",
        "grip_dwell_s",
        "settle_s",
    ),
    "inspection": ("exposure_s",),
}
"""Governed values that the policy decides from, by node."""
STOP_TAG = "arm/protective_stop"
"""Above 0 while the arm's own supervision has stopped it."""


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
    parameters: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Governed values in force when it ended, by node and parameter."""
    is_steady: bool = True
    """Whether they were in force from its beginning on: else it tells nothing of any one set."""
    readings: Mapping[str, float] = field(default_factory=dict)
    """Mean SI value by tag over the cycle, of tags whose every reading in it was GOOD or UNCERTAIN."""
    distrusted: frozenset[str] = frozenset()
    """Tags with a BAD or STALE reading in the cycle: none of them is in `readings`, nothing is learned from them."""
    serial: int = 0
    """Number of its part, by which the end of the line tells of it; 0 where it is not known."""


@dataclass(frozen=True)
class ExpectedGain:
    """What a model expects a change to bring over what is in force."""

    mean: float
    low: float
    high: float
    """Ends of the model's 90 % interval."""
    unit: str
    """Such as EUR/cycle."""


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
    model: str = ""
    """What foresees the gain; empty where the rule itself is all there is."""
    gain: ExpectedGain | None = None
    """None where nothing foresees it."""
    clipped: tuple[str, ...] = ()
    """One sentence per value that the policy wanted otherwise, such as "speed_scale 1.3 -> 1"."""


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


@runtime_checkable
class LearnedState(Protocol):
    """A policy whose learned state outlives the process.

    `snapshot` and `restore` are exact: a policy restored from a snapshot that went through JSON proposes, bit for
    bit, what the first would have. JSON keeps Python's floats exactly; NaN and infinity are not in it.
    """

    state_version: int
    """Of the snapshot's form; a snapshot of another version is not restored."""

    def snapshot(self) -> dict[str, Any]:
        """Returns all that was learned: dicts with str keys, lists, str, int, finite float, bool, None."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Takes a snapshot back.

        Raises:
            ValueError: `state` does not fit, and says where; what was learned before stands then.
        """
        ...
