"""What the joint drives feel: friction that grows with wear, current, losses, temperature, vibration.

Formulas: friction as Coulomb plus viscous (Siciliano et al., "Robotics", 2009, ch. 7.2); motor current from the torque
constant; temperature as one lumped heat capacity (IEC 60034-1's thermal time constant); vibration as in gear
diagnostics growing with speed, load and wear (R. B. Randall, "Vibration-based Condition Monitoring", 2011, ch. 2).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from workcell_sim.world.arm_parameters import JOINT_COUNT, ArmParameters

FloatArray = npt.NDArray[np.float64]


def _per_joint(shoulder: float, elbow: float, wrist: float) -> FloatArray:
    values = np.array([shoulder, shoulder, elbow, wrist, wrist, wrist])
    values.flags.writeable = False
    return values


@dataclass(frozen=True, eq=False)
class DriveConfig:
    """Constants of the six drives, sized for an arm of 5 kg payload; arrays have shape (6,)."""

    coulomb_n_m: FloatArray = field(default_factory=lambda: _per_joint(7.0, 5.0, 1.5))
    viscous_n_m_s: FloatArray = field(default_factory=lambda: _per_joint(6.0, 4.0, 1.0))
    # A fully worn gear (wear 1) has this many times its healthy friction on top.
    wear_coulomb_gain: float = 0.8
    wear_viscous_gain: float = 2.5
    friction_smoothing_rad_s: float = 0.02
    winding_ohm: FloatArray = field(default_factory=lambda: _per_joint(0.5, 0.5, 1.2))
    heat_capacity_j_per_k: FloatArray = field(default_factory=lambda: _per_joint(420.0, 380.0, 160.0))
    thermal_resistance_k_per_w: FloatArray = field(default_factory=lambda: _per_joint(0.9, 1.0, 2.0))
    vibration_floor_m_s2: float = 0.05
    vibration_per_speed_m_s: FloatArray = field(default_factory=lambda: _per_joint(0.55, 0.55, 0.45))
    vibration_load_gain: float = 0.5
    wear_vibration_gain: float = 6.0
    vibration_noise: float = 0.04
    # Share of a joint's vibration that arrives at the tool.
    vibration_transfer: float = 0.35
    # Own wear: one thousandth per 100 kJ of friction work.
    wear_per_friction_j: float = 1e-8


@dataclass
class DriveState:
    """Temperature, accumulated own wear and last vibration of each joint; shape (6,)."""

    temperature_k: FloatArray
    own_wear: FloatArray = field(default_factory=lambda: np.zeros(JOINT_COUNT))
    vibration_m_s2: FloatArray = field(default_factory=lambda: np.zeros(JOINT_COUNT))


@dataclass(frozen=True, eq=False)
class DriveReadings:
    """One window of the drives; arrays have shape (6,)."""

    torque_n_m: FloatArray
    current_a: FloatArray
    temperature_k: FloatArray
    vibration_m_s2: FloatArray
    speed_rad_s: FloatArray
    power_w: float


class Drives:
    """The six gear motors."""

    def __init__(self, arm: ArmParameters, config: DriveConfig, ambient_k: float) -> None:
        self._config = config
        self._effort_max = arm.effort_max_n_m
        self._torque_per_a = arm.torque_constant_n_m_per_a * arm.gear_ratio
        self._worn_coulomb = config.wear_coulomb_gain * config.coulomb_n_m
        self._worn_viscous = config.wear_viscous_gain * config.viscous_n_m_s
        self._thermal_time_s = config.thermal_resistance_k_per_w * config.heat_capacity_j_per_k
        self._tool_vibration_m_s2 = 0.0
        self.state = DriveState(temperature_k=np.full(JOINT_COUNT, ambient_k))

    def wear(self, scenario_wear: FloatArray) -> FloatArray:
        """Total wear 0..1 of each gear: what the scenario adds to its own, shape (6,)."""
        return np.minimum(scenario_wear + self.state.own_wear, 1.0)

    def resistance(self, velocity_rad_s: FloatArray, wear: FloatArray) -> FloatArray:
        """Friction of wear that no feed-forward compensates, at velocities (..., 6), in [N m]."""
        direction = np.tanh(velocity_rad_s / self._config.friction_smoothing_rad_s)
        return wear * (self._worn_coulomb * direction + self._worn_viscous * velocity_rad_s)

    def friction(self, speed_rad_s: FloatArray, direction: FloatArray | None = None) -> FloatArray:
        """Friction of healthy gears at speeds (..., 6) in [N m]; `direction` is its smoothed sign where it is known."""
        config = self._config
        if direction is None:
            direction = np.tanh(speed_rad_s / config.friction_smoothing_rad_s)
        return config.coulomb_n_m * direction + config.viscous_n_m_s * speed_rad_s

    def vibration(self, speed_rms_rad_s: FloatArray, load_n_m: FloatArray, wear: FloatArray) -> FloatArray:
        """Vibration of the gears in [m/s^2] RMS at RMS speeds and mean loads (..., 6), without its noise."""
        config = self._config
        load_gain = 1.0 + config.vibration_load_gain * load_n_m / self._effort_max
        shake = config.vibration_per_speed_m_s * speed_rms_rad_s * load_gain
        return config.vibration_floor_m_s2 + shake * (1.0 + config.wear_vibration_gain * wear)

    def vibration_at_tool(self) -> float:
        """Vibration that the joints pass on to the tool in [m/s^2] RMS."""
        return self._tool_vibration_m_s2

    def observe(
        self,
        torque_n_m: FloatArray,
        speed_rad_s: FloatArray,
        duration_s: float,
        wear: FloatArray,
        ambient_k: float,
        rng: np.random.Generator,
    ) -> DriveReadings:
        """Sums up a window of samples (k, 6) and moves temperature and wear on by its duration.

        The torques are those at the joint without the healthy friction, which is added here.
        """
        config, state = self._config, self.state
        direction = np.tanh(speed_rad_s / config.friction_smoothing_rad_s)
        healthy = self.friction(speed_rad_s, direction)
        worn = wear * (self._worn_coulomb * direction + self._worn_viscous * speed_rad_s)
        motor = torque_n_m + healthy
        current_sq = (motor / self._torque_per_a) ** 2
        # One mean over the window for all five quantities.
        each = (current_sq, (healthy + worn) * speed_rad_s, np.abs(motor), speed_rad_s**2, motor * speed_rad_s)
        current_sq, friction, load, speed_sq, mechanical = np.add.reduce(np.stack(each), axis=1) / len(motor)
        copper = config.winding_ohm * current_sq
        self._warm_up(copper + friction, duration_s, ambient_k)
        state.own_wear = state.own_wear + config.wear_per_friction_j * friction * duration_s
        speed_rms = np.sqrt(speed_sq)
        level = self.vibration(speed_rms, load, wear)
        state.vibration_m_s2 = level * (1.0 + config.vibration_noise * rng.standard_normal(JOINT_COUNT))
        self._tool_vibration_m_s2 = float(self.at_tool(state.vibration_m_s2))
        return DriveReadings(
            torque_n_m=motor[-1],
            current_a=np.sqrt(current_sq),
            temperature_k=state.temperature_k,
            vibration_m_s2=state.vibration_m_s2,
            speed_rad_s=speed_rms,
            power_w=float(max(mechanical.sum(), 0.0) + copper.sum()),
        )

    def restore(self, state: DriveState) -> None:
        """Takes over a state, as read from a snapshot."""
        self.state = state
        self._tool_vibration_m_s2 = float(self.at_tool(state.vibration_m_s2))

    def at_tool(self, vibration_m_s2: FloatArray) -> FloatArray:
        """What arrives at the tool of the gears' vibration (..., 6), shape (...)."""
        level: FloatArray = self._config.vibration_transfer * np.sqrt(np.sum(vibration_m_s2**2, axis=-1))
        return level

    def _warm_up(self, heat_w: FloatArray, duration_s: float, ambient_k: float) -> None:
        """Exact step of C dT/dt = P - (T - T_ambient) / R for constant P."""
        config, state = self._config, self.state
        target = ambient_k + heat_w * config.thermal_resistance_k_per_w
        decay = np.exp(-duration_s / self._thermal_time_s)
        state.temperature_k = target + (state.temperature_k - target) * decay
