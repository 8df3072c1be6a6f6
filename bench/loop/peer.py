"""Optuna's constrained samplers on the same shifts, with the same number of cycles to learn from.

A trial is a cycle; after `LEARNING` cycles the best feasible trial stays in force. Optuna knows the envelope, and the
value and violation of each cycle; of the context, which its interface has no place for, it knows nothing, and nothing
limits its steps. Two samplers: the tree-structured Parzen estimator, and the Gaussian process, which needs PyTorch.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from bench.loop.shop import CYCLES, DEFAULT, LEARNING, Shift, Shop
from workcell_control.policy.optimiser.setting import NAMES, NODE_OF, Setting
from workcell_control.policy.value import value_of
from workcell_sim.cycle.cycle_world import CycleTruth
from workcell_sim.world.scenario import Scenario

if TYPE_CHECKING:
    from optuna import Trial
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

SAMPLERS = ("tpe", "gp")
TORCH_MISSING = (
    "--peer gp: Optuna's Gaussian process sampler needs PyTorch, which is not installed. Its build for the processor "
    "alone will do; PyTorch's own pages say where pip finds it."
)


def check_peer(peer: str) -> None:
    """Raises SystemExit, with what to install, where a sampler cannot run."""
    if peer == "gp" and find_spec("torch") is None:
        raise SystemExit(TORCH_MISSING)


def run_peer(shop: Shop, scenario: Scenario, seed: int, peer: str) -> Shift:
    """A shift under one of `SAMPLERS`."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    world = shop.world(scenario, seed)
    study = optuna.create_study(direction="maximize", sampler=_sampler(peer, seed))
    cycles: list[CycleTruth] = []
    # Stays where no trial was feasible.
    best, best_value = DEFAULT, float("-inf")
    for _ in range(LEARNING):
        trial = study.ask()
        setting = Setting(*(_suggested(shop, trial, name) for name in NAMES))
        cycle = world.run(setting)
        value = value_of(cycle.outcome, shop.prices, cycle.seen.tariff_eur_per_kwh).per_hour_eur
        trial.set_user_attr("violation", cycle.is_violation)
        study.tell(trial, value)
        if not cycle.is_violation and value > best_value:
            best, best_value = setting, value
        cycles.append(cycle)
    cycles += [world.run(best) for _ in range(CYCLES - LEARNING)]
    return shop.sum_up(cycles)


def _sampler(peer: str, seed: int) -> BaseSampler:
    from optuna.samplers import GPSampler, TPESampler

    if peer == "gp":
        return GPSampler(seed=seed, constraints_func=_constraints)
    return TPESampler(seed=seed, constraints_func=_constraints, multivariate=True)


def _constraints(trial: FrozenTrial) -> tuple[float]:
    return (float(trial.user_attrs["violation"]) - 0.5,)


def _suggested(shop: Shop, trial: Trial, name: str) -> float:
    rule = shop.governance.rules[NODE_OF[name]][name]
    # Where Optuna is not installed its types are not known.
    value: float = trial.suggest_float(name, rule.low, min(rule.high, rule.ask_above or rule.high))
    return value
