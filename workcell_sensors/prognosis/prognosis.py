"""All components of the cell: readings and cycle results in; health, remaining life and proposals out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from workcell_sensors.health.refine import CycleResult
from workcell_sensors.prognosis.component import PrognosisSpec
from workcell_sensors.prognosis.detector import State
from workcell_sensors.prognosis.indicator import CycleIndicator
from workcell_sensors.prognosis.life import ComponentHealth, ComponentLife
from workcell_sensors.prognosis.watch import Watch, WatchAlarm
from workcell_sensors.reading import FloatArray, IndexArray, Quality, QualityArray
from workcell_sensors.tags import TagTable


@dataclass(frozen=True)
class MaintenanceNeed:
    """A component that is to be serviced before it fails."""

    component: str
    failure_probability: float
    horizon_cycles: int
    cost_of_waiting: float
    """Expected cost of a failure within the horizon, in planned maintenances."""
    health: ComponentHealth

    @property
    def reason(self) -> str:
        """Why, in a sentence."""
        life = self.health.remaining
        return (
            f"{self.component} is at {self.health.health_index:.0%} health, "
            f"{life.median_cycles:.0f} ({life.low_cycles:.0f}..{life.high_cycles:.0f}) cycles from its limit; "
            f"{self.failure_probability:.0%} risk of failure within {self.horizon_cycles} cycles"
        )


class Prognosis:
    """Follows every component, and what of the machine as a whole is unlike itself."""

    def __init__(self, spec: PrognosisSpec, table: TagTable, tracking_error_max_rad: float = 0.002) -> None:
        self.spec = spec
        self._tracking_error_max_rad = tracking_error_max_rad
        self._lives = {item.component: ComponentLife(item, spec.horizon_cycles) for item in spec.components}
        self.watches = {item.watch: Watch(item) for item in spec.watches}
        """What is watched as a whole, by name."""
        self._values: FloatArray = np.full(len(table), np.nan)
        self._state = ""
        self._intakes = _intakes(self._lives.values(), self.watches.values(), table)
        self._by_row = _triggers(self._intakes, table)
        self._is_taken = np.zeros(len(table), dtype=np.bool_)
        self._is_taken[list(self._by_row)] = True

    def take(self, rows: IndexArray, values: FloatArray, quality: QualityArray) -> None:
        """Takes one scan of readings (m,); what is BAD or STALE is unknown."""
        self._values[rows] = np.where(quality < Quality.BAD, values, np.nan)
        told = {pair for row in rows[self._is_taken[rows]].tolist() for pair in self._by_row[row]}
        for intake in (self._intakes[number] for number in sorted(told)):
            if not intake.active_in or self._state in intake.active_in:
                per = abs(float(self._values[intake.per])) if intake.per >= 0 else 1.0
                intake.indicator.learn_one(float(self._values[intake.row]), per)

    def set_state(self, state: str) -> None:
        """Takes the cell's state in."""
        self._state = state

    def learn(self, result: CycleResult) -> None:
        """Takes a finished cycle in: what it read, and how it ended."""
        for life in self._lives.values():
            life.learn_cycle()
        has_failed = {
            "arm": result.protective_stop or result.tracking_error_max_rad > self._tracking_error_max_rad,
            "drop": result.drop,
        }
        for outcome, failed in has_failed.items():
            concerned = [life for life in self._lives.values() if life.spec.outcome == outcome]
            # Of several components that may have caused it, the one nearest to its limit did.
            culprit = max(concerned, key=lambda life: life.odds(), default=None) if failed else None
            for life in concerned:
                life.learn_outcome(life is culprit)
        for watch in self.watches.values():
            watch.learn_cycle()

    def health(self) -> list[ComponentHealth]:
        """Returns what is known of every component."""
        return [life.health() for life in self._lives.values()]

    def needs(self) -> list[MaintenanceNeed]:
        """Returns the components past their limit, or for which waiting costs more than servicing them."""
        found = []
        for health in self.health():
            probability = health.failure_probability
            cost = probability * self.spec.failure_cost
            is_over = health.remaining.median_cycles < 1.0
            if is_over or (math.isfinite(cost) and cost > 1.0 and math.isfinite(health.remaining.median_cycles)):
                found.append(MaintenanceNeed(health.component, probability, self.spec.horizon_cycles, cost, health))
        return found

    def alarms(self) -> list[WatchAlarm]:
        """Returns what of the machine as a whole is unlike itself."""
        found = [watch.alarm() for watch in self.watches.values()]
        return [alarm for alarm in found if alarm is not None]

    def serviced(self, name: str) -> None:
        """Begins anew with a component, or with a watch over several quantities.

        Raises:
            KeyError: there is none of that name.
        """
        if name in self.watches:
            self.watches[name].restart()
        else:
            self._lives[name].restart()

    def snapshot(self) -> State:
        """Returns the state."""
        lives = {name: life.snapshot() for name, life in self._lives.items()}
        watches = {name: {"of": _told(watch), **watch.snapshot()} for name, watch in self.watches.items()}
        return {"lives": lives, "watches": watches}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes over a state; a watch that was set otherwise meanwhile begins anew.

        Raises:
            ValueError: it is of other components.
        """
        lives = state["lives"]
        if set(lives) != set(self._lives):
            raise ValueError(f"state of {sorted(lives)}; valid: {sorted(self._lives)}")
        for name, life in self._lives.items():
            life.restore(lives[name])
        for name, watch in self.watches.items():
            given = state["watches"].get(name)
            if given is not None and given["of"] == _told(watch):
                watch.restore(given)


@dataclass(frozen=True)
class _Intake:
    """What readings are taken into an indicator."""

    indicator: CycleIndicator
    row: int
    per: int
    """Row of the quantity it is taken per unit of; -1: none."""
    active_in: tuple[str, ...]


def _intakes(lives: Iterable[ComponentLife], watches: Iterable[Watch], table: TagTable) -> list[_Intake]:
    def intake(indicator: CycleIndicator, tag: str, per: str, active_in: tuple[str, ...]) -> _Intake:
        return _Intake(indicator, table.index[tag], table.index[per] if per else -1, active_in)

    found = [intake(life.indicator, life.spec.tag, life.spec.per, life.spec.active_in) for life in lives]
    for watch in watches:
        for indicator, quantity in zip(watch.indicators, watch.spec.quantities, strict=True):
            found.append(intake(indicator, quantity.tag, quantity.per, watch.spec.active_in))
    return found


def _told(watch: Watch) -> list[Any]:
    """What a watch is set to, as JSON holds it."""
    spec = watch.spec
    quantities = [[quantity.tag, quantity.per] for quantity in spec.quantities]
    return [spec.detector, quantities, list(spec.active_in), dict(spec.settings)]


def _triggers(intakes: list[_Intake], table: TagTable) -> dict[int, list[int]]:
    """Which intakes are fed when a row comes: with its tag, and with its `per` where the same device tells both.

    Devices report by exception: of two values of one device the one that stays is not sent again.
    """
    by_row: dict[int, list[int]] = {}
    for number, intake in enumerate(intakes):
        by_row.setdefault(intake.row, []).append(number)
        if intake.per >= 0 and table.rows[intake.per].source == table.rows[intake.row].source:
            by_row.setdefault(intake.per, []).append(number)
    return by_row
