"""All constants of the simulated cell in one frozen tree, and how to load what stands in files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from workcell_control.motion.description import load_description
from workcell_ros.errors import ConfigError
from workcell_sim.world.arm_parameters import ArmParameters, load_arm_parameters
from workcell_sim.world.drive import DriveConfig
from workcell_sim.world.flex import FlexConfig
from workcell_sim.world.gripper import GripperConfig
from workcell_sim.world.parts import InfeedConfig
from workcell_sim.world.power import PowerConfig
from workcell_sim.world.protective_stop import ProtectiveStopConfig
from workcell_sim.world.station import Station, load_station
from workcell_sim.world.suction import SuctionConfig
from workcell_sim.world.vacuum import VacuumConfig

FIDELITIES = ("mujoco", "kinematic", "mirror")


@dataclass(frozen=True, eq=False)
class WorldConfig:
    """Constants of one world.

    Attributes:
        station, arm, urdf: the layout, the arm's limits, and the URDF of all.
        prefix: prefix of the arm's joints and links in the URDF.
        fidelity: `mujoco` (servos on dynamics), `kinematic` (exact follower, faster) or `mirror` (follows the joint
            states of an arm that is not simulated here).
        tick_s: length of one `CellWorld.step`.
        physics_step_s: step of the dynamics; `tick_s` is a multiple of it.
        signal_period_s: window of the field signals.
    """

    station: Station
    arm: ArmParameters
    urdf: str
    prefix: str = ""
    fidelity: str = "mujoco"
    tick_s: float = 0.02
    physics_step_s: float = 0.004
    signal_period_s: float = 0.05
    ambient_k: float = 295.15
    defect_rate: float = 0.15
    boards_dir: str = ""
    drives: DriveConfig = field(default_factory=DriveConfig)
    vacuum: VacuumConfig = field(default_factory=VacuumConfig)
    suction: SuctionConfig = field(default_factory=SuctionConfig)
    gripper: GripperConfig = field(default_factory=GripperConfig)
    flex: FlexConfig = field(default_factory=FlexConfig)
    infeed: InfeedConfig = field(default_factory=InfeedConfig)
    power: PowerConfig = field(default_factory=PowerConfig)
    protective_stop: ProtectiveStopConfig = field(default_factory=ProtectiveStopConfig)

    def __post_init__(self) -> None:
        """Raises ConfigError where values do not fit one another."""
        if self.fidelity not in FIDELITIES:
            raise ConfigError("world", "fidelity", f"{self.fidelity!r} is unknown", FIDELITIES)
        for name in ("tick_s", "physics_step_s", "signal_period_s"):
            if getattr(self, name) <= 0.0:
                raise ConfigError("world", name, f"{getattr(self, name)} cannot be used", "a time above 0")
        if self.fidelity == "mujoco" and abs(self.steps_per_tick * self.physics_step_s - self.tick_s) > 1e-9:
            valid = f"a multiple of physics_step_s = {self.physics_step_s}"
            raise ConfigError("world", "tick_s", f"{self.tick_s} cannot be used", valid)

    @property
    def steps_per_tick(self) -> int:
        """How many steps of the arm make a tick: one of the kinematic arm."""
        return round(self.tick_s / self.step_s)

    @property
    def step_s(self) -> float:
        """Length of a step of the arm."""
        return self.physics_step_s if self.fidelity == "mujoco" else self.tick_s


def load_world_config(
    station_file: str | Path,
    arm_file: str | Path,
    xacro_file: str | Path,
    prefix: str = "",
    **overrides: object,
) -> WorldConfig:
    """Reads station, arm and xacro files into a config; `overrides` are further fields of it.

    Raises:
        ConfigError: a file or value cannot be used.
    """
    station = load_station(station_file)
    arm = load_arm_parameters(arm_file)
    arguments = {
        "prefix": prefix,
        "station": str(Path(station_file).resolve()),
        "arm_parameters": str(Path(arm_file).resolve()),
    }
    urdf = load_description(xacro_file, arguments)
    return WorldConfig(station=station, arm=arm, urdf=urdf, prefix=prefix, **overrides)  # type: ignore[arg-type]
