"""`workcell replay BAG...`: would policy and governor decide the same again, and what would another policy earn?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import yaml

from workcell_console.replay import ReplayResult
from workcell_console.shift import SHARE_DIR, use_embedded
from workcell_console.trial import Trial, trial_of
from workcell_control.governance.rules import load_governance
from workcell_ros.errors import WorkcellError
from workcell_sim.embedded import activate

BAG = "bag"
DIFFERENCES_SHOWN = 50
EXIT_DIFFERENT = 1
RUNTIMES = ("virtual", "ros")


def add(subparsers: Any) -> None:
    """Describes the command."""
    text = "feed recorded bags to policy and governor and report every decision that differs from the recorded one"
    parser = subparsers.add_parser("replay", help=text, description=f"{text}; exits with 1 where any does")
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
        help="virtual: the embedded runtime; ros: the nodes on a sourced ROS 2, their clocks moved event by event",
    )
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    _take_runtime(options.runtime)
    from workcell_console.replay_node import replay

    trial = trial_of(options.policy) if options.policy else Trial()
    has_difference = False
    for given in options.bags:
        bag = bag_of(given)
        result = replay(bag, governance_file(bag, options.governance), trial, options.runtime)
        _tell(bag, result)
        has_difference |= bool(result.differences)
    return EXIT_DIFFERENT if has_difference else 0


def _take_runtime(runtime: str) -> None:
    if runtime == "virtual":
        use_embedded()
    elif activate():
        raise WorkcellError("--runtime ros needs a ROS 2: source its setup file first, or leave the option out")


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


def _tell(bag: Path, result: ReplayResult) -> None:
    proposals = sum(item.kind == "proposal" for item in result.recorded)
    verdicts = len(result.recorded) - proposals
    print(f"{bag}: {proposals} proposals and {verdicts} verdicts recorded, {len(result.differences)} differ")
    for difference in result.differences[:DIFFERENCES_SHOWN]:
        print(f"  {difference}")
    if len(result.differences) > DIFFERENCES_SHOWN:
        print(f"  and {len(result.differences) - DIFFERENCES_SHOWN} more")
