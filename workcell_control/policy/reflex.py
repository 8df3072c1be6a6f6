"""The reflex policy: rules with named hysteresis, one owner for each parameter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from workcell_control.policy.hold import HoldRule
from workcell_control.policy.look import DwellRule, ExposureRule
from workcell_control.policy.pace import PaceRule
from workcell_control.policy.policy import Cycle, Observation, Proposal

NS_PER_S = 1_000_000_000
REFUSED_BACKOFF_S = 20.0
"""A change that was turned down is not asked for again before this."""
ANSWER_WAIT_S = 30.0
"""A change is not asked for again while the governor or the twin may still be at it."""
PERSON_WAIT_S = 200.0
REFLEX_GAP_S = 0.5
"""Shortest time between two reflexes on the same parameters."""
WAIT_AFTER_S = {
    "pending": PERSON_WAIT_S,
    "refused": REFUSED_BACKOFF_S,
    "rejected": REFUSED_BACKOFF_S,
    "expired": REFUSED_BACKOFF_S,
    "failed": REFUSED_BACKOFF_S,
}
"""By outcome; after any other the next change may be asked for once the governor takes one again."""

Intervals = Mapping[str, Mapping[str, float]]
"""By node and parameter, the shortest time between two changes that the governor allows, [s]."""


class Rule(Protocol):
    """One concern of the reflex policy."""

    def learn(self, cycle: Cycle) -> None:
        """Takes in what a finished cycle was like."""
        ...

    def propose(self, observation: Observation) -> list[Proposal]:
        """Returns the changes wanted now."""
        ...


@dataclass(frozen=True)
class Tooling:
    """What the shop knows of gripper and part; the rules start from it and learn the rest."""

    cup_radius_m: float
    part_mass_kg: float
    weigh_lever_m: float
    friction: float


class ReflexPolicy:
    """Asks every rule and holds back what was just asked or turned down."""

    def __init__(self, tooling: Tooling, intervals_s: Intervals) -> None:
        hold = HoldRule(tooling.cup_radius_m, tooling.part_mass_kg, tooling.weigh_lever_m, tooling.friction)
        self._rules: tuple[Rule, ...] = (hold, PaceRule(), DwellRule(), ExposureRule())
        self._intervals_s = intervals_s
        self._asked_until_ns: dict[tuple[str, str], int] = {}
        self._reflex_until_ns: dict[tuple[str, str], int] = {}

    def propose(self, observation: Observation) -> list[Proposal]:
        """Returns what the rules want now, less what must wait."""
        proposals: list[Proposal] = []
        for rule in self._rules:
            for proposal in rule.propose(observation):
                kept = self._without_waiting(proposal, observation.now_ns)
                if kept is not None:
                    proposals.append(kept)
        return _merge(proposals)

    def learn(self, cycle: Cycle) -> None:
        """Takes in what a finished cycle was like."""
        for rule in self._rules:
            rule.learn(cycle)

    def hear(self, node: str, parameters: Mapping[str, float], outcome: str, now_ns: int) -> None:
        """Waits on, backs off or goes on, by what the governor made of a proposal."""
        for name in parameters:
            wait_s = WAIT_AFTER_S.get(outcome, self._intervals_s.get(node, {}).get(name, 0.0))
            self._wait(self._asked_until_ns, node, (name,), now_ns, wait_s)

    def _without_waiting(self, proposal: Proposal, now_ns: int) -> Proposal | None:
        """Returns what of a proposal may be said now: a reflex passes over what was asked for before."""
        is_reflex = proposal.urgency == "reflex"
        due_ns = self._reflex_until_ns if is_reflex else self._asked_until_ns
        kept = {
            name: value
            for name, value in proposal.parameters.items()
            if not is_early(now_ns, due_ns.get((proposal.node, name), 0))
        }
        if not kept:
            return None
        self._wait(due_ns, proposal.node, kept, now_ns, REFLEX_GAP_S if is_reflex else ANSWER_WAIT_S)
        return replace(proposal, parameters=kept)

    @staticmethod
    def _wait(due_ns: dict[tuple[str, str], int], node: str, names: Iterable[str], now_ns: int, wait_s: float) -> None:
        for name in names:
            due_ns[node, name] = now_ns + round(wait_s * NS_PER_S)


def is_early(now_ns: int, due_ns: int) -> bool:
    """Whether a wait is not over yet; one longer than any was set by the clock of an earlier run."""
    return 0 < due_ns - now_ns <= PERSON_WAIT_S * NS_PER_S


def _merge(proposals: list[Proposal]) -> list[Proposal]:
    """Returns one proposal per node and urgency, so that the twin tries a cycle's changes together."""
    groups: dict[tuple[str, str], list[Proposal]] = {}
    for proposal in proposals:
        groups.setdefault((proposal.node, proposal.urgency), []).append(proposal)
    return [_merged(group) if len(group) > 1 else group[0] for group in groups.values()]


def _merged(group: list[Proposal]) -> Proposal:
    return Proposal(
        node=group[0].node,
        parameters={name: value for item in group for name, value in item.parameters.items()},
        rule="+".join(item.rule for item in group),
        reason="; ".join(item.reason for item in group),
        urgency=group[0].urgency,
        readings={name: value for item in group for name, value in item.readings.items()},
    )
