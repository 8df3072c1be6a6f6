"""`workcell nodes | topics | echo TOPIC`: a look inside the running cell, through its console."""

from __future__ import annotations

import argparse
from typing import Any

import yaml

from workcell_console.commands.cell_page import WHERE, NothingYetError, add_where, page_of
from workcell_console.commands.limits import in_range

COUNT_MAX = 1_000_000
ON_ROS = "On a real ROS 2 `ros2 node` and `ros2 topic` show the same."


def add(subparsers: Any) -> None:
    """Describes the commands."""
    for name, run, text in (
        ("nodes", _nodes, "list the nodes of the running cell"),
        ("topics", _topics, "list its topics with type, publishers and subscribers"),
        ("echo", _echo, "print messages of a topic"),
    ):
        parser = subparsers.add_parser(name, help=text, description=f"{text}. {' '.join(WHERE.split())} {ON_ROS}")
        if name == "echo":
            parser.add_argument("topic")
            parser.add_argument("-n", "--count", type=int, default=0, help="stop after this many; default: go on")
        if name == "nodes":
            how = "write docs/nodes.md and security/policy.xml from a cell that is run in virtual time for it"
            parser.add_argument("--docs", action="store_true", help=how)
        add_where(parser)
        parser.set_defaults(run=run)


def _nodes(options: argparse.Namespace) -> int:
    if options.docs:
        # Late: only this needs the nodes themselves.
        from workcell_console.commands.node_docs import write

        print("\n".join(f"written: {path}" for path in write()))
        return 0
    for name in page_of(options).ask("api/graph/nodes"):
        print(name)
    return 0


def _topics(options: argparse.Namespace) -> int:
    for row in page_of(options).ask("api/graph/topics"):
        print(f"{row['name']:60s} {', '.join(row['types']):50s} {row['publishers']} -> {row['subscribers']}")
    return 0


def _echo(options: argparse.Namespace) -> int:
    in_range("--count", options.count, 0, COUNT_MAX)
    page = page_of(options)
    shown = 0
    while options.count == 0 or shown < options.count:
        try:
            message = page.ask("api/graph/echo", name=options.topic)
        except NothingYetError:
            continue
        print(yaml.safe_dump(message, sort_keys=False), end="---\n", flush=True)
        shown += 1
    return 0
