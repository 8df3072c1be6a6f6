"""Brings lifecycle nodes up in order, watches their heartbeats, and takes them down in reverse. Pure.

`LifecycleManager` is told what was heard and asked what to do:

>>> manager = LifecycleManager(["governor", "cell"], Limits(), now_ns=0)
>>> manager.on_presence("governor", True, 0)
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

from workcell_ros.managed_node import (
    ACTIVE,
    FINALIZED,
    GOAL_STATES,
    INACTIVE,
    NS_PER_S,
    UNCONFIGURED,
    UNKNOWN,
    ChangeState,
    Command,
    GetState,
    Health,
    ManagedNode,
    NodeReport,
)


class Phase(Enum):
    """What the manager is about; the value is the word shown on diagnostics."""

    STARTING = "starting"
    ACTIVE = "active"
    PAUSING = "pausing"
    PAUSED = "paused"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


# State all nodes are brought to in a phase, and the phase after that.
_TARGETS = {
    Phase.STARTING: (ACTIVE, Phase.ACTIVE),
    Phase.PAUSING: (INACTIVE, Phase.PAUSED),
    Phase.STOPPING: (FINALIZED, Phase.STOPPED),
}


@dataclass(frozen=True)
class Limits:
    """How long the manager is patient."""

    bringup_timeout_s: float = 10.0
    """For one node: from its turn to its being where it should be, and for each single request."""
    heartbeat_timeout_s: float = 2.5
    """Since a node's last heartbeat, before it counts as stale."""
    backoff_first_s: float = 0.5
    """Before a fallen node is tried again; doubles with each failure."""
    backoff_max_s: float = 8.0


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
        listed = list(names)
        self._nodes = {name: ManagedNode(name, now_ns) for name in listed}
        if not listed or len(self._nodes) != len(listed):
            raise ValueError(f"node_names: names the managed nodes, each once; got {listed}")
        self._limits = limits
        self._phase = Phase.STARTING
        self._failed: ManagedNode | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The managed nodes in the order of bring-up."""
        return tuple(self._nodes)

    @property
    def phase(self) -> Phase:
        """What the manager is about."""
        return self._phase

    @property
    def reason(self) -> str:
        """Which node made the bring-up fail, and why; empty where it did not fail."""
        return "" if self._failed is None else f"{self._failed.name}: {self._failed.failure}"

    def is_active(self, now_ns: int) -> bool:
        """Whether every node is active and was heard lately."""
        return self._phase is Phase.ACTIVE and all(
            node.state == ACTIVE and not self._is_stale(node, now_ns) for node in self._nodes.values()
        )

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
        self._failed = None
        for node in self._nodes.values():
            node.begin_turn()
        return True

    def on_presence(self, name: str, is_present: bool, now_ns: int) -> None:
        """Takes note of whether the node's services are there."""
        node = self._nodes[name]
        if node.is_present and not is_present:
            node.vanish(now_ns)
        node.is_present = is_present

    def on_heartbeat(self, name: str, state: str, stamp_ns: int, now_ns: int) -> None:
        """Takes note of a heartbeat that the node stamped `stamp_ns`; nodes not managed are ignored."""
        if name in self._nodes:
            self._nodes[name].hear(state, stamp_ns, now_ns)

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
            node.note_failure("")
            node.learn(GOAL_STATES[transition], now_ns)
            return
        # What the node fell back to is its own business: it is asked.
        node.learn(UNKNOWN, now_ns)
        node.note_failure("", transition)
        self._fail(node, now_ns)

    def tick(self, now_ns: int) -> list[Command]:
        """Returns what is to be asked now. Call it some times a second, and after every answer."""
        for node in self._nodes.values():
            self._expire(node, now_ns)
        if self._phase is Phase.ACTIVE:
            return self._watch(now_ns)
        if self._phase in _TARGETS:
            return self._proceed(now_ns)
        return []

    def _expire(self, node: ManagedNode, now_ns: int) -> None:
        if node.asked is None or now_ns - node.asked_ns < self._limits.bringup_timeout_s * NS_PER_S:
            return
        asked, node.asked = node.asked, None
        what = asked.transition if isinstance(asked, ChangeState) else "the question for its state"
        node.learn(UNKNOWN, now_ns)
        node.note_failure(f"{what} was not answered within {self._limits.bringup_timeout_s:g} s")
        self._fail(node, now_ns)

    def _fail(self, node: ManagedNode, now_ns: int) -> None:
        if self._phase is Phase.STARTING:
            self._phase = Phase.FAILED
            self._failed = node
            return
        delay_s = min(self._limits.backoff_first_s * 2.0**node.failures, self._limits.backoff_max_s)
        node.failures += 1
        node.retry_at_ns = now_ns + int(delay_s * NS_PER_S)

    def _proceed(self, now_ns: int) -> list[Command]:
        """The next step of a change of all nodes, one node at a time."""
        target, phase_after = _TARGETS[self._phase]
        nodes = list(self._nodes.values())
        for node in nodes if target == ACTIVE else reversed(nodes):
            if node.state == target or _is_past_help(node, target):
                continue
            if node.turn_since_ns is None:
                node.turn_since_ns = now_ns
            if now_ns - node.turn_since_ns >= self._limits.bringup_timeout_s * NS_PER_S:
                self._give_up(node, now_ns)
                return []
            step = node.next_step(target, now_ns)
            return [] if step is None else [step]
        self._phase = phase_after
        return []

    def _give_up(self, node: ManagedNode, now_ns: int) -> None:
        where = node.state if node.is_present else "not there"
        node.asked = None
        node.learn(UNKNOWN, now_ns)
        node.note_failure(f"the node is {where} after {self._limits.bringup_timeout_s:g} s")
        self._fail(node, now_ns)

    def _watch(self, now_ns: int) -> list[Command]:
        """Each node by itself: ask after the silent, bring up the fallen."""
        steps = [self._watch_one(node, now_ns) for node in self._nodes.values()]
        return [step for step in steps if step is not None]

    def _watch_one(self, node: ManagedNode, now_ns: int) -> Command | None:
        if node.state == UNCONFIGURED and not node.is_recovering:
            node.is_recovering = True
            if not node.failure:
                node.note_failure("the node started anew")
        if node.state == UNKNOWN or node.is_recovering:
            return node.next_step(ACTIVE, now_ns)
        if node.state != ACTIVE or not self._is_stale(node, now_ns):
            return None
        if node.asked is not None or not node.is_present or now_ns < node.retry_at_ns:
            return None
        node.retry_at_ns = now_ns + int(self._limits.heartbeat_timeout_s * NS_PER_S)
        return node.ask(GetState(node.name), now_ns)

    def _is_stale(self, node: ManagedNode, now_ns: int) -> bool:
        return node.silence_s(now_ns) >= self._limits.heartbeat_timeout_s

    def reports(self, now_ns: int) -> list[NodeReport]:
        """Returns what is known of each node, in the order of bring-up."""
        return [self._report(node, now_ns) for node in self._nodes.values()]

    def _report(self, node: ManagedNode, now_ns: int) -> NodeReport:
        health, reason = self._judge(node, now_ns)
        return NodeReport(node.name, health, node.state, reason, node.restarts)

    def _judge(self, node: ManagedNode, now_ns: int) -> tuple[Health, str]:
        if node.state == ACTIVE and self._is_stale(node, now_ns):
            return Health.STALE, f"no heartbeat for {node.silence_s(now_ns):.1f} s"
        if node.state == ACTIVE:
            return Health.OK, "active"
        if self._phase in (Phase.STOPPING, Phase.STOPPED) and (node.state == FINALIZED or not node.is_present):
            return Health.OK, "shut down"
        if node.failure:
            return Health.ERROR, "; ".join(filter(None, (node.failure, node.doing)))
        if node.state == FINALIZED:
            return Health.ERROR, "finalized; only a new start of its process helps"
        if self._phase is Phase.ACTIVE and node.state == INACTIVE and not node.is_recovering:
            return Health.ERROR, "somebody else deactivated it; pause and resume activate it again"
        return Health.WARN, node.doing or node.state


def _is_past_help(node: ManagedNode, target: str) -> bool:
    """Whether a node on the way down has nothing left to be asked: it is gone, given up, or lower already."""
    if target == ACTIVE:
        return False
    is_lost = node.state == UNKNOWN and (not node.is_present or node.failures > 0)
    return is_lost or (target == INACTIVE and node.state in (UNCONFIGURED, FINALIZED))
