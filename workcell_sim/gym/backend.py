"""What an environment needs of a cell that runs cycle by cycle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from workcell_control.policy.policy import Cycle
from workcell_control.policy.value import CycleOutcome

Values = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class CycleResult:
    """One finished cycle: what the cell tells of it, and what it truly was."""

    cycle: Cycle
    """With the readings and the parameters it ran with, as a policy is told of it."""
    outcome: CycleOutcome
    """The truth, as the reward takes it."""
    truth: Mapping[str, float] = field(default_factory=dict)
    """Conditions that no sensor tells; for `info` alone."""


class CellBackend(Protocol):
    """A simulated cell whose cycles are run one at a time."""

    def reset(self, seed: int) -> CycleResult:
        """Begins a shift and runs its first cycle with the parameters that a cell starts with."""
        ...

    def step(self, wanted: Values) -> CycleResult:
        """Runs the next cycle, with these parameters as far as they may be changed at once."""
        ...

    def close(self) -> None:
        """Frees what the cell holds."""
        ...
