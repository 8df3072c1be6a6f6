"""The demo cell's arm, station and scene, and how times are taken."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar

import numpy as np

from workcell_control.cell.station import Station, load_arm, load_station
from workcell_control.motion.arrays import FloatArray
from workcell_control.motion.collision import BoxObstacle, CollisionScene
from workcell_control.motion.description import load_description
from workcell_control.motion.kinematics import Arm

ROOT = Path(__file__).parents[2]
ARM_FILE = ROOT / "urdf" / "ur5e.yaml"
XACRO = ROOT / "urdf" / "cell.urdf.xacro"
STATION_FILE = ROOT / "config" / "station.yaml"

SERIES_APART = 100_000
"""Between the seeds of one series of random cases and those of the next."""

T = TypeVar("T")


@cache
def description() -> str:
    return load_description(XACRO)


@cache
def station() -> Station:
    return load_station(STATION_FILE)


@cache
def arm(tool_frame: str = "gripper_tcp") -> Arm:
    return load_arm(description(), ARM_FILE, tool_frame)


def scene(obstacles: tuple[BoxObstacle, ...] = ()) -> CollisionScene:
    return CollisionScene(arm(), description(), station().home, station().part, obstacles)


def timed(call: Callable[[], T]) -> tuple[T, float]:
    """What a call returns, and the processor time it took in [s]."""
    begun = time.process_time()
    result = call()
    return result, time.process_time() - begun


def spread(values: list[float] | FloatArray) -> dict[str, float]:
    """Median, 99th percentile and largest."""
    rows = np.asarray(values, dtype=np.float64)
    return {"median": float(np.median(rows)), "p99": float(np.percentile(rows, 99)), "max": float(rows.max())}
