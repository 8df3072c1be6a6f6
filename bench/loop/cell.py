"""The same comparison in the whole cell: real nodes in virtual time, no twin, no person.

Each shift runs in a process of its own. What a part was worth is told by the cell's metrics and the end-of-line audit;
wear, which no metric tells, is left out on all sides.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from bench.loop.shop import LEARNING, SCENARIOS
from bench.output import keep, show
from workcell_console.commands.children import virtual_run
from workcell_console.shift import read_results
from workcell_control.policy.cycles import VERDICTS
from workcell_control.policy.policy import Cycle
from workcell_control.policy.value import Prices, load_prices, outcome_of, per_hour_eur, value_of
from workcell_sim.world.scenario import load_scenario

POLICIES = {"optimiser": "optimiser", "reflex": "reflex", "default": "fixed"}
"""By the benchmark's name, the cell's own."""
LIVE = "policy:\n  ros__parameters: {initial_stage: live, holdback_every: 0}\n"
"""Everybody is in charge from the first cycle on: what is compared are policies, not how trust is earned."""
SHIFT_S = 1080.0
"""Some 300 cycles."""
BASE_TARIFF = 0.28
PROTECTIVE_STOP = "protective_stop"
"""How the reason of a hold begins in which the arm's own supervision stopped it."""


def run_shift(scenario: str, policy: str, seed: int, duration_s: float, folder: Path) -> dict[str, Any]:
    """One shift of the whole cell; returns its results."""
    out = folder / f"{scenario}-{policy}-{seed}"
    params_file = folder / "live.yaml"
    params_file.write_text(LIVE, encoding="utf-8")
    command = virtual_run("--params", str(params_file), "--no-twin", "--scenario", scenario)
    command += ["--seed", str(seed), "--duration", str(duration_s)]
    command += ["--policy", policy, "--golden", str(folder / "golden"), "--out", str(out)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    results = read_results(out)
    assert results is not None, f"{out}: the shift ended well and left no results"
    return results


def worth(results: dict[str, Any], scenario: str, prices: Prices) -> dict[str, float]:
    """Value per hour over a shift and after `LEARNING` cycles, violations and cycles."""
    is_good = {item["serial"]: bool(item["is_good"]) for item in results["parcels"]}
    tariff = _tariff(scenario)
    values, ends_s = [], [0.0]
    for entry in results["cycles"]:
        verdict = round(entry["verdict"])
        cycle = Cycle(
            is_dropped=entry["drop"] > 0.5,
            verdict=VERDICTS[verdict] if verdict < len(VERDICTS) else "none",
            cycle_time_s=entry["cycle_time"],
            vacuum_min_pa=entry["vacuum_min"],
            acceleration_max_m_s2=entry["acceleration_max"],
            pick_attempts=round(entry["pick_attempts"]),
            tracking_error_max_rad=entry["tracking_error_max"],
            energy_j=entry["energy"],
        )
        waiting_s = max(entry["at_s"] - ends_s[-1] - cycle.cycle_time_s, 0.0)
        ends_s.append(entry["at_s"])
        good = is_good.get(f"p{round(entry['serial']) - 1:05d}")
        if entry is results["cycles"][-1]:
            # A cell that stands until the end of the shift earns nothing in that time.
            waiting_s += max(results["summary"]["elapsed_s"] - entry["at_s"] - cycle.cycle_time_s, 0.0)
        outcome = outcome_of(cycle, is_defective=None if good is None else not good, waiting_s=waiting_s)
        values.append(value_of(outcome, prices, tariff(entry["at_s"])))
    drops = sum(entry["drop"] > 0.5 for entry in results["cycles"])
    # A hold also names the tag of the stop while nothing has been heard of it yet.
    stops = sum(str(item["reason"]).startswith(PROTECTIVE_STOP) for item in results["holds"])
    return {
        "value": per_hour_eur(values),
        "learned": per_hour_eur(values[LEARNING:]),
        "violations": float(drops + stops),
        "cycles": float(len(values)),
    }


def run(seeds: list[int], names: list[str], who: list[str], duration_s: float, out: Path | None) -> None:
    """Runs every shift of those of `POLICIES` who are asked for, prints and keeps the figures."""
    policies = [policy for policy in POLICIES if policy in who]
    prices = load_prices("config/value.yaml")
    figures: dict[str, dict[str, list[dict[str, float]]]] = {}
    with tempfile.TemporaryDirectory(prefix="workcell-bench-") as scratch:
        folder = out if out is not None else Path(scratch)
        for name in names:
            scenario = SCENARIOS[name]
            figures[name] = {
                policy: [
                    worth(run_shift(scenario, POLICIES[policy], seed, duration_s, folder), scenario, prices)
                    for seed in seeds
                ]
                for policy in policies
            }
            print(f"{name}: {figures[name]}", flush=True)
    rows: list[list[object]] = [
        [
            name,
            *(_mean(found[policy], field) for field in ("value", "learned") for policy in policies),
            _violations(found),
        ]
        for name, found in figures.items()
    ]
    columns = [*policies, *(f"{policy}, after {LEARNING}" for policy in policies), "violations"]
    show(f"whole cell in virtual time, EUR/h, mean of {len(seeds)} seeds", ["scenario", *columns], rows)
    keep("loop_cell", {"duration_s": duration_s, "seeds": seeds, "shifts": figures})


def _mean(found: list[dict[str, float]], field: str) -> float:
    return float(np.mean([item[field] for item in found]))


def _violations(found: dict[str, list[dict[str, float]]]) -> str:
    return " / ".join(f"{sum(item['violations'] for item in shifts):.0f}" for shifts in found.values())


def _tariff(scenario: str) -> Any:
    events = load_scenario(f"config/scenarios/{scenario}.yaml").of_kind("tariff_peak")
    return lambda time_s: (
        BASE_TARIFF * float(np.prod([1.0 + event.level(time_s) * (event.magnitude - 1.0) for event in events]))
    )
