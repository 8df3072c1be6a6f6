"""What `gymnasium.make("workcell/Cell-v0", ...)` calls: an environment over the backend of that name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from workcell_console.cell_arguments import scenario_path
from workcell_console.shift import SHARE_DIR
from workcell_control.governance.rules import load_governance
from workcell_control.policy.value import load_prices
from workcell_ros.errors import ConfigError
from workcell_sim.gym.backend import CellBackend
from workcell_sim.gym.env import WorkcellEnv
from workcell_sim.gym.fast import FastBackend
from workcell_sim.gym.nodes import NodesBackend

CONFIG_DIR = SHARE_DIR / "config"


def _cycle(scenario: Path, **options: Any) -> CellBackend:
    return FastBackend(scenario, CONFIG_DIR, **options)


BACKENDS: Mapping[str, Callable[..., CellBackend]] = {"cycle": _cycle, "cell": NodesBackend}
"""The cycle simulator, and the cell's own nodes on virtual time."""


def make_env(backend: str = "cycle", scenario: str = "calm", cycles_max: int = 150, **options: Any) -> WorkcellEnv:
    """Returns the environment.

    Args:
        backend: one of `BACKENDS`.
        scenario: name in `config/scenarios`, or YAML file, of the shift's disturbances.
        cycles_max: length of an episode.
        options: further arguments of the backend.

    Raises:
        ConfigError: there is no such backend or scenario; names those there are.
    """
    if backend not in BACKENDS:
        raise ConfigError("gymnasium.make", "backend", f"is {backend!r}", list(BACKENDS))
    cell = BACKENDS[backend](scenario_path(scenario, SHARE_DIR), **options)
    governance, prices = load_governance(CONFIG_DIR / "governance.yaml"), load_prices(CONFIG_DIR / "value.yaml")
    return WorkcellEnv(cell, governance, prices, cycles_max)
