"""What a recorded whole cell's first joint gave in the scenario `joint_wear`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from workcell_console.bag.reader import BagReader
from workcell_sensors.prognosis.indicator import CycleIndicator
from workcell_sim.world.disturbances import Disturbances
from workcell_sim.world.scenario import load_scenario

NS_PER_S = 1_000_000_000
TAG, SPEED = "arm/joint_1/vibration", "arm/joint_1/speed"
SCENARIO = Path("config/scenarios/joint_wear.yaml")
SPAN_S = 30.0
AT_S = (60.0, 300.0, 450.0, 600.0, 800.0)
USABLE = 1.0


def recorded_indicators(bag: Path) -> Iterator[tuple[float, float]]:
    """Yields wear and vibration per speed over half a minute, at times the recording reaches."""
    conditions = Disturbances(load_scenario(SCENARIO))
    figures = {at_s: CycleIndicator() for at_s in AT_S}
    speed, start_ns = math.nan, 0
    for stamp_ns, tag, value, quality in _readings(bag):
        start_ns = start_ns or stamp_ns
        at_s = (stamp_ns - start_ns) / NS_PER_S
        if tag == SPEED:
            speed = abs(value) if quality <= USABLE else math.nan
        for begin_s, figure in figures.items():
            if tag == TAG and begin_s <= at_s < begin_s + SPAN_S and quality <= USABLE:
                figure.learn_one(value, speed)
    for begin_s, figure in figures.items():
        if math.isfinite(indicator := figure.take()):
            yield float(conditions.at(begin_s + SPAN_S / 2).wear[0]), indicator


def _readings(bag: Path) -> Iterator[tuple[int, str, float, float]]:
    from workcell_sim.embedded import activate

    activate()
    from rclpy.serialization import deserialize_message
    from rosidl_runtime_py.utilities import get_message

    with BagReader(bag) as reader:
        for message in reader.messages():
            if message.topic.endswith("/readings"):
                scan = deserialize_message(message.data, get_message(message.type))
                for tag, cell in zip(scan.interface_groups, scan.interface_values, strict=True):
                    if tag in (TAG, SPEED):
                        yield message.stamp_ns, tag, cell.values[0], cell.values[1]
