"""The whole cell on real ROS 2 next to the embedded runtime: parts, processor time of each node, latencies.

`python -m bench.real_ros [--ros-setup FILE] [--parts 200] [--only RUNTIME] [name:=value ...]`; FILE is a shell script
that sources a ROS 2 with this package built. Further arguments are those of cell.launch.py, e.g. sim:=mock, or
out_dir:=DIR to go on with the ledger of an earlier run. Both
runtimes run the same launch file in real time with the real field protocols; a node has a process of its own on ROS 2.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.output import keep, show
from bench.process_tree import cpu_by_name, hear_interrupts

LAUNCH_FILE = Path(__file__).parent / "programs" / "measured_cell_launch.py"
SETTLED_PARTS = 3
"""Processor time counts from here on: starting up is not what a shift costs."""
POLL_S = 0.5
STARTUP_S = 240.0
PER_PART_S = 30.0
STOP_S = 60.0
DEFAULTS = {"composition": "node", "twin": "false", "page": "false", "port": "0", "log_level": "warn"}


@dataclass
class Run:
    """What a run of the cell came to."""

    runtime: str
    exit_code: int = 0
    seen: dict[str, Any] = field(default_factory=dict)
    cpu_share: dict[str, float] = field(default_factory=dict)
    """Processor time by second of the run, by process."""
    fates: dict[str, int] = field(default_factory=dict)


def embedded_command(arguments: list[str]) -> list[str]:
    """Runs the launch file on the embedded runtime."""
    return [sys.executable, "-m", "workcell_console.main", "launch", str(LAUNCH_FILE), *arguments]


def ros_command(setup: str, arguments: list[str]) -> list[str]:
    """Runs it with the `ros2 launch` that `setup` brings."""
    launch = shlex.join(["ros2", "launch", "-n", str(LAUNCH_FILE), *arguments])
    return ["bash", "-c", f"source {shlex.quote(setup)} && exec {launch}"]


def measure(runtime: str, command: Callable[[list[str]], list[str]], given: dict[str, str], parts: int) -> Run:
    """Runs the cell until it has made enough parts, and looks at its processes meanwhile."""
    with tempfile.TemporaryDirectory(prefix="workcell-real-ros-") as folder:
        probe_file = Path(folder) / "seen.json"
        out_dir = Path(folder) / "out"
        has_own_clock = given.get("sim") == "gazebo"
        arguments = {**DEFAULTS, "out_dir": str(out_dir), "use_sim_time": str(has_own_clock).lower(), **given}
        arguments |= {"probe_file": str(probe_file), "parts": str(parts)}
        words = [f"{name}:={value}" for name, value in arguments.items()]
        environment = {**os.environ}
        if runtime == "embedded":
            environment["WORKCELL_RUNTIME"] = "embedded"
        with (Path(folder) / "log.txt").open("w") as log:
            process = subprocess.Popen(command(words), env=environment, stdout=log, stderr=log, start_new_session=True)
            run = Run(runtime)
            try:
                _watch(process, probe_file, parts, run)
            finally:
                run.exit_code = _stop(process)
        run.seen = _read(probe_file)
        run.fates = _fates(Path(arguments["out_dir"]) / "ledger.journal")
        if run.seen.get("parts", 0) < parts:
            print((Path(folder) / "log.txt").read_text()[-4000:], file=sys.stderr)
    return run


def _watch(process: subprocess.Popen[bytes], probe_file: Path, parts: int, run: Run) -> None:
    begun: tuple[float, dict[str, float]] | None = None
    deadline_s = time.monotonic() + STARTUP_S + PER_PART_S * parts
    while process.poll() is None and time.monotonic() < deadline_s:
        time.sleep(POLL_S)
        now_s, used = time.monotonic(), cpu_by_name(process.pid)
        made = _read(probe_file).get("parts", 0)
        if begun is None and made >= SETTLED_PARTS:
            begun = now_s, used
        elif begun is not None and made < parts and set(begun[1]) <= set(used):
            elapsed_s = now_s - begun[0]
            run.cpu_share = {name: (value - begun[1].get(name, 0.0)) / elapsed_s for name, value in used.items()}


def _stop(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        return process.wait(STOP_S)


def _read(file: Path) -> dict[str, Any]:
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}


def _fates(file: Path) -> dict[str, int]:
    """Counts of the parts in the ledger by fate; those still under way are `open`."""
    from workcell_control.cell.ledger import PartLedger

    if not file.is_file():
        return {}
    ledger = PartLedger(file)
    counts = {str(fate): count for fate, count in ledger.counts().items() if count}
    counts["open"] = len(ledger.open_parts)
    ledger.close()
    return counts


def rows_of(runs: list[Run]) -> list[list[object]]:
    """Returns the table: a row for each figure, a column for each runtime."""
    rows: list[list[object]] = [
        ["parts made", *(run.seen.get("parts", 0) for run in runs)],
        ["ledger", *(", ".join(f"{n} {name}" for name, n in run.fates.items()) for run in runs)],
        ["wrong by the parts' true defects", *(sum(run.seen.get("wrong", {}).values()) for run in runs)],
        ["exit code", *(run.exit_code for run in runs)],
        ["cycle time, median (s)", *(_quantile(run, "cycle_s", 0.5) for run in runs)],
        ["parts an hour", *(_per_hour(run) for run in runs)],
    ]
    for name, label in (
        ("image_to_verdict_ms", "image to verdict"),
        ("reading_to_parameter_ms", "reading to parameter"),
    ):
        for share, word in ((0.5, "median"), (0.95, "95 %"), (1.0, "largest")):
            rows.append([f"{label}, {word} (ms)", *(_quantile(run, name, share) for run in runs)])
        rows.append([f"{label}, count", *(len(run.seen.get(name, ())) for run in runs)])
    rows.append(["reports of a hold", *(_holds(run) for run in runs)])
    names = sorted({name for run in runs for name in run.cpu_share})
    rows += [[f"processor, {name} (%)", *(_percent(run.cpu_share.get(name)) for run in runs)] for name in names]
    return [*rows, ["processor, all (%)", *(_percent(sum(run.cpu_share.values())) for run in runs)]]


def _percent(share: float | None) -> object:
    return "-" if share is None else 100.0 * share


def _quantile(run: Run, name: str, share: float) -> object:
    values = sorted(run.seen.get(name, ()))
    if not values:
        return "-"
    return statistics.median(values) if share == 0.5 else values[min(int(share * len(values)), len(values) - 1)]


def _holds(run: Run) -> int:
    """Reports of a hold, but those of starting up."""
    return sum(count for reason, count in run.seen.get("holds", {}).items() if "not heard yet" not in reason)


def _per_hour(run: Run) -> object:
    duration_s = run.seen.get("duration_s", 0.0)
    return 3600.0 * (run.seen["parts"] - 1) / duration_s if duration_s else "-"


def main() -> int:
    """Runs both; 1 where a part was lost or too few were made."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ros-setup", default="", help="script that sources a ROS 2 with this package built")
    parser.add_argument("--parts", type=int, default=200)
    parser.add_argument("--only", choices=("embedded", "ros"), help="measure one of both")
    parser.add_argument("--at-once", action="store_true", help="measure both at the same time, on the same load")
    parser.add_argument("--keep", default="real_ros", help="name of the file of figures")
    parser.add_argument("arguments", nargs="*", metavar="name:=value", help="further launch arguments")
    options = parser.parse_args()
    hear_interrupts()
    given = dict(text.split(":=", 1) for text in options.arguments)
    wanted: list[tuple[str, Callable[[list[str]], list[str]]]] = []
    if options.only != "ros":
        wanted.append(("embedded", embedded_command))
    if options.only != "embedded" and options.ros_setup:
        wanted.append(("ROS 2", lambda words: ros_command(options.ros_setup, words)))
    with ThreadPoolExecutor(len(wanted) if options.at_once else 1) as pool:
        begun = [pool.submit(measure, name, command, given, options.parts) for name, command in wanted]
        runs = [future.result() for future in begun]
    show("The cell on both runtimes", ["figure", *(run.runtime for run in runs)], rows_of(runs))
    keep(options.keep, {run.runtime: vars(run) for run in runs})
    are_lost = any(run.fates.get("void", 0) for run in runs)
    return int(are_lost or any(run.seen.get("parts", 0) < options.parts for run in runs))


if __name__ == "__main__":
    sys.exit(main())
