"""The reflex policy: rules with named hysteresis, one owner for each parameter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from workcell_control.policy.hold import HoldRule
from workcell_control.policy.look import DwellRule, ExposureRule
from workcell_control.policy.pace import PaceRule
from workcell_control.policy.policy import Cycle, Observation, Proposal

NS_PER_S = 1_000_000_000
REFUSED_BACKOFF_S = 20.0
"""A change that was turned down is not asked for again before this."""
REFLEX_GAP_S = 0.5
"""Shortest time between two reflexes on the same parameters."""
TURNED_DOWN = ("refused", "rejected", "expired", "failed")


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

    def __init__(self, tooling: Tooling) -> None:
        hold = HoldRule(tooling.cup_radius_m, tooling.part_mass_kg, tooling.weigh_lever_m, tooling.friction)
        self._rules: tuple[Rule, ...] = (hold, PaceRule(), DwellRule(), ExposureRule())
        self._not_before_ns: dict[tuple[str, str], int] = {}

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
        """Backs off from what the governor turned down."""
        if outcome in TURNED_DOWN:
            self._wait(node, parameters, now_ns, REFUSED_BACKOFF_S)

    def _without_waiting(self, proposal: Proposal, now_ns: int) -> Proposal | None:
        key_due = {name: self._not_before_ns.get((proposal.node, name), 0) for name in proposal.parameters}
        if proposal.urgency != "reflex" and any(now_ns < due_ns for due_ns in key_due.values()):
            return None
        if proposal.urgency == "reflex" and all(now_ns < due_ns for due_ns in key_due.values()):
            return None
        self._wait(proposal.node, proposal.parameters, now_ns, REFLEX_GAP_S)
        return proposal

    def _wait(self, node: str, parameters: Mapping[str, float], now_ns: int, wait_s: float) -> None:
        for name in parameters:
            self._not_before_ns[node, name] = now_ns + round(wait_s * NS_PER_S)


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
