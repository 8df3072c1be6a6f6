"""The policy that changes nothing: what every other one is measured against."""

from __future__ import annotations

from collections.abc import Mapping

from workcell_control.policy.policy import Cycle, Observation, Proposal


class FixedPolicy:
    """Keeps the parameters as configured."""

    def propose(self, observation: Observation) -> list[Proposal]:
        """Returns nothing."""
        return []

    def learn(self, cycle: Cycle) -> None:
        """Takes no notice."""

    def hear(self, node: str, parameters: Mapping[str, float], outcome: str, now_ns: int) -> None:
        """Takes no notice."""
