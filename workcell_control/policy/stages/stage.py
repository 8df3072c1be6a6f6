"""The stages of trust, and what moves a policy from one to another."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from workcell_control.policy.stages.comparison import Tolerance


class Stage(IntEnum):
    """How far a candidate is trusted; the numbers are the values of the governed parameter `policy.stage`."""

    SHADOW = 0
    """It proposes, nothing is applied."""
    CANARY = 1
    """Every n-th cycle runs with its parameters, within one step of the champion's."""
    LIVE = 2
    """Its proposals go to the governor; now and then a cycle runs with the champion's, to compare."""


@dataclass(frozen=True)
class StageSettings:
    """How trust is earned and lost."""

    canary_every: int = 4
    """Every so many cycles one is the candidate's."""
    holdback_every: int = 20
    """While it is live, every so many cycles one is the champion's; 0 for none."""
    shadow_cycles_min: int = 20
    """Cycles in the shadow before it may ask for more."""
    canary_cycles_min: int = 20
    """Its own cycles before it may ask to go live."""
    live_event_rate: float = 0.25
    """Events per cycle that end a live policy's stage where nothing runs beside it to compare with."""
    tolerance: Tolerance = field(default_factory=Tolerance)
    nodes: tuple[str, ...] = ("cell", "inspection")
    """Whose parameters make up a set."""


@dataclass(frozen=True)
class StageRequest:
    """A stage wanted, and why: down it holds at once, up it takes whoever governance.yaml names."""

    stage: Stage
    reason: str
