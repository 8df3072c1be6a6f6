"""Optuna's constrained sampler on the same shifts, with the same number of cycles to learn from.

Its TPE sampler with constraints (Optuna's Gaussian process sampler needs PyTorch, whose wheel for this platform comes
with some gigabytes of CUDA: see docs/benchmarks.md). A trial is a cycle; after `LEARNING` cycles the best feasible
trial stays in force. It knows the envelope, and the value and violation of each cycle; of the context, which its
interface has no place for, it knows nothing, and nothing limits its steps.
"""

from __future__ import annotations

from bench.loop.shop import CYCLES, LEARNING, Shift, Shop
from workcell_control.policy.optimiser.setting import NAMES, NODE_OF, Setting
from workcell_control.policy.value import value_of
from workcell_sim.world.scenario import Scenario


def run_peer(shop: Shop, scenario: Scenario, seed: int) -> Shift:
    """A shift under Optuna's sampler."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    world = shop.world(scenario, seed)

    def constraints(trial: optuna.trial.FrozenTrial) -> tuple[float]:
        return (float(trial.user_attrs["violation"]) - 0.5,)

    sampler = optuna.samplers.TPESampler(seed=seed, constraints_func=constraints, multivariate=True)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    cycles = []
    best: Setting | None = None
    best_value = float("-inf")
    for _ in range(LEARNING):
        trial = study.ask()
        values = {}
        for name in NAMES:
            rule = shop.governance.rules[NODE_OF[name]][name]
            values[name] = trial.suggest_float(name, rule.low, min(rule.high, rule.ask_above or rule.high))
        setting = Setting(**values)
        cycle = world.run(setting)
        value = value_of(cycle.outcome, shop.prices, cycle.seen.tariff_eur_per_kwh).per_hour_eur
        trial.set_user_attr("violation", cycle.is_violation)
        study.tell(trial, value)
        if not cycle.is_violation and value > best_value:
            best, best_value = setting, value
        cycles.append(cycle)
    assert best is not None, "no feasible cycle in a whole learning phase"
    cycles += [world.run(best) for _ in range(CYCLES - LEARNING)]
    return shop.sum_up(cycles)
