"""Do recorded shifts give the same decisions again, on both runtimes, and is a changed policy caught?

`python -m bench.replay [--shifts N] [--ros SETUP] [--folder DIR] [--seed N]`: records shifts of several scenarios and
seeds on virtual time, then replays each on the embedded runtime and, where `--ros` names the setup file of a ROS 2, on
its rclpy; then with a policy that does nothing and with one whose constants are a little different.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.output import keep, show
from workcell_console.commands.children import virtual_run

SCENARIOS = (
    "all_at_once",
    "vacuum_leak",
    "heavy_lot",
    "joint_wear",
    "light_drift",
    "tariff_peak",
    "protective_stop",
    "starved_infeed",
    "node_faults",
    "calm",
)
DURATION_MIN_S, DURATION_STEP_S, DURATION_STEPS = 120, 30, 4
CHANGED = "policy:\n  ros__parameters:\n    part_mass_kg: 0.13\n"
"""A policy that holds parts to be a little heavier: it must be told from the recorded one."""
COLUMNS = ["shift", "s", "cycles", "decisions", "virtual", "ROS 2", "fixed", "changed"]


@dataclass(frozen=True)
class Shift:
    """One shift to record."""

    scenario: str
    seed: int
    duration_s: int

    @property
    def name(self) -> str:
        """Its folder."""
        return f"{self.scenario}-{self.seed}"


def shifts(count: int, seed: int) -> list[Shift]:
    """Returns shifts of every scenario in turn, of different seeds and lengths."""
    return [
        Shift(
            SCENARIOS[index % len(SCENARIOS)],
            seed + index // len(SCENARIOS),
            DURATION_MIN_S + DURATION_STEP_S * (index % DURATION_STEPS),
        )
        for index in range(count)
    ]


def record(shift: Shift, folder: Path) -> Path:
    """Records a shift unless it is there already, and returns its folder."""
    out = folder / shift.name
    if not (out / "results.json").is_file():
        command = virtual_run("--scenario", shift.scenario, "--seed", str(shift.seed))
        command += ["--duration", str(shift.duration_s), "--record", "mcap", "--out", str(out)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return out


def differing(folders: list[Path], log: Path, *extra: str, ros: str = "") -> dict[str, tuple[int, int]]:
    """Replays shifts in a process of their own; returns how many decisions each has, and how many differ."""
    command = [sys.executable, "-u", "-m", "workcell_console.main", "replay", *map(str, folders), *extra]
    if ros:
        command = ["bash", "-c", 'source "$0" && exec python "$@" --runtime ros', ros, *command[1:]]
    with log.open("w", encoding="utf-8") as file:
        code = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, check=False).returncode
    text = log.read_text(encoding="utf-8")
    if code not in (0, 1):
        raise RuntimeError(f"{' '.join(command)}: {text[-2000:]}")
    return found_in(text)


def found_in(text: str) -> dict[str, tuple[int, int]]:
    """Returns decisions and differences by shift, from what the command printed."""
    found = {}
    for line in text.splitlines():
        if " verdicts recorded, " in line:
            bag, _, told = line.rpartition(": ")
            words = told.split()
            found[Path(bag).parent.name] = (int(words[0]) + int(words[3]), int(words[6]))
    return found


def measure(wanted: list[Shift], folder: Path, ros: str) -> list[dict[str, Any]]:
    """Records and replays shifts; returns a row for each."""
    outs = [record(shift, folder) for shift in wanted]
    changed = folder / "changed.yaml"
    changed.write_text(CHANGED, encoding="utf-8")
    virtual = differing(outs, folder / "virtual.log")
    fixed = differing(outs, folder / "fixed.log", "--policy", "fixed")
    other = differing(outs, folder / "changed.log", "--policy", str(changed))
    real = differing(outs, folder / "ros.log", ros=ros) if ros else {}
    rows = []
    for out in outs:
        results = json.loads((out / "results.json").read_text(encoding="utf-8"))
        name = out.name
        rows.append(
            {
                "shift": name,
                "duration_s": round(results["summary"]["elapsed_s"]),
                "cycles": len(results["cycles"]),
                "decisions": virtual[name][0],
                "differ_virtual": virtual[name][1],
                "differ_ros": real[name][1] if ros else None,
                "differ_fixed": fixed[name][1],
                "differ_changed": other[name][1],
            }
        )
    return rows


def main() -> None:
    """Measures and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shifts", type=int, default=20)
    parser.add_argument("--ros", default="", metavar="SETUP", help="setup file of a ROS 2 to replay on as well")
    parser.add_argument("--seed", type=int, default=11, help="of the first shift of each scenario")
    parser.add_argument("--folder", type=Path, help="where shifts are kept, and looked for; default a temporary one")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="workcell-bench-") as scratch:
        folder = options.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        rows = measure(shifts(options.shifts, options.seed), folder, options.ros)
    show(f"decisions that differ in a replay of {len(rows)} shifts", COLUMNS, [list(row.values()) for row in rows])
    keep("replay", {"shifts": rows, **totals(rows)})


def totals(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Returns and prints what the shifts show together."""
    with_decisions = [row for row in rows if row["decisions"]]
    found = {
        "decisions": sum(row["decisions"] for row in rows),
        "identical on virtual time": sum(not row["differ_virtual"] for row in rows),
        "identical on ROS 2": sum(row["differ_ros"] == 0 for row in rows),
        "shifts with decisions": len(with_decisions),
        "fixed policy caught": sum(row["differ_fixed"] > 0 for row in with_decisions),
        "changed policy caught": sum(row["differ_changed"] > 0 for row in with_decisions),
    }
    print("; ".join(f"{name}: {value}" for name, value in found.items()))
    return found


if __name__ == "__main__":
    main()
