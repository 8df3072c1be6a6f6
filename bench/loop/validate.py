"""How far the cycle simulator is from the whole cell: the same settings, scenarios and seeds in both.

`python -m bench.loop.validate [--seed S] [--duration S]`

The whole cell is real nodes in virtual time with fixed parameters. Means over the cycles of a shift; the first cycle,
which begins elsewhere, is left out.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import yaml

from bench.loop.shop import DEFAULT, SCENARIOS, Shop
from bench.output import keep, show
from workcell_console.commands.children import virtual_run
from workcell_console.shift import read_results
from workcell_control.policy.optimiser.setting import Setting

FAST = replace(
    DEFAULT,
    speed_scale=1.0,
    acceleration_scale=1.0,
    jerk_scale=1.0,
    grip_vacuum_pa=70e3,
    grip_dwell_s=0.1,
    settle_s=0.1,
)
CASES: tuple[tuple[str, Setting, str], ...] = (
    ("default", DEFAULT, "calm"),
    ("fast", FAST, "calm"),
    ("default", DEFAULT, "heavy lot"),
    ("fast", FAST, "leak"),
    ("default", DEFAULT, "all at once"),
)


@dataclass(frozen=True)
class Figures:
    """Means over a shift's cycles."""

    cycle_time_s: float
    energy_j: float
    drops: float
    accepted: float
    tracking_error_mrad: float


def whole_cell(setting: Setting, scenario: str, seed: int, duration_s: float, folder: Path) -> Figures:
    """A shift of the whole cell with fixed parameters."""
    params_file = folder / "setting.yaml"
    blocks = {node: {"ros__parameters": values} for node, values in setting.by_node().items()}
    params_file.write_text(yaml.safe_dump(blocks), encoding="utf-8")
    out = folder / "run"
    command = virtual_run("--no-twin", "--policy", "fixed", "--params", str(params_file), "--scenario", scenario)
    command += ["--seed", str(seed), "--duration", str(duration_s), "--out", str(out)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    results = read_results(out)
    assert results is not None, f"{out}: the shift ended well and left no results"
    cycles = results["cycles"][1:]
    return Figures(
        cycle_time_s=float(np.mean([cycle["cycle_time"] for cycle in cycles])),
        energy_j=float(np.mean([cycle["energy"] for cycle in cycles])),
        drops=float(np.mean([cycle["drop"] for cycle in cycles])),
        accepted=float(np.mean([cycle["verdict"] == 0.0 for cycle in cycles])),
        tracking_error_mrad=1e3 * float(np.mean([cycle["tracking_error_max"] for cycle in cycles])),
    )


def cycle_simulator(shop: Shop, setting: Setting, scenario: str, seed: int, duration_s: float) -> Figures:
    """The same shift in the cycle simulator."""
    world = shop.world(shop.scenario(scenario), seed)
    world.run(setting)
    cycles = []
    while world.time_s < duration_s:
        cycles.append(world.run(setting))
    return Figures(
        cycle_time_s=float(np.mean([cycle.outcome.cycle_time_s for cycle in cycles])),
        energy_j=float(np.mean([cycle.outcome.energy_j for cycle in cycles])),
        drops=float(np.mean([cycle.outcome.drop for cycle in cycles])),
        accepted=float(np.mean([cycle.seen.verdict == "accept" for cycle in cycles])),
        tracking_error_mrad=1e3 * float(np.mean([cycle.seen.tracking_error_max_rad for cycle in cycles])),
    )


def main(args: list[str] | None = None) -> None:
    """Runs every case in both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--duration", type=float, default=300.0, help="shift time in seconds")
    parser.add_argument("--cases", type=int, default=len(CASES), help="the first so many cases")
    options = parser.parse_args(args)
    shop = Shop()
    rows: list[list[object]] = []
    figures = []
    for name, setting, scenario in CASES[: options.cases]:
        file = SCENARIOS.get(scenario, scenario)
        with tempfile.TemporaryDirectory(prefix="workcell-bench-") as folder:
            cell = whole_cell(setting, file, options.seed, options.duration, Path(folder))
        ours = cycle_simulator(shop, setting, scenario, options.seed, options.duration)
        pairs = {key: (value, getattr(ours, key)) for key, value in asdict(cell).items()}
        row: list[object] = [f"{name}, {scenario}"]
        row += [f"{simulated:.3g} / {whole:.3g}" for whole, simulated in pairs.values()]
        rows.append(row)
        figures.append({"case": row[0], "cell": asdict(cell), "cycle simulator": asdict(ours)})
        print(row, flush=True)
    columns = ["setting, scenario", "cycle time [s]", "energy [J]", "drops", "accepted", "tracking error [mrad]"]
    show(f"cycle simulator / whole cell, {options.duration:g} s, seed {options.seed}", columns, rows)
    keep("loop_validate", {"duration_s": options.duration, "seed": options.seed, "cases": figures})


if __name__ == "__main__":
    main()
