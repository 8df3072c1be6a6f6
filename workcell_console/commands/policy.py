"""`workcell policy status | promote | demote | rollback`: how far the running cell trusts its policy."""

from __future__ import annotations

import argparse
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from workcell_console.commands.graph import TIMEOUT_S
from workcell_console.runs import latest_run
from workcell_ros.errors import WorkcellError

TOLD = (
    "stage",
    "runs",
    "candidate_cycles",
    "champion_cycles",
    "gain_eur_per_cycle",
    "gain_low_eur_per_cycle",
    "gain_high_eur_per_cycle",
    "evidence_worse",
    "evidence_events",
    "evidence_escapes",
    "evidence_false_rejects",
    "evidence_not_worse",
    "shadow_gain",
)
TRUST = "policy: trust"
VERBS = {
    "status": "tell its stage of trust and how it compares",
    "promote": "ask for the next stage; who must approve that is in governance.yaml",
    "demote": "take it back one stage, with the last known good parameters",
    "rollback": "take it back to the shadow and bring the last known good parameters back at once",
}


def add(subparsers: Any) -> None:
    """Describes the command."""
    text = "see and change how far the running cell trusts its policy"
    parser = subparsers.add_parser("policy", help=text, description=text)
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    for verb, help_text in VERBS.items():
        one = verbs.add_parser(verb, help=help_text, description=help_text)
        one.add_argument("--run-dir", type=Path, help="folder of the run; default: the latest")
        one.set_defaults(run=_status if verb == "status" else _move, verb=verb)


def _status(options: argparse.Namespace) -> int:
    base, _ = _address(options)
    state = _ask(urllib.request.Request(f"{base}api/state"))
    row = state.get("statuses", {}).get(TRUST)
    if row is None:
        raise WorkcellError(f"{base}: nothing is told of a policy; is the cell running with policy:=off?")
    for key in TOLD:
        if value := row["values"].get(key, ""):
            print(f"{key:24s} {value}")
    if barred := row["values"].get("barred", ""):
        print(f"{'barred':24s} {barred}")
    for item in state.get("proposals", []):
        if item["outcome"] == "pending" and item["node"] == "policy":
            print(f"{'pending':24s} {json.dumps(item['parameters'])}: {item['reason']} (approve it on the page)")
    return 0


def _move(options: argparse.Namespace) -> int:
    base, token = _address(options)
    request = urllib.request.Request(
        f"{base}api/policy/{options.verb}", method="POST", headers={"X-Workcell-Token": token}
    )
    print(_ask(request)["message"])
    return 0


def _address(options: argparse.Namespace) -> tuple[str, str]:
    """Returns the page's address and the run's token."""
    folder = options.run_dir if options.run_dir is not None else latest_run()
    file = folder / "url"
    if not file.is_file():
        raise WorkcellError(f"{file}: this run serves no page; start one with `workcell run` or `workcell launch`")
    base, _, fragment = file.read_text(encoding="utf-8").strip().partition("#")
    return base, fragment.removeprefix("token=")


def _ask(request: urllib.request.Request) -> Any:
    """Returns what the cell answers.

    Raises:
        WorkcellError: no cell answers, or it says why it does not do it.
    """
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        raise WorkcellError(json.load(error)["message"]) from None
    except OSError as error:
        raise WorkcellError(f"{request.full_url}: the cell does not answer ({error}); is it running?") from None
