"""`workcell record`: a bag of the running ROS 2 cell, or of a shift of the embedded one."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from workcell_console.commands.limits import DURATION_MAX_S, DURATION_MIN_S, SEED_MAX, in_range
from workcell_console.runs import prepare, unused_name
from workcell_console.shift import ShiftOptions, check_shift, run_shift
from workcell_sim.embedded import activate

RAW_IMAGES = "camera/image_raw"


def add(subparsers: Any) -> None:
    """Describes the command."""
    text = "record a bag that `ros2 bag info` and `play` read"
    parser = subparsers.add_parser(
        "record",
        help=text,
        description=f"{text}: where a ROS 2 is sourced, of the cell that is running, until Ctrl-C; "
        "otherwise of a shift on virtual time. `workcell run --record` records a live run.",
    )
    parser.add_argument("--out", type=Path, help="folder for the bag (the bag is OUT/bag); default: a new one in out/")
    parser.add_argument("--storage", choices=("mcap", "sqlite3"), default="mcap", help="of the bag (default mcap)")
    parser.add_argument("--images", action="store_true", help="also record the camera's raw images (large)")
    parser.add_argument("--scenario", default="all_at_once", help="of the shift on virtual time")
    parser.add_argument("--duration", type=float, default=120.0, help="of the shift in seconds (default 120)")
    parser.add_argument("--seed", type=int, default=1, help="of everything random in that shift (default 1)")
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    out_dir = options.out if options.out is not None else unused_name("record")
    if activate():
        in_range("--duration", options.duration, DURATION_MIN_S, DURATION_MAX_S)
        in_range("--seed", options.seed, 0, SEED_MAX)
        arguments = {"record": options.storage, "record_images": str(options.images).lower()}
        shift = ShiftOptions(out_dir, options.scenario, options.duration, options.seed, arguments=arguments)
        check_shift(shift)
        prepare(out_dir)
        run_shift(shift)
    else:
        prepare(out_dir)
        _record_live(out_dir / "bag", options.storage, options.images)
    print(f"bag: {out_dir / 'bag'}")
    return 0


def _record_live(bag_dir: Path, storage: str, images: bool) -> None:
    from workcell_console.recorder_node import RecorderNode
    from workcell_ros.lifecycle import run_active

    print("recording until Ctrl-C", file=sys.stderr)
    arguments = ["-p", f"bag_dir:={bag_dir}", "-p", f"storage:={storage}"]
    if not images:
        arguments += ["-p", f"excluded_topics:=[{RAW_IMAGES}]"]
    run_active(RecorderNode, ["--ros-args", *arguments])
