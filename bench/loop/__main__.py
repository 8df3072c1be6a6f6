"""Value per hour of the optimiser against reflex rules, fixed parameters, hindsight, an oracle and Optuna.

`python -m bench.loop [--seeds 1-20] [--scenarios leak,wear,...] [--who NAMES] [--peer tpe|gp|none]
[--world cycle|cell]`

Every shift is 300 cycles; `learned` is what the last 150 of them are worth. All see the same parts. `warm` is the
optimiser with what it learned in one earlier shift, of another seed and without disturbances, as a cell has that ran
yesterday; `optimiser` knows nothing but what it ships with. Hindsight and oracle are searched on seeds that are not
scored.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from bench.loop import cell
from bench.loop.grid import hindsight, run_schedule
from bench.loop.peer import SAMPLERS, check_peer, run_peer
from bench.loop.shop import CYCLES, DRIFTS, LEARNING, SCENARIOS, Shift, Shop, mean
from bench.output import keep, show
from workcell_console.commands.compare import parse_seeds
from workcell_sim.world.scenario import Scenario

ORACLE_SHARE = 0.95
DEFAULT_SHARE_MIN = 0.98
LEARNERS = ("optimiser", "warm", "reflex", "default")
HINDSIGHT = ("best fixed", "oracle")
"""Whoever knows the whole shift beforehand; to find what they would do takes most of the time."""

Shifts = dict[str, list[Shift]]
"""By who was in charge, one shift per seed."""
Scores = dict[str, dict[str, float]]
"""By learner, its figures."""
Run = Callable[[int], Shift]
"""The shift of a seed."""


def run_scenario(shop: Shop, name: str, seeds: list[int], who: list[str], peer: str, kept: Path | None) -> Shifts:
    """Every seed's shift under everybody asked for."""
    scenario = shop.scenario(name)
    runs: dict[str, Run] = {
        "optimiser": lambda seed: shop.run(scenario, seed, shop.optimiser()),
        "warm": lambda seed: shop.run(scenario, seed, shop.warm_optimiser()),
        "reflex": lambda seed: shop.run(scenario, seed, shop.reflex()),
        "default": lambda seed: shop.run(scenario, seed, None),
        **(_hindsight_runs(shop, scenario, kept) if set(who) & set(HINDSIGHT) else {}),
        "optuna": lambda seed: run_peer(shop, scenario, seed, peer),
    }
    return {name: [run(seed) for seed in seeds] for name, run in runs.items() if name in who}


def _hindsight_runs(shop: Shop, scenario: Scenario, kept: Path | None) -> dict[str, Run]:
    known = hindsight(shop, scenario, kept)
    return {
        "best fixed": lambda seed: shop.run(scenario, seed, None, known.fixed),
        "oracle": lambda seed: run_schedule(shop, scenario, seed, known.schedule),
    }


def score(shifts: Shifts, ours: list[Shift], violation_max: float) -> dict[str, float]:
    """The figures that the targets are about."""
    oracle_, fixed, default = (shifts[who] for who in ("oracle", "best fixed", "default"))
    return {
        "share_of_oracle_learned": mean(ours, "learned") / mean(oracle_, "learned"),
        "share_of_oracle": mean(ours, "value") / mean(oracle_, "value"),
        "above_best_fixed": sum(a.value > b.value for a, b in zip(ours, fixed, strict=True)),
        "above_best_fixed_learned": sum(a.learned > b.learned for a, b in zip(ours, fixed, strict=True)),
        # Where the default loses money, all that earns some is above it.
        "worst_over_default": min(
            a.value / b.value if b.value > 0.0 else float(a.value > b.value) * 9.99
            for a, b in zip(ours, default, strict=True)
        ),
        "violations": sum(shift.violations for shift in ours),
        "violations_allowed": violation_max * sum(shift.cycles for shift in ours),
    }


