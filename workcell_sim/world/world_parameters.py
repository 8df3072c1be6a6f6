"""The world node's parameters, and the world they describe. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from workcell_ros.schema import param
from workcell_sim.world.cell_world import CellWorld
from workcell_sim.world.parts import InfeedConfig
from workcell_sim.world.scenario import load_scenario
from workcell_sim.world.world_config import FIDELITIES, load_world_config


@dataclass(frozen=True)
class WorldParameters:
    """Parameters of the world node."""

    scenario_file: str = param("config/scenarios/calm.yaml", "Disturbances of the shift", read_only=True)
    station_file: str = param("config/station.yaml", "Layout of the station", read_only=True)
    arm_file: str = param("urdf/ur5e.yaml", "Kinematics, limits and inertia of the arm", read_only=True)
    description_file: str = param("urdf/cell.urdf.xacro", "Robot description of the cell (xacro)", read_only=True)
    prefix: str = param("", "Prefix of the arm's joints and links", read_only=True)
    seed: int = param(1, "Seed of everything random", low=0, read_only=True)
    boards_dir: str = param("", "Folder of real boards that flow in place of made ones", read_only=True)
    fidelity: str = param("mujoco", "Body of the arm", choices=FIDELITIES, read_only=True)
    gripper: str = param(
        "action", "How suction is commanded: by its own action, or a valve", choices=("action", "valve"), read_only=True
    )
    tick_s: float = param(
        0.02, "Step of the world; joint states come at this rate", unit="s", low=0.001, high=0.1, read_only=True
    )
    joint_state_rate_hz: float = param(50.0, "Rate of joint_states", unit="Hz", low=1.0, high=1000.0, read_only=True)
    signal_rate_hz: float = param(20.0, "Rate of plant/signals", unit="Hz", low=1.0, high=200.0, read_only=True)
    feedback_rate_hz: float = param(
        10.0, "Rate of trajectory feedback; 0 for none", unit="Hz", low=0.0, high=200.0, read_only=True
    )
    camera_rate_hz: float = param(
        1.0, "Frame rate without a part in view", unit="Hz", low=0.1, high=60.0, read_only=True
    )
    camera_active_rate_hz: float = param(
        10.0, "Frame rate with a part in view", unit="Hz", low=0.5, high=60.0, read_only=True
    )
    camera_exposure_s: float = param(0.004, "Exposure of the next frame", unit="s", low=0.00005, high=0.1)
    speed_scaling: float = param(1.0, "Speed slider of the arm", unit="1", low=0.0, high=1.0)
    defect_rate: float = param(0.15, "Share of boards with a defect", unit="1", low=0.0, high=1.0, read_only=True)
    infeed_interval_s: float = param(3.5, "Mean time between boards", unit="s", low=0.1, high=3600.0, read_only=True)
    state_file: str = param(
        "out/world_state.json", "Where the state is kept for a respawn; empty for nowhere", read_only=True
    )
    state_period_s: float = param(
        0.5, "Time between two writes of the state", unit="s", low=0.05, high=60.0, read_only=True
    )


def make_world(values: WorldParameters) -> CellWorld:
    """Builds the world that the parameters describe.

    Raises:
        ConfigError: a file or value cannot be used.
    """
    config = load_world_config(
        values.station_file,
        values.arm_file,
        values.description_file,
        values.prefix,
        fidelity=values.fidelity,
        tick_s=values.tick_s,
        signal_period_s=1.0 / values.signal_rate_hz,
        defect_rate=values.defect_rate,
        boards_dir=values.boards_dir,
        infeed=replace(InfeedConfig(), interval_s=values.infeed_interval_s),
    )
    return CellWorld(config, load_scenario(values.scenario_file), values.seed)
