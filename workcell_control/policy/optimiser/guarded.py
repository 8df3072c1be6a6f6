"""The optimiser with the reflex rules beneath it: rules answer at once, the optimiser cycle by cycle.

Of the rules only what is urgent, or for a person, is passed on: where to go from one cycle to the next, gentler or
bolder, is the optimiser's to find unless a part was lost.
The more conservative of both wins: what a rule has just made gentler the optimiser does not make bolder again for some
cycles, and then step by step. A complaint of the monitor is answered at once when it comes up or becomes worse; one
that stands, or comes and goes with the speed, is known to the optimiser, whose models say what the worn machine still
does safely.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from workcell_control.governance.rules import Direction, Governance
from workcell_control.policy.hold import FRICTION_SHARE
from workcell_control.policy.optimiser.optimiser import Optimiser
from workcell_control.policy.optimiser.options import Options
from workcell_control.policy.optimiser.plain_state import plain_state, restore_plain_state
from workcell_control.policy.optimiser.setting import NODE_OF
from workcell_control.policy.policy import STOP_TAG, Cycle, Observation, Proposal
from workcell_control.policy.reflex import ReflexPolicy, Tooling
from workcell_control.policy.value import Prices

HOLD_RULE = "hold"
CAP_CYCLES = 2
"""Cycles for which what a rule made gentler stays so."""
STOP_CAP_CYCLES = 30
"""And after a protective stop: the model that foresaw none is wrong about that, and must see why in other cycles."""
ONSET_CYCLES = 2
"""For so many cycles a complaint of the monitor is new."""
QUIET_CYCLES = 50
"""After so many cycles without it a complaint that comes back is a new one."""
CAP_RISE = 1.2
"""Afterwards the cap rises by this factor a cycle, until it no longer matters."""


@dataclass
class Complaint:
    """A complaint of the monitor, as it was answered.

    Attributes:
        level: the worst so far.
        cycles: since it came up, or became as bad.
        quiet_cycles: since it was last heard.
    """

    level: int
    cycles: int = 0
    quiet_cycles: int = 0


class GuardedOptimiser:
    """Composite of reflex rules and optimiser; it follows the Policy Protocol and keeps what it learned."""

    state_version = 4

    def __init__(self, tooling: Tooling, governance: Governance, prices: Prices, options: Options) -> None:
        self._rules = {name: governance.rules[node][name] for name, node in NODE_OF.items()}
        intervals_s = {
            node: {name: rule.min_interval_s for name, rule in rules.items()}
            for node, rules in governance.rules.items()
        }
        # The rules' share of friction is a reserve for what they cannot know; the optimiser learns its own.
        self._reflex = ReflexPolicy(replace(tooling, friction=tooling.friction / FRICTION_SHARE), intervals_s)
        self._optimiser = Optimiser(tooling, governance, prices, options)
        self._is_between_cycles = False
        self._complaints: dict[str, Complaint] = {}
        self._caps: dict[str, float] = {}
        self._cap_cycles: dict[str, int] = {}

    def propose(self, observation: Observation) -> list[Proposal]:
        """Returns the rules' urgent changes, then what the optimiser wants within them."""
        news = replace(observation, alarms=self._new_alarms(observation.alarms))
        urgent = [item for item in self._reflex.propose(news) if self._is_urgent(item)]
        self._is_between_cycles = False
        for proposal in urgent:
            if proposal.urgency == "reflex":
                self._cap(proposal)
        taken = {(item.node, name) for item in urgent for name in item.parameters}
        wanted = (self._within_caps(item, observation, taken) for item in self._optimiser.propose(observation))
        return [*urgent, *(item for item in wanted if item is not None)]

    def learn(self, cycle: Cycle) -> None:
        """Takes in a finished cycle."""
        self._reflex.learn(cycle)
        self._optimiser.learn(cycle)
        self._is_between_cycles = not cycle.is_dropped
        for complaint in self._complaints.values():
            complaint.cycles += 1
            complaint.quiet_cycles += 1
        self._complaints = {tag: item for tag, item in self._complaints.items() if item.quiet_cycles <= QUIET_CYCLES}
        for name in list(self._caps):
            self._cap_cycles[name] -= 1
            if self._cap_cycles[name] < 0:
                self._caps[name] *= CAP_RISE
            if self._caps[name] >= self._rules[name].high:
                del self._caps[name], self._cap_cycles[name]

    def hear(self, node: str, parameters: Mapping[str, float], outcome: str, now_ns: int) -> None:
        """Tells both what the governor decided."""
        self._reflex.hear(node, parameters, outcome, now_ns)
        self._optimiser.hear(node, parameters, outcome, now_ns)

    def snapshot(self) -> dict[str, Any]:
        """All that was learned, the rules' memory included, as JSON values."""
        return {
            "optimiser": self._optimiser.snapshot(),
            "reflex": plain_state(self._reflex),
            "is_between_cycles": self._is_between_cycles,
            "complaints": {tag: asdict(complaint) for tag, complaint in self._complaints.items()},
            "caps": dict(self._caps),
            "cap_cycles": dict(self._cap_cycles),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Takes a snapshot back.

        Raises:
            ValueError: it does not fit; what was learned before stands then.
        """
        missing = set(self.snapshot()) - set(state)
        if missing:
            raise ValueError(f"optimiser state: {', '.join(sorted(missing))} missing")
        before = plain_state(self._reflex)
        restore_plain_state(self._reflex, state["reflex"])
        try:
            self._optimiser.restore(state["optimiser"])
        except ValueError:
            restore_plain_state(self._reflex, before)
            raise
        self._is_between_cycles = bool(state["is_between_cycles"])
        self._complaints = {str(tag): Complaint(**complaint) for tag, complaint in state["complaints"].items()}
        self._caps = {str(name): float(value) for name, value in state["caps"].items()}
        self._cap_cycles = {str(name): int(value) for name, value in state["cap_cycles"].items()}

    def _new_alarms(self, alarms: Mapping[str, int]) -> dict[str, int]:
        """The monitor's complaints that came up, or became worse than they ever were, lately."""
        for tag, level in alarms.items():
            known = self._complaints.get(tag)
            if level > (known.level if known is not None else 0):
                self._complaints[tag] = Complaint(level)
            elif level > 0 and known is not None:
                known.quiet_cycles = 0
        return {tag: level for tag, level in alarms.items() if self._is_new(tag)}

    def _is_new(self, tag: str) -> bool:
        known = self._complaints.get(tag)
        return known is None or known.cycles <= ONSET_CYCLES

    def _is_urgent(self, proposal: Proposal) -> bool:
        is_step = self._is_between_cycles and HOLD_RULE in proposal.rule
        return proposal.urgency != "optimise" and not is_step

    def _cap(self, proposal: Proposal) -> None:
        cycles = STOP_CAP_CYCLES if STOP_TAG in proposal.readings else CAP_CYCLES
        for name, value in proposal.parameters.items():
            if name in self._rules and self._rules[name].safer is Direction.DOWN:
                self._caps[name] = value
                self._cap_cycles[name] = cycles

    def _within_caps(
        self, proposal: Proposal, observation: Observation, taken: set[tuple[str, str]]
    ) -> Proposal | None:
        """What of the optimiser's proposal the rules leave, each value at most at its cap."""
        current = observation.parameters.get(proposal.node, {})
        kept: dict[str, float] = {}
        clipped = []
        for name, value in proposal.parameters.items():
            capped = min(value, self._caps.get(name, value))
            if capped != value:
                clipped.append(f"{name} {value:g} -> {capped:g}, where a reflex rule has it")
            is_ruled = (proposal.node, name) in taken
            if not is_ruled and capped != current.get(name):
                kept[name] = capped
        return replace(proposal, parameters=kept, clipped=tuple(clipped)) if kept else None
