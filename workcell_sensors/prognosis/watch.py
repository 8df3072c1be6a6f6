"""What of several quantities together is unlike itself, by any detector of the registry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workcell_sensors.prognosis.detector import ANOMALOUS, Detector, State
from workcell_sensors.prognosis.indicator import CycleIndicator
from workcell_sensors.prognosis.registry import DETECTORS


@dataclass(frozen=True)
class Quantity:
    """One figure per cycle: what a tag gains per unit of another, or without one its mean."""

    tag: str
    per: str = ""


@dataclass(frozen=True)
class WatchSpec:
    """One detector over some quantities; see config/prognosis.yaml for what the fields mean."""

    watch: str
    detector: str
    quantities: tuple[Quantity, ...]
    confirm_cycles: int = 1
    active_in: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    def make(self) -> Detector:
        """Returns a detector that has learned nothing.

        Raises:
            ValueError: a setting's value is not valid for so many quantities.
            TypeError: it has no such setting.
        """
        return DETECTORS[self.detector](len(self.quantities), **self.settings)


@dataclass(frozen=True)
class WatchAlarm:
    """Quantities that have been unlike themselves for so long that a person should look."""

    watch: str
    detector: str
    score: float
    """Of the last cycle; 1 is the limit."""
    cycles: int
    """For how many cycles in succession it has been beyond."""

    @property
    def reason(self) -> str:
        """Why, in a sentence."""
        return f"{self.watch}: {self.detector} finds the machine unlike itself, at {self.score:.2f} of its limit"


class Watch:
    """Takes the quantities' figures of each cycle to a detector, and says when it is to be believed.

    >>> spec = WatchSpec("pump", "level_chart", (Quantity("pump"),), 2, settings={"window": 2, "grace_period": 8})
    >>> watch = Watch(spec)
    >>> for cycle in range(14):
    ...     for reading in range(4):
    ...         watch.indicators[0].learn_one((0.3 if cycle < 10 else 0.9) + 0.01 * (cycle % 3))
    ...     watch.learn_cycle()
    >>> watch.alarm() is not None, watch.beyond
    (True, 4)
    """

    def __init__(self, spec: WatchSpec) -> None:
        self.spec = spec
        self.indicators = [CycleIndicator() for _ in spec.quantities]
        self.restart()

    def restart(self) -> None:
        """Begins anew: what the machine is like from now on is learned as its own."""
        self._detector = self.spec.make()
        self.cycles = 0
        """Cycles taken in since."""
        self.score = 0.0
        """Of the last cycle; 0 during the grace period, 1 and more is anomalous."""
        self.beyond = 0
        """For how many cycles in succession the score has been anomalous."""

    @property
    def is_learning(self) -> bool:
        """Whether it is within its grace period still."""
        return self.cycles <= self._detector.grace_period

    def learn_cycle(self) -> None:
        """Ends a cycle; one of which nothing is known says nothing."""
        sample = np.array([indicator.take() for indicator in self.indicators])
        if not np.isfinite(sample).any():
            return
        self.score = self._detector.score_one(sample)
        self._detector.learn_one(sample)
        self.cycles += 1
        self.beyond = self.beyond + 1 if self.score >= ANOMALOUS else 0

    def alarm(self) -> WatchAlarm | None:
        """Returns the alarm, where the last cycles confirm one."""
        if self.beyond < self.spec.confirm_cycles:
            return None
        return WatchAlarm(self.spec.watch, self.spec.detector, self.score, self.beyond)

    def snapshot(self) -> State:
        """Returns the state."""
        return {
            "detector": self._detector.snapshot(),
            "indicators": [indicator.snapshot() for indicator in self.indicators],
            "cycles": self.cycles,
            "beyond": self.beyond,
            "score": self.score,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes over a state.

        Raises:
            ValueError: it is of other quantities or of another detector.
        """
        for indicator, given in zip(self.indicators, state["indicators"], strict=True):
            indicator.restore(given)
        self._detector.restore(state["detector"])
        self.cycles, self.beyond = int(state["cycles"]), int(state["beyond"])
        self.score = float(state["score"])
