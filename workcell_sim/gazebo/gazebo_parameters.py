"""The parameters of the node around Gazebo's world, and the cell they describe. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from workcell_ros.schema import param
from workcell_sim.gazebo.belt import BeltConfig
from workcell_sim.gazebo.cell import GazeboCell
from workcell_sim.world.parts import InfeedConfig
from workcell_sim.world.scenario import load_scenario
from workcell_sim.world.world_config import load_world_config


@dataclass(frozen=True)
class GazeboWorldParameters:
    """Parameters of the node around Gazebo's world."""

    scenario_file: str = param("config/scenarios/calm.yaml", "Disturbances of the shift", read_only=True)
    station_file: str = param("config/station.yaml", "Layout of the station", read_only=True)
    arm_file: str = param("urdf/ur5e.yaml", "Kinematics, limits and inertia of the arm", read_only=True)
    description_file: str = param("urdf/cell.urdf.xacro", "Robot description of the cell (xacro)", read_only=True)
    mesh_file: str = param("worlds/meshes/board_face.obj", "Square that carries a board's face", read_only=True)
    spawn_dir: str = param("out/gazebo/boards", "Where the world looks for boards that enter", read_only=True)
    prefix: str = param("", "Prefix of the arm's joints and links", read_only=True)
    seed: int = param(1, "Seed of everything random", low=0, read_only=True)
    boards_dir: str = param("", "Folder of real boards that flow in place of made ones", read_only=True)
    board_slots: int = param(6, "Boards that the world has room for", low=2, high=32, read_only=True)
    signal_rate_hz: float = param(20.0, "Rate of plant/signals", unit="Hz", low=1.0, high=50.0, read_only=True)
    camera_exposure_s: float = param(0.004, "Exposure of the next frame", unit="s", low=0.00005, high=0.1)
    camera_rate_hz: float = param(
        1.0, "Frame rate without a part in view", unit="Hz", low=0.1, high=10.0, read_only=True
    )
    defect_rate: float = param(0.15, "Share of boards with a defect", unit="1", low=0.0, high=1.0, read_only=True)
    infeed_travel_m: float = param(
        0.2, "Way that boards ride on the belt; 0: they enter at its stop", unit="m", low=0.0, high=0.35, read_only=True
    )
    infeed_interval_s: float = param(3.5, "Mean time between boards", unit="s", low=0.1, high=3600.0, read_only=True)


def make_cell(values: GazeboWorldParameters) -> GazeboCell:
    """Builds the cell that the parameters describe.

    Raises:
        ConfigError: a file or value cannot be used.
    """
    config = load_world_config(
        values.station_file,
        values.arm_file,
        values.description_file,
        values.prefix,
        signal_period_s=1.0 / values.signal_rate_hz,
        defect_rate=values.defect_rate,
        boards_dir=values.boards_dir,
        infeed=replace(InfeedConfig(), interval_s=values.infeed_interval_s, feed_time_s=0.0),
    )
    belt = BeltConfig(travel_m=values.infeed_travel_m)
    return GazeboCell(config, load_scenario(values.scenario_file), values.seed, values.board_slots, belt)
