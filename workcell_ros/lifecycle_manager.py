"""Brings lifecycle nodes up in order, watches their heartbeats, and takes them down in reverse. Pure.

`LifecycleManager` is told what was heard and asked what to do:

>>> manager = LifecycleManager(["governor", "cell"], Limits(), now_ns=0)
>>> manager.tick(0)
[GetState(node='governor')]
>>> manager.on_state("governor", "unconfigured", 1)
>>> manager.tick(1)
[ChangeState(node='governor', transition='configure')]
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

NS_PER_S = 1_000_000_000

UNKNOWN = "unknown"
UNCONFIGURED = "unconfigured"
INACTIVE = "inactive"
ACTIVE = "active"
FINALIZED = "finalized"

# The next transition on the way from a state (row) to a target, of lifecycle nodes by the ROS 2 design.
_WAY_UP = {(UNCONFIGURED, ACTIVE): "configure", (UNCONFIGURED, INACTIVE): "configure", (INACTIVE, ACTIVE): "activate"}
_WAY_DOWN = {
    (ACTIVE, INACTIVE): "deactivate",
    (ACTIVE, FINALIZED): "deactivate",
    (INACTIVE, FINALIZED): "cleanup",
    (UNCONFIGURED, FINALIZED): "shutdown",
}
_NEXT_TRANSITION = _WAY_UP | _WAY_DOWN
_GOAL_STATES = {
    "configure": INACTIVE,
    "activate": ACTIVE,
    "deactivate": INACTIVE,
    "cleanup": UNCONFIGURED,
    "shutdown": FINALIZED,
}


class Phase(Enum):
    """What the manager is about; the value is the word shown on diagnostics."""

    STARTING = "starting"
    ACTIVE = "active"
    PAUSING = "pausing"
    PAUSED = "paused"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


_TARGETS = {
    Phase.STARTING: (ACTIVE, Phase.ACTIVE),
    Phase.PAUSING: (INACTIVE, Phase.PAUSED),
    Phase.STOPPING: (FINALIZED, Phase.STOPPED),
}


class Health(Enum):
    """How a managed node stands; the value is a diagnostic_msgs level."""

    OK = 0
    WARN = 1
    ERROR = 2
    STALE = 3


@dataclass(frozen=True)
class GetState:
    """Ask a node for its state."""

    node: str


@dataclass(frozen=True)
class ChangeState:
    """Ask a node for a transition: configure, activate, deactivate, cleanup or shutdown."""

    node: str
    transition: str


Command: TypeAlias = GetState | ChangeState


@dataclass(frozen=True)
class Limits:
    """How long the manager is patient."""

    bringup_timeout_s: float = 10.0
    """For one node: from its turn to its being active, and for each single request."""
    heartbeat_timeout_s: float = 2.5
    """Since a node's last heartbeat, before it counts as stale."""
    backoff_first_s: float = 0.5
    """Before a fallen node is tried again; doubles with each failure."""
    backoff_max_s: float = 8.0


@dataclass(frozen=True)
class NodeReport:
    """What is known of one managed node."""

    name: str
    health: Health
    state: str
    reason: str
    restarts: int
    """How often it was brought up again."""


class _ManagedNode:
    """One node: what was heard of it, what it was asked, when it is tried again."""

    def __init__(self, name: str, now_ns: int) -> None:
        self.name = name
        self.state = UNKNOWN
        self.state_since_ns = now_ns
        self.heard_ns: int | None = None
        self.asked: Command | None = None
        self.asked_ns = 0
        self.turn_since_ns: int | None = None
        self.retry_at_ns = 0
        self.failures = 0
        self.restarts = 0
        self.is_recovering = False
        self.complaint = ""
        self.failure = ""

    def learn(self, state: str, now_ns: int) -> None:
        """Takes note of the node's state."""
        if state != self.state:
            self.state = state
            self.state_since_ns = now_ns

    def ask(self, command: Command, now_ns: int) -> Command:
        """Takes note of what the node is asked for."""
        self.asked = command
        self.asked_ns = now_ns
        if isinstance(command, ChangeState):
            self.complaint = ""
        return command

    def silence_s(self, now_ns: int) -> float:
        """Seconds since the node was last heard, or since its state was learnt."""
        heard_ns = self.state_since_ns if self.heard_ns is None else max(self.heard_ns, self.state_since_ns)
        return (now_ns - heard_ns) / NS_PER_S


