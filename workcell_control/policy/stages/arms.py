"""Whose parameters a cycle runs with: one policy's as a rule, every n-th cycle another's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from workcell_control.governance.rules import Governance
from workcell_control.policy.policy import Policy, Proposal

NS_PER_S = 1_000_000_000
RETRY_NS = 2 * NS_PER_S
TRIES_MAX = 4
"""Proposals of a switch in one cycle; what the governor will not have then is left as it is."""
CLOSE = 1e-9
"""Parameters that differ by less, as a share of their envelope, are the same."""

Values = Mapping[str, Mapping[str, float]]


@dataclass
class Arm:
    """A policy and the parameters that it would have in force.

    `is_guarded` where it runs the reflex rules beneath itself, and so answers for them once it is trusted.
    """

    name: str
    policy: Policy
    values: dict[str, dict[str, float]] = field(default_factory=dict)
    is_guarded: bool = False

    def take(self, proposal: Proposal, governance: Governance) -> None:
        """Takes a proposal as the governor would clip it, without a word to anybody."""
        own = self.values.get(proposal.node, {})
        for name, value in proposal.parameters.items():
            rule = governance.rule(proposal.node, name)
            if rule is not None and name in own:
                own[name] = rule.clip(own[name], value)

    def soften(self, proposal: Proposal, governance: Governance) -> None:
        """Takes what of a reflex is towards safety: it holds for whoever runs next as well."""
        own = self.values.get(proposal.node, {})
        for name, value in proposal.parameters.items():
            rule = governance.rule(proposal.node, name)
            if rule is not None and name in own and rule.is_towards_safety(own[name], value):
                own[name] = rule.clip(own[name], value)


def copied(values: Values, nodes: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """Returns the values of `nodes` as dicts of one's own."""
    return {node: dict(values[node]) for node in nodes if node in values}


def near(values: Values, base: Values, governance: Governance) -> dict[str, dict[str, float]]:
    """Returns `values` brought within what the governor lets happen alone in one step from `base`."""
    bounded: dict[str, dict[str, float]] = {}
    for node, own in base.items():
        bounded[node] = {}
        for name, current in own.items():
            rule = governance.rule(node, name)
            wanted = values.get(node, {}).get(name, current)
            clipped = current if rule is None else rule.clip(current, wanted)
            bounded[node][name] = current if rule is None or rule.needs_person(clipped) else clipped
    return bounded


def difference(wanted: Values, in_force: Values, governance: Governance) -> dict[str, dict[str, float]]:
    """Returns what of `wanted` is not in force yet, by node; only nodes where something differs."""
    changes: dict[str, dict[str, float]] = {}
    for node, values in wanted.items():
        current = in_force.get(node, {})
        differing = {
            name: value
            for name, value in values.items()
            if name in current and not _is_same(value, current[name], governance, node, name)
        }
        if differing:
            changes[node] = differing
    return changes


def _is_same(one: float, other: float, governance: Governance, node: str, name: str) -> bool:
    rule = governance.rule(node, name)
    width = rule.high - rule.low if rule is not None else 1.0
    return abs(one - other) <= CLOSE * width


class Switch:
    """Brings a set into force, by proposals like any other, and gives up after some."""

    def __init__(self, governance: Governance) -> None:
        self._governance = governance
        self._target: dict[str, dict[str, float]] = {}
        self._reason = ""
        self._tries = TRIES_MAX
        self._due_ns = 0

    @property
    def is_under_way(self) -> bool:
        """Whether the set asked for is neither in force nor given up."""
        return self._tries < TRIES_MAX

    @property
    def target(self) -> dict[str, dict[str, float]]:
        """The set last asked for."""
        return self._target

    def start(self, target: dict[str, dict[str, float]], reason: str) -> None:
        """Asks for a set from now on; it stays what it was now, whatever its owner makes of it meanwhile."""
        self._target = {node: dict(values) for node, values in target.items()}
        self._reason, self._tries, self._due_ns = reason, 0, 0

    def stop(self) -> None:
        """Asks for nothing any more."""
        self._tries = TRIES_MAX

    def propose(self, in_force: Values, now_ns: int) -> list[Proposal]:
        """Returns what still has to change, now and then."""
        if not self.is_under_way:
            return []
        changes = difference(self._target, in_force, self._governance)
        if not changes:
            self.stop()
            return []
        if now_ns < self._due_ns:
            return []
        self._tries += 1
        self._due_ns = now_ns + RETRY_NS
        return [Proposal(node, values, "stages", self._reason) for node, values in changes.items()]
