"""Does the interval of an off-policy estimate hold what another policy really earns?

`python -m bench.off_policy [--seeds N] [--first N] [--scenarios ...] [--duration S] [--folder DIR]`: records shifts
under the reflex policy, estimates from their bags what other policies would have earned in each, then runs those
policies for real on the same scenarios and seeds, all on virtual time.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import yaml

from bench.output import keep, show
from workcell_console.off_policy.cycles import LoggedCycle, envelopes, logged_cycles
from workcell_console.off_policy.report import BagReport, compare
from workcell_console.runs import prepare
from workcell_console.shift import SHARE_DIR, ShiftOptions, run_shift, use_embedded
from workcell_console.trial import Trial, trial_of
from workcell_control.governance.rules import load_governance
from workcell_control.policy.value import load_prices
from workcell_ros.config import load_yaml

SCENARIOS = ("calm", "vacuum_leak", "light_drift", "tariff_peak", "joint_wear")
SQUEEZE = 4.0
"""The shipped disturbances come over a quarter of an hour: squeezed so, a shift of some minutes has them."""
SETTLED = "cell: {{ros__parameters: {{speed_scale: {speed}, jerk_scale: {speed}, acceleration_scale: {acceleration}, "
SETTLED += "part_acceleration_max_m_s2: {part}, grip_vacuum_pa: 55000.0, grip_dwell_s: 0.2, settle_s: 0.12}}}}\n"
POLICIES = {
    "fixed": ("fixed", ""),
    "fast": ("fixed", SETTLED.format(speed=1.0, acceleration=1.0, part=6.5)),
    "brisk": ("fixed", SETTLED.format(speed=0.92, acceleration=0.98, part=6.4)),
    "heavier": ("reflex", "policy: {ros__parameters: {part_mass_kg: 0.14}}\n"),
}
"""What is tried: the policy and its parameters. `fixed` is far from all that is recorded: it is to be refused."""
LIGHT = {"twin": "false", "tf": "false", "fidelity": "kinematic"}
"""Of the cell, what says nothing of parameters' worth is left out: what remains is several times faster."""
COLUMNS = ["policy", "shift", "recorded", "estimate", "low", "high", "really", "ESS", "within"]


@dataclass(frozen=True)
class Shift:
    """One shift: disturbances and what is random."""

    scenario: str
    seed: int


def run(shift: Shift, policy: str, folder: Path, duration_s: float) -> Path:
    """Runs a shift under a policy unless it is there already, and returns its folder."""
    out = folder / f"{shift.scenario}-{shift.seed}-{policy}"
    if not (out / "results.json").is_file():
        name, parameters = POLICIES.get(policy, ("reflex", ""))
        arguments = {"policy": name, "record": "mcap", **LIGHT, "golden_dir": str(folder / f"golden-{shift.seed}")}
        if parameters:
            arguments["params_file"] = str(parameter_file(policy, folder))
        prepare(out)
        scenario = str(squeezed(shift.scenario, folder))
        run_shift(ShiftOptions(out, scenario, duration_s, shift.seed, arguments=arguments))
    return out


def squeezed(scenario: str, folder: Path) -> Path:
    """Writes a scenario whose disturbances come and go `SQUEEZE` times as fast, and returns where."""
    path = folder / f"{scenario}.yaml"
    text = load_yaml(SHARE_DIR / "config" / "scenarios" / path.name)
    for event in text.get("events", []):
        event.update({key: event[key] / SQUEEZE for key in ("at_s", "ramp_s", "hold_s") if key in event})
    path.write_text(yaml.safe_dump(text), encoding="utf-8")
    return path


def parameter_file(policy: str, folder: Path) -> Path:
    """Writes a policy's parameters, and returns where."""
    path = folder / f"{policy}.yaml"
    path.write_text(POLICIES[policy][1], encoding="utf-8")
    return path


def trial(policy: str, folder: Path) -> Trial:
    """Returns what a replay is to try."""
    name, parameters = POLICIES[policy]
    values = trial_of(str(parameter_file(policy, folder))).values if parameters else {}
    return Trial({**values, "policy": {**values.get("policy", {}), "policy": name}}, policy)


