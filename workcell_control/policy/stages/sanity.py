"""What no policy in its right mind proposes: found before it leaves, and a reason to take it off at once."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace

from workcell_control.governance.rules import Governance, Rule
from workcell_control.policy.policy import Proposal

NS_PER_S = 1_000_000_000
FLOOD_WINDOW_NS = NS_PER_S
FLOOD_MAX = 20
"""Proposals in the window; the reflexes of all rules together stay below five."""
WINDOW_NS = 60 * NS_PER_S
OUTSIDE_MAX = 5
"""Proposals beyond the envelope within the window: one may be a model's slip, and is clipped."""
REVERSALS_MAX = 10
"""Changes of direction of one parameter within the window: good cycles and a drop in turn make a few."""
REVERSAL_SHARE = 0.25
"""Of a parameter's largest step: smaller ones to and fro are fine tuning."""
THINKING_WINDOW_NS = 10 * NS_PER_S
THINKING_MAX_NS = 5 * NS_PER_S
"""Time that a policy may take for its answers within the window: it keeps the champion's reflexes waiting as well."""

Values = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Checked:
    """What is left of a policy's proposals."""

    proposals: list[Proposal]
    """Within the envelope, each saying what was clipped."""
    fault: str = ""
    """Why the policy must not go on; empty where it may."""


class Sanity:
    """Checks proposals one after the other against the envelope, and their course against flooding and oscillation.

    Args:
        governance: the envelopes.
        nodes: whose parameters a policy may propose; how far it is trusted, and what the monitor warns of, is none
            of its business.
    """

    def __init__(self, governance: Governance, nodes: tuple[str, ...]) -> None:
        self._governance, self._nodes = governance, nodes
        self._said_ns: deque[int] = deque(maxlen=FLOOD_MAX + 1)
        self._outside_ns: deque[int] = deque(maxlen=OUTSIDE_MAX)
        self._direction: dict[tuple[str, str], float] = {}
        self._reversed_ns: dict[tuple[str, str], deque[int]] = {}
        self._thought_ns: deque[tuple[int, int]] = deque()
        self._thinking_ns = 0

    def check_time(self, took_ns: int, now_ns: int) -> str:
        """Returns why a policy must not go on whose answer took so long, empty where it may."""
        self._thought_ns.append((now_ns, took_ns))
        self._thinking_ns += took_ns
        while now_ns - self._thought_ns[0][0] >= THINKING_WINDOW_NS:
            self._thinking_ns -= self._thought_ns.popleft()[1]
        if self._thinking_ns <= THINKING_MAX_NS:
            return ""
        window_s = THINKING_WINDOW_NS / NS_PER_S
        return f"took {self._thinking_ns / NS_PER_S:.1f} s for its answers within {window_s:g} s: reflexes had to wait"

    def check(self, proposals: list[Proposal], in_force: Values, now_ns: int) -> Checked:
        """Returns what may be said of `proposals`.

        Args:
            proposals: what the policy wants said now.
            in_force: governed values in force, by node and parameter.
            now_ns: node clock.
        """
        kept: list[Proposal] = []
        for proposal in proposals:
            fault = self._fault_of(proposal, in_force.get(proposal.node, {}), now_ns)
            if fault:
                return Checked(kept, fault)
            kept.append(self._clipped(proposal))
        return Checked(kept)

    def _fault_of(self, proposal: Proposal, current: Mapping[str, float], now_ns: int) -> str:
        self._said_ns.append(now_ns)
        if len(self._said_ns) > FLOOD_MAX and now_ns - self._said_ns[0] < FLOOD_WINDOW_NS:
            return f"more than {FLOOD_MAX} proposals within {FLOOD_WINDOW_NS / NS_PER_S:g} s"
        if proposal.node not in self._nodes:
            return (
                f"proposes {proposal.node}.{next(iter(proposal.parameters), '')}, which is not a parameter of the robot"
            )
        for name, value in proposal.parameters.items():
            rule = self._governance.rule(proposal.node, name)
            if rule is None:
                return f"proposes {proposal.node}.{name}, which is not a governed parameter"
            if not math.isfinite(value):
                return f"proposes {value!r} for {proposal.node}.{name}"
            if not rule.low <= value <= rule.high and self._has_often(self._outside_ns, OUTSIDE_MAX, now_ns):
                return (
                    f"proposed values beyond the envelope {OUTSIDE_MAX} times, last {proposal.node}.{name} = {value:g}"
                )
            if name in current and self._oscillates((proposal.node, name), value - current[name], rule, now_ns):
                return f"turned {proposal.node}.{name} about {REVERSALS_MAX} times within {WINDOW_NS / NS_PER_S:g} s"
        return ""

    def _oscillates(self, key: tuple[str, str], change: float, rule: Rule, now_ns: int) -> bool:
        if abs(change) < REVERSAL_SHARE * rule.max_step:
            return False
        before, self._direction[key] = self._direction.get(key, 0.0), math.copysign(1.0, change)
        if before * change >= 0.0:
            return False
        return self._has_often(self._reversed_ns.setdefault(key, deque(maxlen=REVERSALS_MAX)), REVERSALS_MAX, now_ns)

    @staticmethod
    def _has_often(times_ns: deque[int], count: int, now_ns: int) -> bool:
        """Notes one more time and returns whether that made `count` within the window."""
        times_ns.append(now_ns)
        return len(times_ns) == count and now_ns - times_ns[0] < WINDOW_NS

    def _clipped(self, proposal: Proposal) -> Proposal:
        inside: dict[str, float] = {}
        said = list(proposal.clipped)
        for name, value in proposal.parameters.items():
            rule = self._governance.rules[proposal.node][name]
            inside[name] = min(max(value, rule.low), rule.high)
            if inside[name] != value:
                said.append(f"{name} {value:g} -> {inside[name]:g}")
        return replace(proposal, parameters=inside, clipped=tuple(said)) if inside != proposal.parameters else proposal
