"""`workcell nodes | topics | echo TOPIC`: a look inside the running cell, through its console."""

from __future__ import annotations

import argparse
import json
import urllib.error
import urllib.parse
import urllib.request
from http import HTTPStatus
from pathlib import Path
from typing import Any

import yaml

from workcell_console.runs import latest_run
from workcell_ros.errors import WorkcellError

TIMEOUT_S = 15.0
WHERE = """
The cell is asked through its page: that of the latest run in this folder (out/latest), or the one that --run-dir or
--page names. A run in virtual time serves no page. On a real ROS 2 `ros2 node` and `ros2 topic` show the same.
"""


def add(subparsers: Any) -> None:
    """Describes the commands."""
    for name, run, text in (
        ("nodes", _nodes, "list the nodes of the running cell"),
        ("topics", _topics, "list its topics with type, publishers and subscribers"),
        ("echo", _echo, "print messages of a topic"),
    ):
        parser = subparsers.add_parser(name, help=text, description=f"{text}. {' '.join(WHERE.split())}")
        if name == "echo":
            parser.add_argument("topic")
            parser.add_argument("-n", "--count", type=int, default=0, help="stop after this many; default: go on")
        if name == "nodes":
            how = "write docs/nodes.md and security/policy.xml from a cell that is run in virtual time for it"
            parser.add_argument("--docs", action="store_true", help=how)
        add_where(parser)
        parser.set_defaults(run=run)


def add_where(parser: argparse.ArgumentParser) -> None:
    """Lets a command say which cell `ask` asks."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--run-dir", type=Path, help="folder of the cell's run; default: out/latest")
    where.add_argument("--page", metavar="URL", default="", help="address of a running cell's page, as it was printed")


def _nodes(options: argparse.Namespace) -> int:
    if options.docs:
        # Late: only this needs the nodes themselves.
        from workcell_console.commands.node_docs import write

        print("\n".join(f"written: {path}" for path in write()))
        return 0
    for name in ask(options, "nodes"):
        print(name)
    return 0


def _topics(options: argparse.Namespace) -> int:
    for row in ask(options, "topics"):
        print(f"{row['name']:60s} {', '.join(row['types']):50s} {row['publishers']} -> {row['subscribers']}")
    return 0


def _echo(options: argparse.Namespace) -> int:
    shown = 0
    while options.count == 0 or shown < options.count:
        message = ask(options, "echo", name=options.topic)
        if message is not None:
            print(yaml.safe_dump(message, sort_keys=False), end="---\n", flush=True)
            shown += 1
    return 0


def ask(options: argparse.Namespace, what: str, **query: str) -> Any:
    """Returns what the console of the run answers; None where the topic said nothing yet.

    Raises:
        WorkcellError: no cell answers, or it says why it cannot.
    """
    base = _address(options)
    url = f"{base}api/graph/{what}?{urllib.parse.urlencode(query)}"
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:
        if what == "echo" and error.code == HTTPStatus.GATEWAY_TIMEOUT:
            return None
        raise WorkcellError(json.load(error)["message"]) from None
    except (OSError, ValueError) as error:
        raise WorkcellError(f"{base}: the cell does not answer ({error}); is it running?") from None


def _address(options: argparse.Namespace) -> str:
    page: str = options.page
    if page:
        # What follows the # is the key to answer for a person; a look needs none.
        return page.partition("#")[0].rstrip("/") + "/"
    folder = options.run_dir if options.run_dir is not None else latest_run()
    file = folder / "url"
    if not file.is_file():
        raise WorkcellError(f"{file}: this run serves no page; start one with `workcell run` or `workcell launch`")
    return file.read_text(encoding="utf-8").partition("#")[0]
