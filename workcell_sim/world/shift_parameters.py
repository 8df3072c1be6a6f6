"""What every world is told of its shift, whoever moves its bodies. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from workcell_ros.schema import param
from workcell_sim.world.parts import InfeedConfig
from workcell_sim.world.world_config import WorldConfig, load_world_config


@dataclass(frozen=True)
class ShiftParameters:
    """Layout, arm, boards and disturbances."""

    scenario_file: str = param("config/scenarios/calm.yaml", "Disturbances of the shift", read_only=True)
    station_file: str = param("config/station.yaml", "Layout of the station", read_only=True)
    arm_file: str = param("urdf/ur5e.yaml", "Kinematics, limits and inertia of the arm", read_only=True)
    description_file: str = param("urdf/cell.urdf.xacro", "Robot description of the cell (xacro)", read_only=True)
    prefix: str = param("", "Prefix of the arm's joints and links", read_only=True)
    seed: int = param(1, "Seed of everything random", low=0, read_only=True)
    boards_dir: str = param("", "Folder of real boards that flow in place of made ones", read_only=True)
    defect_rate: float = param(0.15, "Share of boards with a defect", unit="1", low=0.0, high=1.0, read_only=True)
    infeed_interval_s: float = param(3.5, "Mean time between boards", unit="s", low=0.1, high=3600.0, read_only=True)
    camera_exposure_s: float = param(0.004, "Exposure of the next frame", unit="s", low=0.00005, high=0.1)

    def world_config(
        self, signal_rate_hz: float, infeed: InfeedConfig | None = None, **constants: object
    ) -> WorldConfig:
        """Returns the constants of the world that these describe, with more of them by name.

        Raises:
            ConfigError: a file or value cannot be used.
        """
        return load_world_config(
            self.station_file,
            self.arm_file,
            self.description_file,
            self.prefix,
            signal_period_s=1.0 / signal_rate_hz,
            defect_rate=self.defect_rate,
            boards_dir=self.boards_dir,
            infeed=replace(infeed or InfeedConfig(), interval_s=self.infeed_interval_s),
            **constants,
        )
