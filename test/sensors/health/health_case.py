"""What the tests of health share: a tag table, a threshold, and how a monitor is fed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from workcell_sensors.health.monitor import HealthMonitor
from workcell_sensors.health.outcome_threshold import OutcomeThreshold
from workcell_sensors.health.threshold import Threshold
from workcell_sensors.reading import NS_PER_S, Quality
from workcell_sensors.tags import SourceRow, TagRow, TagTable

S = NS_PER_S
ROOT = Path(__file__).parents[3]
TABLE = TagTable(
    [
        TagRow("vacuum", "plc", "a", "Pa", "Pa"),
        TagRow("vibration", "plc", "b", "m/s^2", "m/s^2"),
        TagRow("other", "plc", "c", "1", "1"),
    ],
    [SourceRow("plc", "modbus")],
)
VACUUM = Threshold("vacuum", low_alarm=20.0, low_warn=40.0, hysteresis=5.0, on_delay_s=0.2, off_delay_s=0.5)
ROW = np.array([0])


def at(seconds: float) -> int:
    return round(seconds * S)


def feed(monitor: HealthMonitor, time_s: float, value: float, quality: Quality = Quality.GOOD) -> list[int]:
    grades = np.array([quality], dtype=np.uint8)
    changed: list[int] = monitor.take(ROW, np.array([value]), grades, at(time_s)).tolist()
    return changed


def wanted(learner: OutcomeThreshold, present: float, home: float | None = None) -> float:
    """Returns the limit a learner of one limit asks for; shipped was the present one where nothing else is said."""
    (limit,) = learner.score_one((present,), (present if home is None else home,))
    return limit
