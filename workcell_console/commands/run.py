"""`workcell run`: a demo shift with a scenario's disturbances, a page, a summary and a report."""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from workcell_console.commands import children
from workcell_console.commands.arm_options import add_arm
from workcell_console.commands.compare import COMPARISON
from workcell_console.commands.limits import (
    DURATION_MAX_S,
    DURATION_MIN_S,
    PORT_MAX,
    SEED_MAX,
    SPEED_MAX,
    SPEED_MIN,
    in_range,
)
from workcell_console.compare import Comparison, comparison_from_json
from workcell_console.progress import Progress, Watched
from workcell_console.quiet import printed_to
from workcell_console.runs import prepare, unused_name
from workcell_console.shift import RESULTS, ShiftOptions, check_shift, read_results, run_shift, use_embedded
from workcell_control.policy.registry import POLICIES
from workcell_ros.errors import WorkcellError
from workcell_sim.embedded import describe_runtime

LIVE = "live.json"
LOG = "log.txt"
COMPARE_TIMEOUT_S = 600.0


def add(subparsers: Any) -> None:
    """Describes the command."""
    text = "run a demo shift of the simulated cell: live page, summary and report"
    parser = subparsers.add_parser("run", help=text, description=text)
    parser.add_argument("--scenario", default="all_at_once", help="name in config/scenarios or a YAML file")
    parser.add_argument("--duration", type=float, default=360.0, help="shift time in seconds (default 360)")
    parser.add_argument("--speed", type=float, default=15.0, help="times real time (default 15)")
    parser.add_argument(
        "--clock", choices=("paced", "virtual"), default="paced", help="virtual: as fast as possible, without sockets"
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of everything random (default 1)")
    parser.add_argument("--policy", choices=tuple(POLICIES), default="reflex", help="who proposes parameters")
    add_arm(parser)
    parser.add_argument(
        "--boards",
        default="",
        metavar="DIR",
        help="real board images (<id>_temp.jpg, <id>_test.jpg, <id>.txt) as the parts; what comes is taught first",
    )
    parser.add_argument(
        "--golden", default="", metavar="DIR", help="golden references taught before, or to be kept there"
    )
    parser.add_argument(
        "--trace",
        default="",
        metavar="FILE",
        help="a real cobot's field data (UR3 CobotOps CSV) in place of the simulated arm's: currents, temperatures, "
        "speeds, protective stop, lost grip. The cell holds as long as the recording says protective stop; a lost "
        "grip warns, but the vacuum decides whether a part was dropped; blanks are BAD readings",
    )
    parser.add_argument("--params", default="", metavar="FILE", help="parameter file laid over config/cell.yaml")
    parser.add_argument("--record", choices=("mcap", "sqlite3"), help="also record everything to a bag")
    parser.add_argument("--record-images", action="store_true", help="record the camera's raw images too (large)")
    parser.add_argument(
        "--historian", choices=("parquet", "postgres"), help="also keep a history, see workcell history"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address the page listens on (default loopback)")
    parser.add_argument("--port", type=int, default=8642, help="port of the page; 0 picks a free one (default 8642)")
    parser.add_argument("--no-twin", action="store_true", help="run without the digital twin")
    parser.add_argument("--no-compare", action="store_true", help="do not run the same seed with fixed parameters too")
    parser.add_argument("--quiet", action="store_true", help="no progress, no report: results only")
    parser.add_argument("--verbose", action="store_true", help="print all the nodes say in place of progress")
    parser.add_argument("--out", type=Path, help="folder for everything the run writes")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    use_embedded()
    shift = _checked(options)
    compare = _start_comparison(options, shift.out_dir)
    try:
        results = _run_live(options, shift)
        comparison = _finish_comparison(compare, shift.out_dir)
    except KeyboardInterrupt:
        _tell_stopped(shift)
        raise
    finally:
        if compare is not None:
            children.stop(compare)
    if not options.quiet:
        _finish(shift, results, comparison)
    return 0


def _checked(options: argparse.Namespace) -> ShiftOptions:
    """Checks everything that can be wrong before anything is started, and makes the run's folder."""
    in_range("--duration", options.duration, DURATION_MIN_S, DURATION_MAX_S)
    in_range("--speed", options.speed, SPEED_MIN, SPEED_MAX)
    in_range("--port", options.port, 0, PORT_MAX)
    in_range("--seed", options.seed, 0, SEED_MAX)
    is_virtual = options.clock == "virtual"
    out_dir = options.out if options.out is not None else unused_name("run")
    arguments = {
        "policy": options.policy,
        "robot": options.robot,
        "station": options.station,
        "boards_dir": options.boards,
        "golden_dir": options.golden,
        "trace_file": options.trace,
        "params_file": options.params,
        "host": options.host,
        "port": str(options.port),
        "twin": str(not options.no_twin).lower(),
        "historian": options.historian or "",
        "record": options.record or "",
        "record_images": str(options.record_images).lower(),
        "live_file": "" if is_virtual else str(out_dir.absolute() / LIVE),
    }
    shift = ShiftOptions(
        out_dir, options.scenario, options.duration, options.seed, options.clock, options.speed, arguments
    )
    check_shift(shift)
    prepare(out_dir)
    return shift


def _run_live(options: argparse.Namespace, shift: ShiftOptions) -> dict[str, Any]:
    if shift.clock == "virtual":
        return run_shift(shift)
    log = shift.out_dir / LOG
    if options.quiet:
        with _told_in(log), printed_to(log):
            return run_shift(shift)
    print(describe_runtime())
    print(f"shift of {shift.duration_s:g} s at {shift.speed:g} times real time, scenario {shift.scenario}")
    if options.verbose:
        return run_shift(shift)
    watched = Watched(shift.out_dir / LIVE, shift.out_dir / "url", log, shift.duration_s)
    with _told_in(log), printed_to(log) as terminal, Progress(watched, terminal):
        return run_shift(shift)


@contextlib.contextmanager
def _told_in(log: Path) -> Iterator[None]:
    """Adds to what goes wrong where the nodes' own words are."""
    try:
        yield
    except WorkcellError as error:
        raise WorkcellError(f"{error}; what the nodes said is in {log}") from None


def _start_comparison(options: argparse.Namespace, out_dir: Path) -> subprocess.Popen[bytes] | None:
    """Starts the same seed with and without the policy in virtual time, beside the live run."""
    if options.no_compare or options.quiet:
        return None
    command = [sys.executable, "-m", "workcell_console.main", "compare", "--scenario", options.scenario]
    command += ["--duration", str(options.duration), "--seeds", str(options.seed), "--out", str(out_dir / "compare")]
    command += ["--robot", options.robot, "--station", options.station, "--boards", options.boards]
    with (out_dir / "compare.log").open("wb") as log:
        return children.start(command, log)


def _finish_comparison(process: subprocess.Popen[bytes] | None, out_dir: Path) -> Comparison | None:
    if process is None:
        return None
    print("waiting for the same shift with and without the policy in virtual time ...")
    if process.wait(COMPARE_TIMEOUT_S) != 0:
        print(f"the comparison failed; see {out_dir / 'compare.log'}", file=sys.stderr)
        return None
    data = json.loads((out_dir / "compare" / COMPARISON).read_text(encoding="utf-8"))
    return comparison_from_json(data)


def _tell_stopped(shift: ShiftOptions) -> None:
    results = read_results(shift.out_dir)
    if results is not None:
        print(f"until then: {_summary(results)}\nfigures: {shift.out_dir / RESULTS}")


def _finish(shift: ShiftOptions, results: dict[str, Any], comparison: Comparison | None) -> None:
    # Late: plotting takes its time to load, and a quiet run needs none.
    from workcell_console.report import write_report

    folders = {}
    if comparison is not None:
        base = shift.out_dir / "compare"
        folders = {name: base / f"seed-{shift.seed}-{name}" for name in ("policy", "fixed")}
    others = {name: found for name, folder in folders.items() if (found := read_results(folder)) is not None}
    path = write_report(shift, results, comparison, others)
    print(_summary(results))
    if comparison is not None:
        print(comparison.sentence())
    print(f"report: {path}")


def _summary(results: dict[str, Any]) -> str:
    summary = results["summary"]
    return (
        f"{summary['parts']:.0f} parts: {summary['good_parts']:.0f} good, {summary['reworked']:.0f} to rework, "
        f"{summary['rejected']:.0f} rejected, {summary['drops']:.0f} dropped, {summary['escapes']:.0f} escaped; "
        f"{summary['good_parts_per_hour']:.0f} good parts/h"
    )
