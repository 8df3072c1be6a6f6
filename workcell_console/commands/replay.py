"""`workcell replay BAG`: would policy and governor decide the same again?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from workcell_console.shift import SHARE_DIR, use_embedded
from workcell_control.governance.rules import load_governance
from workcell_ros.plan import read_params_file

BAG = "bag"
DIFFERENCES_SHOWN = 50
EXIT_DIFFERENT = 1


def add(subparsers: Any) -> None:
    """Describes the command."""
    text = "feed a recorded bag to policy and governor and report every decision that differs from the recorded one"
    parser = subparsers.add_parser("replay", help=text, description=f"{text}; exits with 1 where any does")
    parser.add_argument("bag", type=Path, help="bag directory or file, or the folder of a run that recorded one")
    parser.add_argument("--policy", choices=("reflex", "fixed"), default="", help="try another policy")
    parser.add_argument(
        "--governance", type=Path, metavar="FILE", help="the rules to judge by; default: those of the bag's run"
    )
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    use_embedded()
    from workcell_console.replay_node import replay

    bag = options.bag / BAG if (options.bag / BAG).is_dir() else options.bag
    result = replay(bag, _governance_file(options, bag), options.policy)
    proposals = sum(item.kind == "proposal" for item in result.recorded)
    verdicts = len(result.recorded) - proposals
    print(f"{bag}: {proposals} proposals and {verdicts} verdicts recorded, {len(result.differences)} differ")
    for difference in result.differences[:DIFFERENCES_SHOWN]:
        print(f"  {difference}")
    if len(result.differences) > DIFFERENCES_SHOWN:
        print(f"  and {len(result.differences) - DIFFERENCES_SHOWN} more")
    return EXIT_DIFFERENT if result.differences else 0


def _governance_file(options: argparse.Namespace, bag: Path) -> Path:
    """Returns the rules asked for, or those the bag's run was given, or those that ship."""
    if options.governance is not None:
        load_governance(options.governance)
        return Path(options.governance)
    params = bag.absolute().parent / "params.yaml"
    if params.is_file():
        recorded = Path(read_params_file(params).get("governor", {}).get("governance_file", ""))
        if recorded.is_file():
            return recorded
    return SHARE_DIR / "config" / "governance.yaml"