def read(number: int, out: Path, tried: Trial | None) -> tuple[str, int, list[LoggedCycle]]:
    """Returns name, start and cycles of a bag, beside those of a replay where something is tried."""
    from workcell_console.off_policy_node import CycleReader
    from workcell_console.recording_node import Recording
    from workcell_console.replay_node import replay_recording

    recording = Recording(out / "bag")
    governance = SHARE_DIR / "config" / "governance.yaml"
    changes = replay_recording(recording, governance, tried).changes if tried is not None else []
    raw = CycleReader(recording, changes).read()
    prices = load_prices(SHARE_DIR / "config" / "value.yaml")
    return out.name, recording.start_ns, logged_cycles(number, recording.start_ns, raw, prices)


def earned_eur_per_h(out: Path) -> float:
    """Returns what a shift really earned."""
    _, _, cycles = read(0, out, None)
    return 3600.0 * sum(cycle.eur for cycle in cycles) / sum(cycle.time_s for cycle in cycles)


def pair(policy: str, shift: Shift, bag: BagReport, folder: Path, duration_s: float) -> dict[str, Any]:
    """Returns the estimate for one shift beside the truth."""
    found = bag.estimate
    truth = earned_eur_per_h(run(shift, policy, folder, duration_s)) if not found.refusal else None
    return {
        "policy": policy,
        "shift": f"{shift.scenario}-{shift.seed}",
        "recorded": found.recorded_eur_per_h,
        "estimate": found.eur_per_h if not found.refusal else found.refusal,
        "low": found.low_eur_per_h,
        "high": found.high_eur_per_h,
        "really": truth,
        "ess": found.ess,
        "within": truth is not None and found.low_eur_per_h <= truth <= found.high_eur_per_h,
    }


def measure(shifts: list[Shift], folder: Path, duration_s: float, jobs: int) -> list[dict[str, Any]]:
    """Records, estimates, runs for real, and returns a row for each policy and shift."""
    rules = load_governance(SHARE_DIR / "config" / "governance.yaml")
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        recorded = list(pool.map(partial(run, policy="reflex", folder=folder, duration_s=duration_s), shifts))
        rows = []
        for policy in POLICIES:
            bags = [read(number, out, trial(policy, folder)) for number, out in enumerate(recorded)]
            report = compare(policy, bags, envelopes(rules))
            wanted = [shift for shift, bag in zip(shifts, report.bags, strict=True) if not bag.estimate.refusal]
            list(pool.map(partial(run, policy=policy, folder=folder, duration_s=duration_s), wanted))
            for shift, bag in zip(shifts, report.bags, strict=True):
                rows.append(pair(policy, shift, bag, folder, duration_s))
                print(rows[-1], flush=True)
    return rows


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2, help="shifts of each scenario")
    parser.add_argument("--first", type=int, default=21, help="the first seed")
    parser.add_argument("--scenarios", nargs="*", choices=SCENARIOS, default=SCENARIOS)
    parser.add_argument("--duration", type=float, default=150.0, help="shift time in seconds")
    parser.add_argument("--folder", type=Path, help="where shifts are kept, and looked for; default a temporary one")
    parser.add_argument("--jobs", type=int, default=1, help="shifts run at the same time (default 1)")
    options = parser.parse_args()
    use_embedded()
    shifts = [Shift(scenario, options.first + seed) for scenario in options.scenarios for seed in range(options.seeds)]
    with tempfile.TemporaryDirectory(prefix="workcell-bench-") as scratch:
        folder = options.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        rows = measure(shifts, folder, options.duration, options.jobs)
    show("what another policy would have earned, in EUR/h", COLUMNS, [list(row.values()) for row in rows])
    keep("off_policy", {"pairs": rows, **totals(rows)})


def totals(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns and prints what the pairs show together."""
    said = [row for row in rows if row["really"] is not None]
    if not said:
        print(f"all {len(rows)} pairs were refused")
        return {"pairs": 0, "refused": len(rows)}
    found = {
        "pairs": len(said),
        "refused": len(rows) - len(said),
        "coverage": statistics.mean(row["within"] for row in said),
        "error_median_eur_per_h": statistics.median(abs(row["estimate"] - row["really"]) for row in said),
        "width_median_eur_per_h": statistics.median(row["high"] - row["low"] for row in said),
    }
    print("; ".join(f"{name}: {value:.4g}" for name, value in found.items()))
    return found


if __name__ == "__main__":
    main()
