"""The physical quantities that the field devices measure, as one vector in SI units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workcell_sim.world.arm_parameters import JOINT_COUNT
from workcell_sim.world.drive import DriveReadings

FloatArray = npt.NDArray[np.float64]

NOMINAL_LIGHT_LUX = 800.0
SHIFT_TIME = "shift/time"
"""Time of the world in [s]: by it the devices know how far the shift is, also after they were started anew."""

_JOINT_QUANTITIES = ("vibration", "current", "temperature", "torque", "speed")
_CELL_SIGNALS = (
    "arm/tool_current",
    "arm/protective_stop",
    "arm/grip_lost",
    "gripper/vacuum",
    "gripper/pump_current",
    "infeed/part_present",
    "infeed/count",
    "cell/ambient_light",
    "cell/tariff",
    "cell/temperature",
    "cell/power",
    "cell/energy",
    SHIFT_TIME,
)
SIGNAL_NAMES = (
    *(f"arm/joint_{joint + 1}/{name}" for name in _JOINT_QUANTITIES for joint in range(JOINT_COUNT)),
    *_CELL_SIGNALS,
)


@dataclass(frozen=True)
class CellSignals:
    """Everything but the joints, in the order of the signals' names; units SI, tariff in EUR/kWh."""

    tool_current_a: float
    is_protective_stop: bool
    is_grip_lost: bool
    vacuum_pa: float
    pump_current_a: float
    is_part_present: bool
    arrived: int
    ambient_light_lux: float
    tariff_eur_per_kwh: float
    temperature_k: float
    power_w: float
    energy_j: float
    time_s: float


def signal_vector(drives: DriveReadings, cell: CellSignals) -> FloatArray:
    """Values in the order of `SIGNAL_NAMES`, shape (len(SIGNAL_NAMES),)."""
    rest = [
        cell.tool_current_a,
        float(cell.is_protective_stop),
        float(cell.is_grip_lost),
        cell.vacuum_pa,
        cell.pump_current_a,
        float(cell.is_part_present),
        float(cell.arrived),
        cell.ambient_light_lux,
        cell.tariff_eur_per_kwh,
        cell.temperature_k,
        cell.power_w,
        cell.energy_j,
        cell.time_s,
    ]
    return np.concatenate(
        [
            drives.vibration_m_s2,
            drives.current_a,
            drives.temperature_k,
            drives.torque_n_m,
            drives.speed_rad_s,
            np.array(rest),
        ]
    )
