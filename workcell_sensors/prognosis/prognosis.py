"""All components of the cell: readings and cycle results in; health, remaining life and proposals out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from workcell_sensors.health.refine import CycleResult
from workcell_sensors.prognosis.component import PrognosisSpec
from workcell_sensors.prognosis.detector import State
from workcell_sensors.prognosis.hotelling import HotellingChart
from workcell_sensors.prognosis.life import ComponentHealth, ComponentLife
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
        self._anomaly = HotellingChart(max(len(self._lives), 1))
        self.anomaly_score = 0.0
        """Of the last cycle's indicators taken together; 1 or more is unlike the cycles before."""
        self._values: FloatArray = np.full(len(table), np.nan)
        self._state = ""
        self._pairs = [
            (life, table.index[life.spec.tag], table.index[life.spec.per] if life.spec.per else -1)
            for life in self._lives.values()
        ]
        self._by_row = _triggers(self._pairs, table)
        self._rows = np.array(sorted(self._by_row), dtype=np.intp)

    def take(self, rows: IndexArray, values: FloatArray, quality: QualityArray) -> None:
        """Takes one scan of readings (m,); what is BAD or STALE is unknown."""
        self._values[rows] = np.where(quality < Quality.BAD, values, np.nan)
        told = {pair for row in rows[np.isin(rows, self._rows)].tolist() for pair in self._by_row[row]}
        for life, row, per in (self._pairs[pair] for pair in sorted(told)):
            if not life.spec.active_in or self._state in life.spec.active_in:
                life.indicator.learn_one(float(self._values[row]), abs(float(self._values[per])) if per >= 0 else 1.0)

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
        ratios = np.array([life.damage for life in self._lives.values()])
        if len(ratios):
            self.anomaly_score = self._anomaly.score_one(ratios)
            self._anomaly.learn_one(ratios)

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

    def serviced(self, component: str) -> None:
        """Begins anew with a component.

        Raises:
            KeyError: there is none of that name.
        """
        self._lives[component].restart()

    def snapshot(self) -> State:
        """Returns the state."""
        lives = {name: life.snapshot() for name, life in self._lives.items()}
        return {"lives": lives, "anomaly": self._anomaly.snapshot()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes over a state; a component that it does not know begins anew.

        Raises:
            ValueError: it is of other components.
        """
        lives = state["lives"]
        if set(lives) != set(self._lives):
            raise ValueError(f"state of {sorted(lives)}; valid: {sorted(self._lives)}")
        for name, life in self._lives.items():
            life.restore(lives[name])
        self._anomaly.restore(state["anomaly"])


def _triggers(pairs: list[tuple[ComponentLife, int, int]], table: TagTable) -> dict[int, list[int]]:
    """Which pairs are read when a row comes: with its tag, and with its `per` where the same device tells both.

    Devices report by exception: of two values of one device the one that stays is not sent again.
    """
    by_row: dict[int, list[int]] = {}
    for number, (_, row, per) in enumerate(pairs):
        by_row.setdefault(row, []).append(number)
        if per >= 0 and table.rows[per].source == table.rows[row].source:
            by_row.setdefault(per, []).append(number)
    return by_row
