"""What the cell tells a plant: observations by device and metric, and how they enter a Sparkplug edge node; pure.

Devices are the first parts of the tags (`arm`, `gripper`, `infeed`, `cell`), `inspection`, `kpi` and `health`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from workcell_sensors.reading import Quality
from workcell_sensors.sparkplug.datatypes import DataType
from workcell_sensors.sparkplug.edge import Directive, EdgeNode
from workcell_sensors.sparkplug.edge_model import MetricSpec
from workcell_sensors.sparkplug.payload import QUALITY_BAD, QUALITY_GOOD, QUALITY_STALE, Value

CELL = "cell"
INSPECTION = "inspection"
KPI = "kpi"
HEALTH = "health"
METRICS_MAX = 5000
"""Metrics of the edge node; names beyond come from something that is not the cell."""
TEXT_CHARS_MAX = 500
BOOL_UNIT = "bool"
_CODES = {
    Quality.GOOD: QUALITY_GOOD,
    # Sparkplug knows no doubt; a value out of its ordinary range is still the value.
    Quality.UNCERTAIN: QUALITY_GOOD,
    Quality.BAD: QUALITY_BAD,
    Quality.STALE: QUALITY_STALE,
}


@dataclass(frozen=True)
class Observation:
    """One value of one metric; `quality` is Sparkplug's code."""

    device: str
    metric: str
    datatype: DataType
    value: Value
    stamp_ms: int
    unit: str = ""
    quality: int = QUALITY_GOOD


def reading(tag: str, value: float, quality: int, stamp_ms: int, unit: str) -> Observation:
    """Returns one reading; `unit` is the tag's SI unit, `quality` a `Quality`.

    >>> found = reading("arm/joint_1/current", 1.5, Quality.STALE, 7, "A")
    >>> found.device, found.metric, found.value, found.quality
    ('arm', 'joint_1/current', 1.5, 500)
    """
    head, sign, tail = tag.partition("/")
    device, metric = (head, tail) if sign and head and tail else (CELL, tag)
    code = _CODES[Quality(quality)] if 0 <= quality <= Quality.STALE else QUALITY_BAD
    kind = DataType.BOOLEAN if unit == BOOL_UNIT else DataType.DOUBLE
    known: Value = (value != 0.0 if unit == BOOL_UNIT else float(value)) if math.isfinite(value) else None
    if known is None and code == QUALITY_GOOD:
        code = QUALITY_BAD
    return Observation(device, metric, kind, known, stamp_ms, "" if unit == BOOL_UNIT else unit, code)


def kpi(source: str, metric: str, value: float, unit: str, stamp_ms: int) -> Observation:
    """Returns one metric of the cell's results: `cycle/cycle_time`, `shift/oee` and so on."""
    known = float(value) if math.isfinite(value) else None
    quality = QUALITY_BAD if known is None else QUALITY_GOOD
    return Observation(KPI, f"{source}/{metric}", DataType.DOUBLE, known, stamp_ms, unit, quality)


def cell_state(text: str, stamp_ms: int) -> list[Observation]:
    """Returns the cell's state and the reason for it, from `hold;reason=...`.

    >>> [(each.metric, each.value) for each in cell_state("hold;reason=door open", 5)]
    [('state', 'hold'), ('state_reason', 'door open')]
    """
    state, _, rest = text.partition(";")
    reason = rest.removeprefix("reason=")
    return [
        Observation(CELL, "state", DataType.STRING, state[:TEXT_CHARS_MAX], stamp_ms),
        Observation(CELL, "state_reason", DataType.STRING, reason[:TEXT_CHARS_MAX], stamp_ms),
    ]


def inspection(verdict: str, score: float, variant: str, defects: Sequence[str], stamp_ms: int) -> list[Observation]:
    """Returns one verdict of the inspection with the kinds of defects it found."""
    kinds = ",".join(sorted(set(defects)))
    return [
        Observation(INSPECTION, "verdict", DataType.STRING, verdict[:TEXT_CHARS_MAX], stamp_ms),
        Observation(INSPECTION, "score", DataType.DOUBLE, float(score), stamp_ms),
        Observation(INSPECTION, "variant", DataType.STRING, variant[:TEXT_CHARS_MAX], stamp_ms),
        Observation(INSPECTION, "defects", DataType.INT32, len(defects), stamp_ms),
        Observation(INSPECTION, "defect_kinds", DataType.STRING, kinds[:TEXT_CHARS_MAX], stamp_ms),
    ]


def health(name: str, level: int, stamp_ms: int) -> Observation:
    """Returns the level (0 OK, 1 WARN, 2 ERROR, 3 STALE) of one diagnostic status.

    >>> health("monitor: arm/joint_1/current", 1, 5).metric
    'monitor/arm/joint_1/current'
    """
    return Observation(HEALTH, name.replace(": ", "/"), DataType.INT8, min(max(level, 0), 127), stamp_ms)


@dataclass
class CellReport:
    """Puts observations into an edge node: declares what is new, and tells devices that have fallen silent."""

    edge: EdgeNode
    refused: int = 0
    """Observations that could not be told: too many names, or names that Sparkplug does not allow."""
    _fresh: dict[str, dict[str, bool]] = field(default_factory=dict)
    _metrics: int = 0

    def take(self, observations: Iterable[Observation], now_ms: int) -> Directive:
        """Takes observations; returns deaths and births of devices that come of them."""
        total = Directive()
        touched: dict[str, None] = {}
        for each in observations:
            try:
                self._declare(each)
                self.edge.model.update(each.device, each.metric, each.value, each.stamp_ms, each.quality)
            except ValueError:
                self.refused += 1
                continue
            self._fresh.setdefault(each.device, {})[each.metric] = each.quality != QUALITY_STALE
            touched[each.device] = None
        for device in touched:
            is_there = any(self._fresh[device].values())
            if is_there != self.edge.model.is_online(device):
                turn = self.edge.device_online if is_there else self.edge.device_offline
                total.publishes += turn(device, now_ms).publishes
        return total

    def _declare(self, each: Observation) -> None:
        if self.edge.model.has(each.device, each.metric):
            return
        if self._metrics >= METRICS_MAX:
            raise ValueError(f"more than {METRICS_MAX} metrics")
        self.edge.declare(each.device, (MetricSpec(each.metric, each.datatype, each.unit),))
        self._metrics += 1