class LifecycleManager:
    """The state machine of the manager; time is told to it, and it acts through the commands it returns.

    Args:
        names: the managed nodes in the order they are brought up.
        limits: timeouts and back-off.
        now_ns: the present.

    Raises:
        ValueError: no node is named, or one is named twice.
    """

    def __init__(self, names: Iterable[str], limits: Limits, now_ns: int) -> None:
        self._nodes = {name: _ManagedNode(name, now_ns) for name in (listed := list(names))}
        if not listed or len(self._nodes) != len(listed):
            raise ValueError(f"managed nodes must be named, each once; got {listed}")
        self._limits = limits
        self._phase = Phase.STARTING
        self._reason = ""

    @property
    def phase(self) -> Phase:
        """What the manager is about."""
        return self._phase

    @property
    def reason(self) -> str:
        """Why it failed; empty where it did not."""
        return self._reason

    @property
    def is_active(self) -> bool:
        """Whether every node is active and heard."""
        return self._phase is Phase.ACTIVE and all(node.state == ACTIVE for node in self._nodes.values())

    def pause(self) -> bool:
        """Begins to deactivate all nodes, last first; returns whether that is possible now."""
        return self._begin(Phase.PAUSING, {Phase.STARTING, Phase.ACTIVE})

    def resume(self) -> bool:
        """Begins to bring all nodes up, first first; returns whether that is possible now."""
        return self._begin(Phase.STARTING, {Phase.PAUSING, Phase.PAUSED, Phase.FAILED})

    def shut_down(self) -> bool:
        """Begins to take all nodes down, last first; returns whether that is possible now."""
        return self._begin(Phase.STOPPING, set(Phase) - {Phase.STOPPING, Phase.STOPPED})

    def _begin(self, phase: Phase, allowed: set[Phase]) -> bool:
        if self._phase not in allowed:
            return False
        self._phase = phase
        self._reason = ""
        for node in self._nodes.values():
            node.turn_since_ns = None
            node.retry_at_ns = 0
            node.failures = 0
            node.is_recovering = False
        return True

    def on_heartbeat(self, name: str, state: str, stamp_ns: int, now_ns: int) -> None:
        """Takes note of a heartbeat that the node stamped `stamp_ns`; nodes not managed are ignored."""
        node = self._nodes.get(name)
        if node is None:
            return
        was_stale = self._is_stale(node, now_ns)
        node.heard_ns = now_ns
        # One sent before the last transition ended tells an old state; during a transition any does.
        if isinstance(node.asked, ChangeState) or stamp_ns < node.state_since_ns:
            return
        if was_stale and node.state == ACTIVE and state == ACTIVE:
            node.failures = 0
        node.learn(state, stamp_ns)

    def on_complaint(self, name: str, message: str) -> None:
        """Takes note of an error a node published; tells why a transition failed."""
        if name in self._nodes:
            self._nodes[name].complaint = message

    def on_state(self, name: str, state: str, now_ns: int) -> None:
        """Takes note of the answer to `GetState`."""
        node = self._nodes[name]
        if isinstance(node.asked, GetState):
            node.asked = None
            node.learn(state, now_ns)

    def on_transition(self, name: str, success: bool, now_ns: int) -> None:
        """Takes note of the answer to `ChangeState`; one that comes after its timeout is ignored."""
        node = self._nodes[name]
        if not isinstance(node.asked, ChangeState):
            return
        transition = node.asked.transition
        node.asked = None
        if success:
            node.learn(_GOAL_STATES[transition], now_ns)
            node.failure = ""
            if node.state == ACTIVE:
                self._note_up(node)
            return
        # What the node fell back to is its own business: it is asked.
        node.learn(UNKNOWN, now_ns)
        self._fail(node, f"{transition} failed: {node.complaint or 'the node gave no reason'}", now_ns)

    def _note_up(self, node: _ManagedNode) -> None:
        node.restarts += node.is_recovering
        node.is_recovering = False
        node.failures = 0

    def on_gone(self, name: str, now_ns: int) -> None:
        """Takes note that the node's services have vanished."""
        node = self._nodes[name]
        if node.state != UNKNOWN:
            node.learn(UNKNOWN, now_ns)
            node.failure = "the node is gone"
        node.asked = None

    def tick(self, now_ns: int) -> list[Command]:
        """Returns what is to be asked now. Call it some times a second, and after every answer."""
        for node in self._nodes.values():
            self._expire(node, now_ns)
        if self._phase is Phase.ACTIVE:
            return self._watch(now_ns)
        if self._phase in _TARGETS:
            return self._proceed(now_ns)
        return []

    def _expire(self, node: _ManagedNode, now_ns: int) -> None:
        if node.asked is None or now_ns - node.asked_ns < self._limits.bringup_timeout_s * NS_PER_S:
            return
        asked, node.asked = node.asked, None
        node.learn(UNKNOWN, now_ns)
        what = asked.transition if isinstance(asked, ChangeState) else "asking for its state"
        self._fail(node, f"{what} was not answered within {self._limits.bringup_timeout_s:g} s", now_ns)

    def _fail(self, node: _ManagedNode, why: str, now_ns: int) -> None:
        node.failure = why
        if self._phase is Phase.STARTING:
            self._phase = Phase.FAILED
            self._reason = f"{node.name}: {why}"
            return
        delay_s = min(self._limits.backoff_first_s * 2.0**node.failures, self._limits.backoff_max_s)
        node.failures += 1
        node.retry_at_ns = now_ns + int(delay_s * NS_PER_S)

    def _proceed(self, now_ns: int) -> list[Command]:
        """The next step of a change of all nodes, one node at a time."""
        target, phase_after = _TARGETS[self._phase]
        nodes = list(self._nodes.values())
        for node in nodes if target == ACTIVE else reversed(nodes):
            if node.state == target or self._is_past_help(node, target):
                continue
            if node.turn_since_ns is None:
                node.turn_since_ns = now_ns
            if now_ns - node.turn_since_ns >= self._limits.bringup_timeout_s * NS_PER_S:
                self._give_up(node, now_ns)
                return []
            return self._step(node, target, now_ns)
        self._phase = phase_after
        return []

    def _is_past_help(self, node: _ManagedNode, target: str) -> bool:
        """Whether a node on the way down has nothing left to be asked: it is gone, or lower already."""
        if target == ACTIVE:
            return False
        is_given_up = node.state == UNKNOWN and node.failures > 0
        return is_given_up or (target == INACTIVE and node.state in (UNCONFIGURED, FINALIZED))

    def _give_up(self, node: _ManagedNode, now_ns: int) -> None:
        node.asked = None
        self._fail(node, f"not in time: {node.state} after {self._limits.bringup_timeout_s:g} s", now_ns)
        node.learn(UNKNOWN, now_ns)

    def _watch(self, now_ns: int) -> list[Command]:
        """Each node by itself: find out about the silent, bring up the fallen."""
        commands: list[Command] = []
        for node in self._nodes.values():
            if node.state == ACTIVE and self._is_stale(node, now_ns):
                node.learn(UNKNOWN, now_ns)
                node.failure = f"no heartbeat for {self._limits.heartbeat_timeout_s:g} s"
            if node.state == UNCONFIGURED and not node.is_recovering:
                node.is_recovering = True
                node.failure = node.failure or "the node started anew"
            if node.state == UNKNOWN or node.is_recovering:
                commands += self._step(node, ACTIVE, now_ns)
        return commands

    def _is_stale(self, node: _ManagedNode, now_ns: int) -> bool:
        return node.silence_s(now_ns) >= self._limits.heartbeat_timeout_s

    def _step(self, node: _ManagedNode, target: str, now_ns: int) -> list[Command]:
        if node.asked is not None or now_ns < node.retry_at_ns:
            return []
        if node.state == UNKNOWN:
            return [node.ask(GetState(node.name), now_ns)]
        transition = _NEXT_TRANSITION.get((node.state, target))
        return [] if transition is None else [node.ask(ChangeState(node.name, transition), now_ns)]

    def reports(self, now_ns: int) -> list[NodeReport]:
        """Returns what is known of each node, in the order of bring-up."""
        return [self._report(node, now_ns) for node in self._nodes.values()]

    def _report(self, node: _ManagedNode, now_ns: int) -> NodeReport:
        health, reason = self._judge(node, now_ns)
        return NodeReport(node.name, health, node.state, reason, node.restarts)

    def _judge(self, node: _ManagedNode, now_ns: int) -> tuple[Health, str]:
        if node.state == ACTIVE:
            return (Health.OK, "active") if self._phase is not Phase.FAILED else (Health.WARN, "active, others are not")
        if node.state == FINALIZED and self._phase in (Phase.STOPPING, Phase.STOPPED):
            return Health.OK, "shut down"
        if node.failure:
            doing = _doing(node)
            stale = node.state == UNKNOWN and self._phase is Phase.ACTIVE
            return (Health.STALE if stale else Health.ERROR), f"{node.failure}{doing and f'; {doing}'}"
        if self._phase is Phase.ACTIVE and node.state == INACTIVE:
            return Health.ERROR, "deactivated by somebody else; `resume` after `pause` activates it"
        if node.state == FINALIZED:
            return Health.ERROR, "finalized; only a new start of its process helps"
        return Health.WARN, _doing(node) or node.state

    @property
    def names(self) -> tuple[str, ...]:
        """The managed nodes in the order of bring-up."""
        return tuple(self._nodes)


def _doing(node: _ManagedNode) -> str:
    if isinstance(node.asked, GetState):
        return "waiting for the node to answer"
    return "" if node.asked is None else f"{node.asked.transition} is under way"
