"""The environment over the cycle simulator: thousands of cycles a minute, for training."""

from __future__ import annotations

from pathlib import Path

from workcell_control.cell.cell_parameters import CellParameters
from workcell_control.policy.optimiser.setting import Setting
from workcell_sim.cycle.cycle_world import CycleTruth, CycleWorld
from workcell_sim.cycle.motions import MotionLibrary
from workcell_sim.cycle.verdict_table import load_table
from workcell_sim.gym.backend import CycleResult, Values
from workcell_sim.world.scenario import load_scenario
from workcell_sim.world.signals import NOMINAL_LIGHT_LUX
from workcell_sim.world.world_config import load_world_config

START = Setting(
    speed_scale=0.6,
    acceleration_scale=0.5,
    jerk_scale=0.5,
    part_acceleration_max_m_s2=7.0,
    grip_vacuum_pa=55e3,
    grip_dwell_s=0.2,
    settle_s=0.2,
    exposure_s=0.004,
)
"""The set a cell starts with, as in config/cell.yaml."""


class FastBackend:
    """A cell of the cycle simulator.

    Args:
        scenario: YAML file of the shift's disturbances.
        config_dir: the project's `config` folder; `urdf` lies beside it.
    """

    def __init__(self, scenario: str | Path, config_dir: str | Path = "config") -> None:
        config, urdf = Path(config_dir), Path(config_dir).parent / "urdf"
        self._scenario = load_scenario(scenario)
        self._config = load_world_config(config / "station.yaml", urdf / "ur5e.yaml", urdf / "cell.urdf.xacro")
        self._motions = MotionLibrary(self._config, CellParameters())
        self._verdicts = load_table()
        self._world: CycleWorld | None = None

    def reset(self, seed: int) -> CycleResult:
        """Begins a shift and runs its first cycle."""
        self._world = CycleWorld(self._config, self._scenario, seed, self._motions, self._verdicts)
        return self._run(START)

    def step(self, wanted: Values) -> CycleResult:
        """Runs the next cycle.

        Raises:
            RuntimeError: there is no shift yet.
            ValueError: a parameter is missing.
        """
        setting = Setting.of(wanted)
        if setting is None:
            raise ValueError(f"{wanted}: a cycle needs all of {', '.join(START.by_node()['cell'])} and exposure_s")
        return self._run(setting)

    def close(self) -> None:
        """Forgets the shift."""
        self._world = None

    def _run(self, setting: Setting) -> CycleResult:
        if self._world is None:
            raise RuntimeError("no shift has begun; reset the environment first")
        truth = self._world.run(setting)
        conditions = {"leak": truth.conditions.leak, "stops": float(truth.stops), "shift_s": truth.end_s}
        return CycleResult(truth.told(_readings(truth, self._config.ambient_k)), truth.outcome, conditions)


def _readings(truth: CycleTruth, ambient_k: float) -> dict[str, float]:
    return {
        "gripper/vacuum": truth.seen.vacuum_held_pa,
        "cell/temperature": ambient_k,
        "cell/ambient_light": NOMINAL_LIGHT_LUX * truth.seen.ambient_light,
        "cell/tariff": truth.seen.tariff_eur_per_kwh,
    }