def print_tables(results: dict[str, Shifts], scores: dict[str, Scores], seeds: int) -> None:
    """One table of values, one of targets."""
    everybody = list(next(iter(results.values())))
    for field, title in (("value", f"EUR/h over {CYCLES} cycles"), ("learned", f"EUR/h after {LEARNING} cycles")):
        rows: list[list[object]] = [
            [name, *(mean(shifts[who], field) for who in everybody)] for name, shifts in results.items()
        ]
        show(f"{title}, mean of {seeds} seeds", ["scenario", *everybody], rows)
    rows = [
        [name, *(sum(shift.violations for shift in shifts[who]) for who in everybody)]
        for name, shifts in results.items()
    ]
    show(f"lost parts and protective stops in {seeds} x {CYCLES} cycles", ["scenario", *everybody], rows)
    rows = [
        [
            f"{name}, {who}",
            f"{values['share_of_oracle_learned']:.1%}",
            f"{values['above_best_fixed']} ({values['above_best_fixed_learned']}) of {seeds}",
            f"{values['worst_over_default']:.2f}",
            f"{values['violations']:.0f} of {values['violations_allowed']:.0f}",
        ]
        for name, learners in scores.items()
        for who, values in learners.items()
    ]
    columns = ["scenario", "of the oracle", "above best fixed (learned)", "worst / default", "violations of allowed"]
    show(f"targets: {ORACLE_SHARE:.0%}; 18 of 20 in {', '.join(DRIFTS)}; {DEFAULT_SHARE_MIN:.2f}", columns, rows)


def main(args: list[str] | None = None) -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(prog="bench.loop", description=__doc__)
    parser.add_argument("--seeds", default="1-20")
    parser.add_argument("--scenarios", default=",".join(SCENARIOS))
    parser.add_argument("--world", choices=("cycle", "cell"), default="cycle")
    parser.add_argument("--who", default=",".join((*LEARNERS, *HINDSIGHT, "optuna")), help="who is to be compared")
    parser.add_argument("--peer", choices=(*SAMPLERS, "none"), default="tpe", help="Optuna's sampler")
    parser.add_argument(
        "--hindsight", type=Path, help="file that keeps what the search for oracle and best fixed found"
    )
    parser.add_argument("--duration", type=float, default=cell.SHIFT_S, help="of a shift of --world cell, in seconds")
    parser.add_argument("--out", type=Path, help="folder for the runs of --world cell")
    options = parser.parse_args(args)
    seeds, names, who = parse_seeds(options.seeds), options.scenarios.split(","), options.who.split(",")
    if options.world == "cell":
        cell.run(seeds, names, who, options.duration, options.out)
        return
    check_peer(options.peer)
    if options.peer == "none":
        who = [name for name in who if name != "optuna"]
    shop = Shop()
    results: dict[str, Shifts] = {}
    scores: dict[str, Scores] = {}
    for name in names:
        begin_s = time.process_time()
        results[name] = found = run_scenario(shop, name, seeds, who, options.peer, options.hindsight)
        scores[name] = {}
        if {*HINDSIGHT, "default"} <= set(found):
            for learner in [who for who in ("optimiser", "warm") if who in found]:
                scores[name][learner] = score(found, found[learner], shop.options.violation_probability_max)
        means = ", ".join(f"{name} {mean(shifts, 'learned'):.1f}" for name, shifts in found.items())
        print(f"{name}, {time.process_time() - begin_s:.0f} s of processor time: {means} EUR/h", flush=True)
    print_tables(results, scores, len(seeds))
    kept = {
        name: {who: [asdict(shift) for shift in found] for who, found in shifts.items()}
        for name, shifts in results.items()
    }
    figures = {"cycles": CYCLES, "learning": LEARNING, "seeds": seeds, "peer": options.peer}
    keep("loop_gp" if options.peer == "gp" else "loop", {**figures, "scores": scores, "shifts": kept})


if __name__ == "__main__":
    main()
