"""Notices a vacuum reading that cannot be true, though it is neither BAD nor STALE: a sensor that froze, or lies.

What a sensor says of the grip can be checked once a cycle: on its way to the next part the cup is empty. A sensor that
lies in both states as it should look is not found here; what it costs is, by the parts that are lost.
"""

from __future__ import annotations

from workcell_control.policy.policy import Observation

VACUUM = "gripper/vacuum"
EMPTY = "approach"
"""The activity in which the cup has let go, and holds nothing yet."""
SETTLING_NS = 300_000_000
"""Longer than the last reading of a cup that has let go takes to arrive, and shorter than the quickest approach."""
SEALED_PA = 18e3
"""Vacuum that a cup only reaches when a part closes it."""


class GripPlausibility:
    """Watches the vacuum while nothing can be held."""

    def __init__(self) -> None:
        self._empty_since_ns: int | None = None

    def check(self, observation: Observation) -> str:
        """Returns why the vacuum is not believed; empty where it may be true."""
        if observation.activity != EMPTY:
            self._empty_since_ns = None
            return ""
        if self._empty_since_ns is None:
            self._empty_since_ns = observation.now_ns
        vacuum_pa = observation.readings.get(VACUUM, 0.0)
        taken_ns = observation.taken_ns.get(VACUUM, 0)
        if vacuum_pa < SEALED_PA or taken_ns - self._empty_since_ns < SETTLING_NS:
            return ""
        return f"{VACUUM} tells of {vacuum_pa / 1e3:.1f} kPa with nothing on the cup: it is not believed"
