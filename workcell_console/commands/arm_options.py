"""Which arm a shift is run with: options that several commands share."""

from __future__ import annotations

import argparse

from workcell_console.cell_arguments import CellArguments, robots
from workcell_console.shift import SHARE_DIR


def add_arm(parser: argparse.ArgumentParser) -> None:
    """Describes `--robot` and `--station`, which are those of the launch file."""
    shipped = ", ".join(robots(SHARE_DIR))
    parser.add_argument(
        "--robot",
        default=CellArguments.robot,
        help=f"the arm: {shipped}, or a parameter file like those in urdf/ (default {CellArguments.robot})",
    )
    parser.add_argument(
        "--station", default="", metavar="FILE", help="station file; default: the arm's own, or config/station.yaml"
    )
