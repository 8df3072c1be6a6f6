"""When a grip can be judged: once per grip, as soon as its vacuum has built up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workcell_control.policy.hold import BUILD_UP_NS, SEALED_PA
from workcell_control.policy.optimiser.context import VACUUM
from workcell_control.policy.policy import Observation


class GripJudge:
    """Follows the vacuum of each grip."""

    def __init__(self) -> None:
        self._sealed_ns: int | None = None
        self._is_judged = False

    def due(self, observation: Observation) -> float | None:
        """The vacuum of a grip that is to be judged now, else None."""
        vacuum_pa = observation.readings.get(VACUUM)
        if observation.activity != "pick" or vacuum_pa is None or vacuum_pa < SEALED_PA:
            self._sealed_ns, self._is_judged = None, False
            return None
        taken_ns = observation.taken_ns[VACUUM]
        if self._sealed_ns is None:
            self._sealed_ns = taken_ns
        if self._is_judged or taken_ns - self._sealed_ns < BUILD_UP_NS:
            return None
        self._is_judged = True
        return vacuum_pa

    def snapshot(self) -> dict[str, Any]:
        """Where it stands, as JSON values."""
        return {"sealed_ns": self._sealed_ns, "is_judged": self._is_judged}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes a snapshot back."""
        self._sealed_ns, self._is_judged = state["sealed_ns"], bool(state["is_judged"])
