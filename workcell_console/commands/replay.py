"""`workcell replay BAG...`: would policy and governor decide the same again, and what would another policy earn?"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from workcell_console.bag import BagReader
from workcell_console.expected import keep_excerpt, write_expected
from workcell_console.off_policy import report as off_policy
from workcell_console.off_policy.cycles import LoggedCycle, envelopes, logged_cycles
from workcell_console.replay import ReplayResult
from workcell_console.replay_lines import difference_lines
from workcell_console.shift import SHARE_DIR, use_embedded
from workcell_console.trial import Trial, trial_of
from workcell_control.governance.rules import load_governance
from workcell_control.policy.onnx_policy import OnnxPolicy
from workcell_control.policy.value import load_prices
from workcell_ros.errors import WorkcellError
from workcell_sim.embedded import activate

BAG = "bag"
LINES_SHOWN = 50
EXIT_DIFFERENT = 1
RUNTIMES = ("virtual", "ros", "bag_play")


def add(subparsers: Any) -> None:
    """Describes the command."""
    text = "feed recorded bags to policy and governor and report every decision that differs from the recorded one"
    codes = "exits with 1 where any does, with 2 where a bag or what is to be tried cannot be used"
    parser = subparsers.add_parser("replay", help=text, description=f"{text}; {codes}")
    parser.add_argument(
        "bags", type=Path, nargs="+", metavar="BAG", help="bag directory or file, or the folder of a run that has one"
    )
    parser.add_argument(
        "--policy", metavar="NEW", help="try another: a policy's name, an ONNX model, or a parameter file"
    )
    parser.add_argument(
        "--governance", type=Path, metavar="FILE", help="the rules to judge by; default: those of the bag's run"
    )
    parser.add_argument(
        "--runtime",
        choices=RUNTIMES,
        default="virtual",
        help="virtual: the embedded runtime; ros: the nodes on a sourced ROS 2, their clocks moved event by event; "
        "bag_play: running nodes of a sourced ROS 2, told by `ros2 bag play --clock`",
    )
    parser.add_argument(
        "--prices",
        type=Path,
        metavar="FILE",
        default=SHARE_DIR / "config" / "value.yaml",
        help="what parts, energy and errors are worth; default: config/value.yaml",
    )
    parser.add_argument(
        "--expect",
        type=Path,
        metavar="FOLDER",
        help="keep what a replay needs of the bag in FOLDER, with the decisions made now: for the regression suite",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="with --policy: every cycle, as JSON")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    trial = _checked(options)
    _take_runtime(options.runtime)
    from workcell_console.off_policy_node import CycleReader
    from workcell_console.recording_node import Recording
    from workcell_console.replay_node import replay_recording

    if options.expect is not None:
        return _expect(options)
    prices = load_prices(options.prices)
    has_difference = False
    bags: list[tuple[str, int, Sequence[LoggedCycle]]] = []
    for number, given in enumerate(options.bags):
        bag = bag_of(given)
        recording = Recording(bag)
        result = replay_recording(recording, governance_file(bag, options.governance), trial, options.runtime)
        _tell(bag, recording.start_ns, result)
        has_difference |= bool(result.differences)
        if options.policy:
            raw = CycleReader(recording, result.changes).read()
            bags.append((str(bag), recording.start_ns, logged_cycles(number, recording.start_ns, raw, prices)))
    if options.policy:
        _tell_worth(trial.name, bags, options)
    return EXIT_DIFFERENT if has_difference else 0


def _checked(options: argparse.Namespace) -> Trial:
    """Opens all that will be read, so that what is wrong is said before the first bag is played."""
    if options.expect is not None and (len(options.bags) > 1 or options.policy):
        raise WorkcellError("--expect keeps one bag and what the recorded policy decides: name no other, and no policy")
    for given in options.bags:
        with BagReader(bag_of(given)):
            pass
    trial = trial_of(options.policy) if options.policy else Trial()
    model = trial.values.get("policy", {}).get("policy_file")
    if model:
        OnnxPolicy(model, load_governance(options.governance or SHARE_DIR / "config" / "governance.yaml"))
    return trial


def _expect(options: argparse.Namespace) -> int:
    """Keeps a bag and what is decided on it now, for the regression suite."""
    from workcell_console.recording_node import NEEDED
    from workcell_console.replay_node import replay

    kept = keep_excerpt(bag_of(options.bags[0]), options.expect, NEEDED)
    result = replay(kept, governance_file(kept, options.governance))
    write_expected(options.expect, result.replayed)
    size_kb = sum(file.stat().st_size for file in options.expect.rglob("*") if file.is_file()) / 1e3
    print(f"{options.expect}: {len(result.replayed)} decisions expected, {size_kb:.0f} kB")
    return 0


def _tell_worth(policy: str, bags: list[tuple[str, int, Sequence[LoggedCycle]]], options: argparse.Namespace) -> None:
    """Says cycle by cycle where the other policy differs, and what it would have earned."""
    if not any(cycle.is_steady for _, _, cycles in bags for cycle in cycles):
        print("what it would have earned cannot be said: no cycle was recorded whole")
        return
    rules = load_governance(options.governance or SHARE_DIR / "config" / "governance.yaml")
    report = off_policy.compare(policy, bags, envelopes(rules))
    for bag in report.bags:
        print(f"{bag.name}: {off_policy.sentence(policy, bag.estimate)}")
        lines = list(off_policy.cycle_lines(bag))
        _print_some(lines)
    if len(report.bags) > 1:
        print(f"all {len(report.bags)} bags: {off_policy.sentence(policy, report.total)}")
    if options.out is not None:
        options.out.write_text(json.dumps(off_policy.to_json(report), indent=1), encoding="utf-8")
        print(f"all cycles in {options.out}")


def _take_runtime(runtime: str) -> None:
    if runtime == "virtual":
        use_embedded()
    elif activate():
        raise WorkcellError(f"--runtime {runtime} needs a ROS 2: source its setup file first, or leave the option out")


def bag_of(given: Path) -> Path:
    """Returns the bag that a bag or the folder of a run is, or has."""
    return given / BAG if (given / BAG).is_dir() else given


def governance_file(bag: Path, asked: Path | None = None) -> Path:
    """Returns the rules asked for, or those the bag's run was given, or those that ship.

    Raises:
        ConfigError: those asked for are wrong.
    """
    if asked is not None:
        load_governance(asked)
        return asked
    params = bag.absolute().parent / "params.yaml"
    if params.is_file():
        # Of a run that may be older than the parameters of today: only this one is of interest.
        blocks = yaml.safe_load(params.read_text(encoding="utf-8")) or {}
        governor = blocks.get("/**/governor", {}).get("ros__parameters", {})
        recorded = Path(governor.get("governance_file", ""))
        if recorded.is_file():
            return recorded
    return SHARE_DIR / "config" / "governance.yaml"


def _tell(bag: Path, start_ns: int, result: ReplayResult) -> None:
    proposals = sum(item.kind == "proposal" for item in result.recorded)
    verdicts = len(result.recorded) - proposals
    print(f"{bag}: {proposals} proposals and {verdicts} verdicts recorded, {len(result.differences)} differ")
    _print_some(list(difference_lines(result.differences, start_ns)))


def _print_some(lines: list[str]) -> None:
    for line in lines[:LINES_SHOWN]:
        print(f"  {line}")
    if len(lines) > LINES_SHOWN:
        print(f"  and {len(lines) - LINES_SHOWN} more")
