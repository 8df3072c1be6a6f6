"""Runs several of the cell's nodes on one executor: `compose NODE [NODE ...] --ros-args ...`."""

from __future__ import annotations

import sys
from typing import Any

from rclpy.utilities import remove_ros_args

from workcell_ros.errors import WorkcellError
from workcell_ros.lifecycle import EXIT_CONFIG, run_nodes
from workcell_ros.registry import NODES


def main(args: list[str] | None = None) -> None:
    """Runs the nodes named on the command line; exits with code 2 on a name that is none."""
    argv = sys.argv if args is None else ["compose", *args]
    names = remove_ros_args(argv)[1:]
    try:
        classes = [_class_of(name) for name in names]
        if not classes:
            raise WorkcellError(f"no node named; valid: {', '.join(NODES)}")
    except WorkcellError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(EXIT_CONFIG) from None
    run_nodes(classes, args)


def _class_of(name: str) -> Any:
    if name not in NODES:
        raise WorkcellError(f"{name}: no such node; valid: {', '.join(NODES)}")
    return NODES[name].load_class()
