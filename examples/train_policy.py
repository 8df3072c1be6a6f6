"""Trains a small policy in the simulated cell by the cross-entropy method, and writes it as an ONNX file.

    python examples/train_policy.py [--scenario vacuum_leak] [--generations 8] [--out out/policy.onnx]
    python examples/train_policy.py --backend cell ...    # the cell's own nodes: some hundred times slower
    ros2 launch workcell cell.launch.py policy:=onnx policy_file:=out/policy.onnx

The policy is a constant plus a linear answer to what was seen of the last cycle: few numbers, each found by trying
many, keeping the best, and trying more around those (Rubinstein, "The cross-entropy method for combinatorial and
continuous optimization", 1999).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import gymnasium
import numpy as np

from workcell_control.governance.rules import load_governance
from workcell_sim.gym import ENV_ID
from workcell_sim.gym.export import export_linear
from workcell_sim.gym.fast import START
from workcell_sim.gym.make import BACKENDS

ELITE = 0.25
SPREAD_BIAS, SPREAD_WEIGHTS = 0.1, 0.03
SPREAD_MIN = 0.01


def episode(env: gymnasium.Env, weights: np.ndarray, bias: np.ndarray, seed: int) -> float:
    """Returns what an hour of an episode is worth in EUR."""
    seen, _ = env.reset(seed=seed)
    value_eur = time_s = 0.0
    is_over = False
    while not is_over:
        seen, reward, _, is_over, info = env.step((weights @ seen + bias).astype(np.float32))
        value_eur += reward
        time_s += info["time_s"]
    return 3600.0 * value_eur / time_s


def main() -> None:
    """Trains and exports."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="vacuum_leak", help="name in config/scenarios")
    parser.add_argument(
        "--backend", choices=tuple(BACKENDS), default="cycle", help="cycle simulator, or the cell itself"
    )
    parser.add_argument("--generations", type=int, default=8)
    parser.add_argument("--population", type=int, default=16)
    parser.add_argument("--cycles", type=int, default=40, help="cycles of an episode")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("out/policy.onnx"))
    options = parser.parse_args()

    root = Path(__file__).parents[1]
    governance = load_governance(root / "config" / "governance.yaml")
    env = gymnasium.make(ENV_ID, backend=options.backend, scenario=options.scenario, cycles_max=options.cycles)
    inputs, outputs = env.observation_space.shape[0], env.action_space.shape[0]
    rng = np.random.default_rng(options.seed)
    envelopes = [governance.rules[node][name] for node, own in START.by_node().items() for name in own]
    start = [(value - rule.low) / (rule.high - rule.low) for value, rule in zip(START.array(), envelopes, strict=True)]
    # From what the cell starts with, whatever is seen.
    mean = np.concatenate([np.zeros(outputs * inputs), start])
    spread = np.concatenate([np.full(outputs * inputs, SPREAD_WEIGHTS), np.full(outputs, SPREAD_BIAS)])
    for generation in range(options.generations):
        tried = mean + spread * rng.standard_normal((options.population, len(mean)))
        tried[0] = mean
        shift = options.seed + generation
        worth = [episode(env, row[:-outputs].reshape(outputs, inputs), row[-outputs:], shift) for row in tried]
        best = tried[np.argsort(worth)[-max(2, round(ELITE * options.population)) :]]
        mean, spread = best.mean(axis=0), np.maximum(best.std(axis=0), SPREAD_MIN)
        print(f"generation {generation + 1}: mean so far {worth[0]:.2f} EUR/h, best {max(worth):.2f} EUR/h")
    env.close()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    export_linear(options.out, mean[:-outputs].reshape(outputs, inputs), mean[-outputs:], governance)
    print(f"policy in {options.out}")


if __name__ == "__main__":
    main()
