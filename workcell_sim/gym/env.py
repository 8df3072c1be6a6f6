"""The environment over any cell backend.

Observation and action are what an ONNX policy takes and gives (`onnx_policy.INPUTS` and `OUTPUTS`), scaled to 0..1, so
that what was trained here runs in the cell.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

from workcell_control.governance.rules import Governance
from workcell_control.policy.onnx_policy import INPUTS, OUTPUTS
from workcell_control.policy.stages.arms import near
from workcell_control.policy.value import Prices, value_of
from workcell_sim.gym.backend import CellBackend, CycleResult

Observation = npt.NDArray[np.float32]
FloatArray = npt.NDArray[np.float64]

TARIFF_TAG = "cell/tariff"
RANGES: Mapping[str, tuple[float, float]] = {
    "gripper/vacuum": (0.0, 80e3),
    "cell/temperature": (273.15, 323.15),
    "cell/ambient_light": (0.0, 1000.0),
    "cell/tariff": (0.0, 1.0),
    "cycle.cycle_time_s": (0.0, 20.0),
    "cycle.energy_j": (0.0, 5000.0),
    "cycle.vacuum_min_pa": (0.0, 80e3),
    "cycle.is_dropped": (0.0, 1.0),
}
"""What 0 and 1 stand for, in SI; governed parameters are scaled by their envelopes."""
SEEDS = 2**31


def input_ranges(governance: Governance) -> FloatArray:
    """Returns low and high of every observation, (n, 2), in SI."""
    return np.array([RANGES[name] if name in RANGES else _envelope(governance, name) for name in INPUTS])


def output_ranges(governance: Governance) -> FloatArray:
    """Returns low and high of every action, (m, 2), in the parameters' own units."""
    return np.array([_envelope(governance, name) for name in OUTPUTS])


class WorkcellEnv(gymnasium.Env[Observation, Observation]):
    """One step is one cycle; the reward is what it was worth in EUR, by the truth.

    An action is where the governed parameters are wanted, each as a share of its envelope; what is taken of it is what
    governance allows in one step and without a person, and stands in `info["taken"]`. `info` also has the value's parts
    and the conditions that no sensor tells.

    Args:
        backend: the cell.
        governance: envelopes and steps.
        prices: what things earn and cost.
        cycles_max: length of an episode.
    """

    metadata = {"render_modes": []}

    def __init__(self, backend: CellBackend, governance: Governance, prices: Prices, cycles_max: int = 150) -> None:
        self._backend, self._governance, self._prices = backend, governance, prices
        self._cycles_max = cycles_max
        self._cycles = 0
        self._inputs, self._outputs = input_ranges(governance), output_ranges(governance)
        self._in_force: dict[str, dict[str, float]] = {}
        self.observation_space = gymnasium.spaces.Box(0.0, 1.0, (len(INPUTS),), np.float32)
        self.action_space = gymnasium.spaces.Box(0.0, 1.0, (len(OUTPUTS),), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begins a shift; the first observation is of its first cycle. The same seed gives the same shift."""
        super().reset(seed=seed)
        self._cycles = 0
        result = self._backend.reset(int(self.np_random.integers(SEEDS)))
        return self._observed(result), self._info(result)

    def step(self, action: Observation) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Runs a cycle."""
        low, high = self._outputs.T
        wanted = low + np.clip(np.asarray(action, dtype=np.float64), 0.0, 1.0) * (high - low)
        result = self._backend.step(near(_by_node(wanted), self._in_force, self._governance))
        self._cycles += 1
        value = value_of(result.outcome, self._prices, result.cycle.readings.get(TARIFF_TAG))
        seen = self._observed(result)
        return seen, value.total_eur, False, self._cycles >= self._cycles_max, self._info(result)

    def close(self) -> None:
        """Frees the cell."""
        self._backend.close()

    def _observed(self, result: CycleResult) -> Observation:
        cycle = result.cycle
        self._in_force = {node: dict(values) for node, values in cycle.parameters.items()}
        values = []
        for name in INPUTS:
            owner, _, rest = name.partition(".")
            if "/" in name:
                values.append(cycle.readings.get(name, 0.0))
            elif owner == "cycle":
                values.append(float(getattr(cycle, rest)))
            else:
                values.append(cycle.parameters[owner][rest])
        low, high = self._inputs.T
        return np.asarray(np.clip((np.array(values) - low) / (high - low), 0.0, 1.0), dtype=np.float32)

    def _info(self, result: CycleResult) -> dict[str, Any]:
        value = value_of(result.outcome, self._prices, result.cycle.readings.get(TARIFF_TAG))
        return {
            "taken": {node: dict(values) for node, values in self._in_force.items()},
            "verdict": result.cycle.verdict,
            "value_per_hour_eur": value.per_hour_eur,
            "drop": result.outcome.drop,
            "escape": result.outcome.escape,
            "false_reject": result.outcome.false_reject,
            "wear": result.outcome.wear,
            "time_s": value.time_s,
            **result.truth,
        }


def _envelope(governance: Governance, name: str) -> tuple[float, float]:
    node, _, parameter = name.partition(".")
    rule = governance.rules[node][parameter]
    return rule.low, rule.high


def _by_node(values: FloatArray) -> dict[str, dict[str, float]]:
    by_node: dict[str, dict[str, float]] = {}
    for name, value in zip(OUTPUTS, values.tolist(), strict=True):
        node, _, parameter = name.partition(".")
        by_node.setdefault(node, {})[parameter] = value
    return by_node
