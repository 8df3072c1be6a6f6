"""The world node's parameters, and the world they describe. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from workcell_ros.schema import param
from workcell_sim.world.cell_world import CellWorld
from workcell_sim.world.scenario import load_scenario
from workcell_sim.world.shift_parameters import ShiftParameters
from workcell_sim.world.world_config import FIDELITIES


@dataclass(frozen=True)
class WorldParameters(ShiftParameters):
    """Parameters of the world node."""

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
    speed_scaling: float = param(1.0, "Speed slider of the arm", unit="1", low=0.0, high=1.0)
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
    config = values.world_config(values.signal_rate_hz, fidelity=values.fidelity, tick_s=values.tick_s)
    return CellWorld(config, load_scenario(values.scenario_file), values.seed)
