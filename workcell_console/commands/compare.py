"""`workcell compare`: the same shifts with and without the policy, seed by seed, in virtual time."""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from workcell_console.commands import children
from workcell_console.commands.arm_options import add_arm
from workcell_console.commands.limits import (
    DURATION_MAX_S,
    DURATION_MIN_S,
    JOBS_MAX,
    SEED_MAX,
    SEEDS_MAX,
    in_range,
)
from workcell_console.compare import FIGURES, Comparison, pair_of
from workcell_console.runs import prepare, unused_name
from workcell_console.shift import ShiftOptions, check_shift, read_results
from workcell_ros.errors import ConfigError, WorkcellError

COMPARISON = "comparison.json"
POLICIES = ("policy", "fixed")


def add(subparsers: Any) -> None:
    """Describes the command."""
    text = "run the same shifts with and without the policy in virtual time and compare them"
    parser = subparsers.add_parser("compare", help=text, description=text)
    parser.add_argument("--scenario", default="all_at_once", help="name in config/scenarios or a YAML file")
    parser.add_argument("--duration", type=float, default=360.0, help="shift time in seconds (default 360)")
    parser.add_argument("--seeds", default="1", help="seeds as 1, 1-10 or 3,5,8 (default 1)")
    parser.add_argument("--jobs", type=int, default=1, help="shifts at the same time (default 1)")
    add_arm(parser)
    parser.add_argument("--boards", default="", help="folder of real board images as the parts")
    parser.add_argument("--no-twin", action="store_true", help="run without the digital twin, which is faster")
    parser.add_argument("--out", type=Path, help="folder for the results")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    out_dir, seeds = _checked(options)
    jobs = [
        _Job(seed, policy, out_dir / f"seed-{seed}-{policy}", out_dir / "golden")
        for seed in seeds
        for policy in POLICIES
    ]
    _run_all(jobs, options)
    pairs = tuple(
        pair_of(seed, *(_results(out_dir / f"seed-{seed}-{policy}") for policy in POLICIES)) for seed in seeds
    )
    comparison = Comparison(options.scenario, options.duration, pairs)
    (out_dir / COMPARISON).write_text(json.dumps(comparison.to_json(), indent=1), encoding="utf-8")
    Console().print(_table(comparison))
    print(comparison.sentence())
    print(f"figures in {out_dir / COMPARISON}")
    return 0


def _checked(options: argparse.Namespace) -> tuple[Path, list[int]]:
    """Checks everything that can be wrong before anything is started, and makes the folder."""
    in_range("--duration", options.duration, DURATION_MIN_S, DURATION_MAX_S)
    in_range("--jobs", options.jobs, 1, JOBS_MAX)
    seeds = parse_seeds(options.seeds)
    out_dir = options.out if options.out is not None else unused_name("compare")
    arguments = {"robot": options.robot, "station": options.station, "boards_dir": options.boards}
    check_shift(ShiftOptions(out_dir, options.scenario, options.duration, max(seeds), arguments=arguments))
    return prepare(out_dir), seeds


def parse_seeds(text: str) -> list[int]:
    """Reads `1`, `1-10` or `3,5,8`.

    Raises:
        ConfigError: the text is none of these.
    """
    spans: list[range] = []
    try:
        for part in text.split(","):
            first, dash, last = part.partition("-")
            spans.append(range(int(first), int(last if dash else first) + 1))
    except ValueError:
        spans = []
    # Counted before they are listed: a slip of the finger asks for more than there is memory.
    fits = all(spans) and sum(span.stop - span.start for span in spans) <= SEEDS_MAX
    seeds = list(itertools.chain(*spans)) if fits else []
    if not seeds or len(set(seeds)) != len(seeds) or max(seeds) > SEED_MAX:
        valid = f"up to {SEEDS_MAX} different whole numbers up to {SEED_MAX}, as 1, 1-10 or 3,5,8"
        raise ConfigError("command line", "--seeds", f"is {text!r}", valid)
    return seeds


@dataclass(frozen=True)
class _Job:
    seed: int
    policy: str
    out_dir: Path
    golden_dir: Path

    def command(self, options: argparse.Namespace) -> list[str]:
        """One process for each shift: none can disturb another, and each starts from nothing."""
        command = children.virtual_run(
            "--scenario", options.scenario, "--duration", str(options.duration), "--seed", str(self.seed)
        )
        command += ["--policy", "fixed" if self.policy == "fixed" else "reflex", "--out", str(self.out_dir)]
        command += ["--golden", str(self.golden_dir)]
        command += ["--robot", options.robot, "--station", options.station, "--boards", options.boards]
        return [*command, "--no-twin"] if options.no_twin else command


def _run_all(jobs: list[_Job], options: argparse.Namespace) -> None:
    waiting = deque(jobs)
    running: deque[tuple[_Job, subprocess.Popen[bytes]]] = deque()
    try:
        while waiting or running:
            while waiting and len(running) < options.jobs:
                job = waiting.popleft()
                running.append((job, children.start(job.command(options))))
            job, process = running[0]
            if process.wait() != 0:
                raise WorkcellError(f"{job.out_dir}: the shift failed with exit code {process.returncode}")
            running.popleft()
    finally:
        children.stop(*(process for _, process in running))


def _results(out_dir: Path) -> dict[str, Any]:
    results = read_results(out_dir)
    if results is None:
        raise WorkcellError(f"{out_dir}: the shift left no results")
    return results


def _table(comparison: Comparison) -> Table:
    table = Table(title=f"{comparison.scenario}, {comparison.duration_s:g} s, policy / fixed")
    for name in ("seed", *FIGURES, "better"):
        table.add_column(name.replace("_", " "), justify="right")
    for pair in comparison.pairs:
        cells = [f"{pair.policy[name]:.0f} / {pair.fixed[name]:.0f}" for name in FIGURES]
        table.add_row(str(pair.seed), *cells, "yes" if pair.is_better else "no")
    return table
