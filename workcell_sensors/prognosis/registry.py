"""All detectors by name; each is held to the same contract by the same tests."""

from __future__ import annotations

from collections.abc import Mapping

from workcell_sensors.prognosis.change_point import ChangePoints
from workcell_sensors.prognosis.detector import Factory
from workcell_sensors.prognosis.hotelling import HotellingChart
from workcell_sensors.prognosis.level_chart import LevelChart

DETECTORS: Mapping[str, Factory] = {
    "level_chart": LevelChart,
    "change_points": ChangePoints,
    "hotelling": HotellingChart,
}
