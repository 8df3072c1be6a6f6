"""The parameters of the node around Gazebo's world, and the cell they describe. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from workcell_ros.schema import param
from workcell_sim.gazebo.belt import BeltConfig
from workcell_sim.gazebo.cell import GazeboCell
from workcell_sim.world.parts import InfeedConfig
from workcell_sim.world.scenario import load_scenario
from workcell_sim.world.shift_parameters import ShiftParameters


@dataclass(frozen=True)
class GazeboWorldParameters(ShiftParameters):
    """Parameters of the node around Gazebo's world."""

    mesh_file: str = param("worlds/meshes/board_face.obj", "Square that carries a board's face", read_only=True)
    spawn_dir: str = param("out/gazebo/boards", "Where the world looks for boards that enter", read_only=True)
    board_slots: int = param(6, "Boards that the world has room for", low=2, high=32, read_only=True)
    signal_rate_hz: float = param(20.0, "Rate of plant/signals", unit="Hz", low=1.0, high=50.0, read_only=True)
    camera_rate_hz: float = param(
        1.0, "Frame rate without a part in view", unit="Hz", low=0.1, high=10.0, read_only=True
    )
    infeed_travel_m: float = param(
        0.2, "Way that boards ride on the belt; 0: they enter at its stop", unit="m", low=0.0, high=0.35, read_only=True
    )


def make_cell(values: GazeboWorldParameters) -> GazeboCell:
    """Builds the cell that the parameters describe.

    Raises:
        ConfigError: a file or value cannot be used.
    """
    config = values.world_config(values.signal_rate_hz, InfeedConfig(feed_time_s=0.0))
    belt = BeltConfig(travel_m=values.infeed_travel_m)
    return GazeboCell(config, load_scenario(values.scenario_file), values.seed, values.board_slots, belt)
