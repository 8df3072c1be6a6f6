"""What field devices would measure on a cell in Gazebo: drives, power and light by the embedded world's models.

Gazebo moves joints without telling torques worth their name (its drives are velocities that are enforced), so these are
those that the motion needs: inverse dynamics of what the joints did.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from workcell_control.motion.dynamics import ArmDynamics, Payload
from workcell_control.motion.kinematics import Arm
from workcell_sim.world.arm_parameters import ArmParameters
from workcell_sim.world.disturbances import Conditions
from workcell_sim.world.drive import Drives
from workcell_sim.world.power import PowerMeter
from workcell_sim.world.signals import NOMINAL_LIGHT_LUX, CellSignals, signal_vector
from workcell_sim.world.vacuum import Vacuum
from workcell_sim.world.world_config import WorldConfig

FloatArray = npt.NDArray[np.float64]

# The valve and the electronics of the gripper at the tool's connector.
_TOOL_IDLE_A = 0.08
_LIGHT_NOISE = 0.004


class JointSample(NamedTuple):
    """Joints at a time of the world; arrays have shape (6,)."""

    time_s: float
    position_rad: FloatArray
    velocity_rad_s: FloatArray


class CellStates(NamedTuple):
    """What the devices show beside drives, light and power."""

    is_protective_stop: bool
    is_grip_lost: bool
    is_part_present: bool
    arrived: int
    payload_kg: float


class FieldSide:
    """Collects joint samples and makes the devices' values of each window."""

    def __init__(self, arm: Arm, config: WorldConfig, vacuum: Vacuum, rng: np.random.Generator) -> None:
        self._arm = arm
        self._parameters: ArmParameters = config.arm
        self._config = config
        self._vacuum = vacuum
        self._rng = rng
        self._drives = Drives(config.arm, config.drives, config.ambient_k)
        self._power = PowerMeter(config.power)
        self._dynamics: dict[float, ArmDynamics] = {}
        self._samples: list[JointSample] = []

    @property
    def vibration_at_tool_m_s2(self) -> float:
        """Vibration that the joints pass on to the tool, RMS."""
        return self._drives.vibration_at_tool()

    def observe(self, sample: JointSample, conditions: Conditions, states: CellStates) -> FloatArray | None:
        """Takes a sample; returns the values in the order of `SIGNAL_NAMES` where it ends a window."""
        self._samples.append(sample)
        duration_s = sample.time_s - self._samples[0].time_s
        # A hair early rather than a sample late.
        if len(self._samples) < 2 or duration_s < self._config.signal_period_s - 1e-6:
            return None
        torque = self._torques(states.payload_kg)
        speed = np.array([item.velocity_rad_s for item in self._samples[1:]])
        self._samples = [sample]
        return self._values(torque, speed, duration_s, conditions, states)

    def _torques(self, payload_kg: float) -> FloatArray:
        """Torques at the samples after the first, shape (k, 6)."""
        times = np.array([item.time_s for item in self._samples])
        speed = np.array([item.velocity_rad_s for item in self._samples])
        position = np.array([item.position_rad for item in self._samples])
        acceleration = np.diff(speed, axis=0) / np.diff(times)[:, None]
        rotors = self._parameters.armature_kg_m2 * acceleration
        return self._dynamics_with(payload_kg).torques(position[1:], speed[1:], acceleration) + rotors

    def _dynamics_with(self, payload_kg: float) -> ArmDynamics:
        if payload_kg not in self._dynamics:
            self._dynamics = {payload_kg: ArmDynamics(self._arm, Payload(payload_kg))}
        return self._dynamics[payload_kg]

    def _values(
        self, torque: FloatArray, speed: FloatArray, duration_s: float, conditions: Conditions, states: CellStates
    ) -> FloatArray:
        config, pump_a = self._config, self._vacuum.pump_current_a
        wear = self._drives.wear(conditions.wear)
        drives = self._drives.observe(torque, speed, duration_s, wear, config.ambient_k, self._rng)
        self._power.observe(drives.power_w, pump_a * config.vacuum.supply_v, duration_s)
        noise = 1.0 + _LIGHT_NOISE * float(self._rng.standard_normal())
        cell = CellSignals(
            tool_current_a=_TOOL_IDLE_A + pump_a,
            is_protective_stop=states.is_protective_stop,
            is_grip_lost=states.is_grip_lost,
            vacuum_pa=self._vacuum.state.level_pa,
            pump_current_a=pump_a,
            is_part_present=states.is_part_present,
            arrived=states.arrived,
            ambient_light_lux=NOMINAL_LIGHT_LUX * conditions.light * noise,
            tariff_eur_per_kwh=self._power.tariff_eur_per_kwh(conditions.tariff),
            temperature_k=config.ambient_k,
            power_w=self._power.state.power_w,
            energy_j=self._power.state.energy_j,
            time_s=self._samples[0].time_s,
        )
        return signal_vector(drives, cell)
