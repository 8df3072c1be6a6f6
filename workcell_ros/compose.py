"""Runs several of the cell's nodes on one executor: `compose NODE [NODE ...] --ros-args ...`."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any

from rclpy.utilities import remove_ros_args

from workcell_ros.lifecycle import EXIT_CONFIG, run_nodes
from workcell_ros.registry import NODES


def main(args: list[str] | None = None) -> None:
    """Runs the nodes named on the command line; exits with code 2 on a name that is none."""
    argv = sys.argv if args is None else ["compose", *args]
    names = remove_ros_args(argv)[1:]
    unknown = [name for name in names if name not in NODES]
    if unknown or not names:
        problem = f"{unknown[0]}: no such node" if unknown else "no node named"
        print(f"error: {problem}; valid: {', '.join(NODES)}", file=sys.stderr)
        raise SystemExit(EXIT_CONFIG)
    # Imported late: a signal that comes during an import of seconds is noted as one in a run is.
    run_nodes([partial(_make, name) for name in names], args)


def _make(name: str) -> Any:
    return NODES[name].load_class()()
