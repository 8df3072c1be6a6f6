"""`workcell policy status | promote | demote | rollback`: how far the running cell trusts its policy."""

from __future__ import annotations

import argparse
import json
from typing import Any

from workcell_console.commands.cell_page import add_where, page_of
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
    "evidence_worse_sound",
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
        add_where(one)
        one.set_defaults(run=_status if verb == "status" else _move, verb=verb)


def _status(options: argparse.Namespace) -> int:
    page = page_of(options)
    state = page.ask("api/state")
    row = state.get("statuses", {}).get(TRUST)
    if row is None:
        raise WorkcellError(f"{page.address}: nothing is told of a policy; is the cell running with policy:=off?")
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
    print(page_of(options).order(f"api/policy/{options.verb}")["message"])
    return 0
