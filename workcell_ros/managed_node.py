"""One node as its lifecycle manager knows it: what was heard of it, what it was asked. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

NS_PER_S = 1_000_000_000

UNKNOWN = "unknown"
UNCONFIGURED = "unconfigured"
INACTIVE = "inactive"
ACTIVE = "active"
FINALIZED = "finalized"

GOAL_STATES = {
    "configure": INACTIVE,
    "activate": ACTIVE,
    "deactivate": INACTIVE,
    "cleanup": UNCONFIGURED,
    "shutdown": FINALIZED,
}
"""State that each transition leads to."""

# The next transition on the way from a state to a target.
_NEXT_TRANSITION = {
    (UNCONFIGURED, ACTIVE): "configure",
    (INACTIVE, ACTIVE): "activate",
    (ACTIVE, INACTIVE): "deactivate",
    (ACTIVE, FINALIZED): "deactivate",
    (INACTIVE, FINALIZED): "cleanup",
    (UNCONFIGURED, FINALIZED): "shutdown",
}


@dataclass(frozen=True)
class GetState:
    """Ask a node for its state."""

    node: str


@dataclass(frozen=True)
class ChangeState:
    """Ask a node for a transition, one of `GOAL_STATES`."""

    node: str
    transition: str


Command: TypeAlias = GetState | ChangeState


class Health(Enum):
    """How a managed node stands; the value is a diagnostic_msgs level."""

    OK = 0
    WARN = 1
    ERROR = 2
    STALE = 3


@dataclass(frozen=True)
class NodeReport:
    """What is known of one managed node."""

    name: str
    health: Health
    state: str
    reason: str
    restarts: int
    """How often it was brought up again."""


REQUEST_LOST_NS = 2 * NS_PER_S
"""A node is silent while it changes state: one that speaks this long after it was asked did not hear, or died since."""


class ManagedNode:
    """Knowledge of one node; the manager decides by it."""

    def __init__(self, name: str, now_ns: int) -> None:
        self.name = name
        self.is_present = False
        self.state = UNKNOWN
        self.state_since_ns = now_ns
        self.heard_ns = now_ns
        self.asked: Command | None = None
        self.asked_ns = 0
        self.turn_since_ns: int | None = None
        self.retry_at_ns = 0
        self.failures = 0
        self.restarts = 0
        self.is_recovering = False
        self.complaint = ""
        self._failure = ""
        self._failed_transition = ""

    @property
    def failure(self) -> str:
        """Why the node is not as it should be; a failed transition with the reason the node gave."""
        if self._failed_transition:
            return f"{self._failed_transition} failed: {self.complaint or 'the node gave no reason'}"
        return self._failure

    def begin_turn(self) -> None:
        """Forgets past failures: another change of state begins."""
        self.turn_since_ns = None
        self.retry_at_ns = 0
        self.failures = 0
        self.is_recovering = False

    def learn(self, state: str, now_ns: int) -> None:
        """Takes note of the node's state."""
        if state == self.state:
            return
        self.state = state
        self.state_since_ns = now_ns
        if state == ACTIVE:
            self.restarts += self.is_recovering
            self.heard_ns = now_ns
            self.begin_turn()
            self.note_failure("")

    def hear(self, state: str, stamp_ns: int, now_ns: int) -> None:
        """Takes note of a heartbeat the node stamped `stamp_ns`."""
        self.heard_ns = now_ns
        # During a transition a heartbeat may tell either state; an older one tells a past state.
        is_under_way = isinstance(self.asked, ChangeState) and stamp_ns < self.asked_ns + REQUEST_LOST_NS
        if not is_under_way and stamp_ns >= self.state_since_ns:
            # It answers the question for its state too, which a node that died since cannot.
            self.asked = None
            self.learn(state, now_ns)
            if state == ACTIVE:
                self.note_failure("")

    def note_failure(self, why: str, transition: str = "") -> None:
        """Takes note of what went wrong, or with two empty texts that nothing is wrong any more."""
        self._failure = why
        self._failed_transition = transition

    def vanish(self, now_ns: int) -> None:
        """Takes note that the node is no longer there."""
        self.is_present = False
        self.asked = None
        if self.state != UNKNOWN:
            self.learn(UNKNOWN, now_ns)
            self.note_failure("the node is gone")

    def silence_s(self, now_ns: int) -> float:
        """Seconds since the last heartbeat, or since the node became active."""
        return (now_ns - self.heard_ns) / NS_PER_S

    def next_step(self, target: str, now_ns: int) -> Command | None:
        """Returns what to ask on the way to `target`, None while there is nothing to ask."""
        if self.asked is not None or not self.is_present or now_ns < self.retry_at_ns:
            return None
        if self.state == UNKNOWN:
            return self.ask(GetState(self.name), now_ns)
        transition = _NEXT_TRANSITION.get((self.state, target))
        return None if transition is None else self.ask(ChangeState(self.name, transition), now_ns)

    def ask(self, command: Command, now_ns: int) -> Command:
        """Takes note of what the node is asked for."""
        self.asked = command
        self.asked_ns = now_ns
        if isinstance(command, ChangeState):
            self.complaint = ""
        return command

    @property
    def doing(self) -> str:
        """What it is waited for, in words; empty where nothing is."""
        if not self.is_present:
            return "waiting for the node to appear"
        if isinstance(self.asked, GetState):
            return "waiting for the node to answer"
        return "" if self.asked is None else f"{self.asked.transition} is under way"
