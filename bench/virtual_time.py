"""How fast virtual time runs the whole cell, and whether equal seeds give equal bags.

`python -m bench.virtual_time [--duration S] [--rounds N]`: runs whole shifts one after the other on one core.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import resource
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from bench.output import keep, show
from workcell_console.commands.children import virtual_run

TARGET_RATIO = 20.0
GOAL_RATIO = 100.0


def run_shift(folder: Path, seed: int, duration_s: float, *extra: str) -> tuple[float, float]:
    """Runs one shift in a process of its own; returns its wall and processor time in [s]."""
    command = virtual_run("--seed", str(seed), "--duration", str(duration_s), "--out", str(folder), *extra)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run(command, check=True, preexec_fn=_one_core, env=_environment(folder.parent))
    wall_s = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _environment(base: Path) -> dict[str, str]:
    """As where the package is installed: compiled modules are kept, here in `base`, whatever this process was told."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(base / "bytecode")}


def _one_core() -> None:
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[0]})


def bag_hash(folder: Path) -> str:
    """Returns the hash over the bytes of a run's bag."""
    digest = hashlib.sha256()
    for path in sorted((folder / "bag").rglob("*.mcap")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def main() -> None:
    """Measures speed with and without the twin, then determinism."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--duration", type=float, default=600.0, help="shift time in seconds")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rows: list[list[object]] = []
    figures: dict[str, float | bool] = {}
    with tempfile.TemporaryDirectory(prefix="workcell-bench-") as folder:
        base = Path(folder)
        run_shift(base / "first", 1, 2.0)  # compiles the modules
        for name, extra in (("whole cell", ()), ("without twin", ("--no-twin",))):
            runs = [run_shift(base / f"{name}-{index}", 1, options.duration, *extra) for index in range(options.rounds)]
            by_wall = statistics.median(options.duration / wall_s for wall_s, _ in runs)
            by_cpu = statistics.median(options.duration / cpu_s for _, cpu_s in runs)
            figures[f"{name}: times real time, wall"] = by_wall
            figures[f"{name}: times real time, processor"] = by_cpu
            rows.append([name, by_wall, by_cpu, TARGET_RATIO, GOAL_RATIO])
        title = "virtual time on one core, start-up and the twin's forks included, times real time"
        show(title, ["what", "by wall clock", "by processor time", "target", "goal"], rows)
        hashes = []
        for index, seed in enumerate((1, 1, 2)):
            run_shift(base / f"bag-{index}", seed, min(options.duration, 120.0), "--record", "mcap")
            hashes.append(bag_hash(base / f"bag-{index}"))
    figures["same seed, same bag"] = hashes[0] == hashes[1]
    figures["other seed, other bag"] = hashes[0] != hashes[2]
    print(f"same seed, same bag: {hashes[0] == hashes[1]}; other seed, other bag: {hashes[0] != hashes[2]}")
    keep("virtual_time", {"duration_s": options.duration, **figures})


if __name__ == "__main__":
    main()
