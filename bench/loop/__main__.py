"""Value per hour of the optimiser against reflex rules, fixed parameters, hindsight, an oracle and Optuna.

`python -m bench.loop [--seeds 1-20] [--scenarios leak,wear,...] [--world cycle|cell] [--skip-peer]`

Every shift is 300 cycles; `learned` is what the last 150 of them are worth. The default, the learners and the oracle
see the same parts. Hindsight and oracle are searched on seeds that are not scored.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict
from pathlib import Path

from bench.loop import cell
from bench.loop.grid import best_fixed, fixed_candidates, oracle, run_schedule
from bench.loop.peer import run_peer
from bench.loop.shop import CYCLES, DRIFTS, LEARNING, SCENARIOS, Shift, Shop, mean
from bench.output import keep, show
from workcell_console.commands.compare import parse_seeds

ORACLE_SHARE = 0.95
HINDSIGHT_KEPT = 1
DEFAULT_SHARE_MIN = 0.98

Shifts = dict[str, list[Shift]]
"""By who was in charge, one shift per seed."""


def run_scenario(shop: Shop, name: str, seeds: list[int], *, has_peer: bool) -> Shifts:
    """Every seed's shift under everybody."""
    scenario = shop.scenario(name)
    schedule = oracle(shop, scenario)
    hindsight = best_fixed(shop, scenario, fixed_candidates(schedule), HINDSIGHT_KEPT)
    shifts: Shifts = {who: [] for who in ("optimiser", "reflex", "default", "best fixed", "oracle", "optuna")}
    for seed in seeds:
        shifts["optimiser"].append(shop.run(scenario, seed, shop.optimiser()))
        shifts["reflex"].append(shop.run(scenario, seed, shop.reflex()))
        shifts["default"].append(shop.run(scenario, seed, None))
        fixed = [shop.run(scenario, seed, None, setting) for setting in hindsight]
        shifts["best fixed"].append(max(fixed, key=lambda shift: shift.value))
        shifts["oracle"].append(run_schedule(shop, scenario, seed, schedule))
        if has_peer:
            shifts["optuna"].append(run_peer(shop, scenario, seed))
    return {who: found for who, found in shifts.items() if found}


def score(shifts: Shifts, violation_max: float) -> dict[str, float]:
    """The figures that the targets are about."""
    ours, oracle_, fixed, default = (shifts[who] for who in ("optimiser", "oracle", "best fixed", "default"))
    cycles = sum(shift.cycles for shift in ours)
    violations = sum(shift.violations for shift in ours)
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
        "violations": violations,
        "violations_allowed": violation_max * cycles,
        "violations_oracle": sum(shift.violations for shift in oracle_),
    }


def print_tables(results: dict[str, Shifts], scores: dict[str, dict[str, float]], seeds: int) -> None:
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
            name,
            f"{values['share_of_oracle_learned']:.1%}",
            f"{values['above_best_fixed']} ({values['above_best_fixed_learned']}) of {seeds}",
            f"{values['worst_over_default']:.2f}",
            f"{values['violations']:.0f} of {values['violations_allowed']:.0f}",
        ]
        for name, values in scores.items()
    ]
    columns = ["scenario", "of the oracle", "above best fixed (learned)", "worst / default", "violations of allowed"]
    show(f"targets: {ORACLE_SHARE:.0%}; 18 of 20 in {', '.join(DRIFTS)}; {DEFAULT_SHARE_MIN:.2f}", columns, rows)


def main(args: list[str] | None = None) -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(prog="bench.loop", description=__doc__)
    parser.add_argument("--seeds", default="1-20")
    parser.add_argument("--scenarios", default=",".join(SCENARIOS))
    parser.add_argument("--world", choices=("cycle", "cell"), default="cycle")
    parser.add_argument("--skip-peer", action="store_true", help="without Optuna")
    parser.add_argument("--out", type=Path, help="folder for the runs of --world cell")
    options = parser.parse_args(args)
    seeds, names = parse_seeds(options.seeds), options.scenarios.split(",")
    if options.world == "cell":
        cell.run(seeds, names, options.out)
        return
    shop = Shop()
    results, scores = {}, {}
    for name in names:
        begin_s = time.process_time()
        results[name] = run_scenario(shop, name, seeds, has_peer=not options.skip_peer)
        scores[name] = score(results[name], shop.options.violation_probability_max)
        means = ", ".join(f"{who} {mean(shifts, 'learned'):.1f}" for who, shifts in results[name].items())
        print(
            f"{name}, {time.process_time() - begin_s:.0f} s of processor time: {means} EUR/h; {scores[name]}",
            flush=True,
        )
    print_tables(results, scores, len(seeds))
    kept = {
        name: {who: [asdict(shift) for shift in found] for who, found in shifts.items()}
        for name, shifts in results.items()
    }
    keep("loop", {"cycles": CYCLES, "learning": LEARNING, "seeds": seeds, "scores": scores, "shifts": kept})


if __name__ == "__main__":
    main()
