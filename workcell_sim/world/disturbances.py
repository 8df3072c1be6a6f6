"""The scenario's events as values that change over the shift."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workcell_sim.world.arm_parameters import JOINT_COUNT
from workcell_sim.world.scenario import Event, Scenario

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Conditions:
    """What the disturbances make of the cell at one time.

    Attributes:
        leak: extra leak of the cup as a share of the pump's capacity.
        wear: wear 0..1 that the scenario adds to each joint's gear, shape (6,).
        light: illumination relative to nominal.
        mass: mass of newly arriving parts relative to nominal.
        tariff: energy price relative to base.
        arrival: time between parts relative to base.
        defect_rate: share of defective boards, None for the configured one.
    """

    leak: float
    wear: FloatArray
    light: float
    mass: float
    tariff: float
    arrival: float
    defect_rate: float | None


class Disturbances:
    """Evaluates a scenario over time."""

    def __init__(self, scenario: Scenario) -> None:
        self._by_kind: dict[str, tuple[Event, ...]] = {
            kind: scenario.of_kind(kind) for kind in {event.kind for event in scenario.events}
        }
        self._stops = scenario.of_kind("protective_stop")

    def at(self, time_s: float) -> Conditions:
        """Conditions at a time of the shift; several events of one kind add up or multiply."""
        wear = np.zeros(JOINT_COUNT)
        for event in self._of("joint_wear"):
            wear[int(event.target) - 1] += event.level(time_s) * event.magnitude
        bursts = [event for event in self._of("defect_burst") if event.level(time_s) > 0.0]
        return Conditions(
            leak=sum(event.level(time_s) * event.magnitude for event in self._of("vacuum_leak")),
            wear=np.minimum(wear, 1.0),
            light=self._factor("light_drift", time_s),
            mass=self._factor("heavy_lot", time_s),
            tariff=self._factor("tariff_peak", time_s),
            arrival=self._factor("starved_infeed", time_s),
            defect_rate=max(event.magnitude for event in bursts) if bursts else None,
        )

    def protective_stop_between(self, after_s: float, until_s: float) -> bool:
        """Whether a protective stop is due in (after_s, until_s]."""
        return any(after_s < event.at_s <= until_s for event in self._stops)

    def _of(self, kind: str) -> tuple[Event, ...]:
        return self._by_kind.get(kind, ())

    def _factor(self, kind: str, time_s: float) -> float:
        """Product of the factors of all events of a kind, each faded in from 1."""
        factor = 1.0
        for event in self._of(kind):
            factor *= 1.0 + event.level(time_s) * (event.magnitude - 1.0)
        return factor
