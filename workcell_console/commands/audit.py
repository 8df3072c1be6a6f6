"""`workcell audit verify FILE`: checks the chain of an audit log."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from workcell_console.runs import latest_run
from workcell_control.governance.audit import read, verify


def add(subparsers: Any) -> None:
    """Describes the command."""
    parser = subparsers.add_parser("audit", help="check or show the audit log of governed changes")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    for name, run, text in (
        ("verify", _verify, "check every row's hash against the chain"),
        ("show", _show, "print the rows, checked"),
    ):
        verb = verbs.add_parser(name, help=text, description=text)
        verb.add_argument("file", nargs="?", type=Path, help="audit.jsonl; default: that of the latest run")
        verb.set_defaults(run=run)


def _verify(options: argparse.Namespace) -> int:
    path = _file(options)
    summary = verify(path)
    counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(summary.outcomes.items()))
    print(f"{path}: {summary.rows} rows, chain intact ({counts or 'empty'})")
    print(f"last hash {summary.last_hash}")
    return 0


def _show(options: argparse.Namespace) -> int:
    for row in read(_file(options)):
        parameters = " ".join(f"{name}={value:g}" for name, value in row.get("parameters", {}).items())
        line = (
            f"{row['sequence']:5d} {row['stamp_ns'] / 1e9:.3f} {row.get('outcome', ''):10s} {row.get('node', ''):11s}"
        )
        print(f"{line} {parameters} [{row.get('actor', '')}] {row.get('reason', '')}")
    return 0


def _file(options: argparse.Namespace) -> Path:
    return options.file if options.file is not None else latest_run() / "audit.jsonl"
