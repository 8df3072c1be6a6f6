"""Moves under a random speed profile, cancels, protective stops and driver restarts: aborts, limits, parts.

`python -m bench.execution [--moves N] [--cancels N] [--stops N] [--restarts N] [--seed S] [--ros-setup FILE]`

Without `--ros-setup` the whole cell runs on the embedded runtime in virtual time with the kinematic arm. The speed
slider of the arm and the cell's `speed_override` step at random between 0 and 100 %; a cancel is a stop of the cell and
a start soon after. Limits are those of the arm's file; every reference of the arm's controller is looked at,
20 ms apart, jerk by differences of acceleration.

With `--ros-setup` the same executor runs against the real joint_trajectory_controller of ros2_control with mock
hardware under the ROS 2 that FILE sets up; its `controller_state` is looked at.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.output import keep, show


def main() -> int:
    """Runs the exercise and prints what came of it; 1 where anything was not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m bench.execution", description=__doc__.splitlines()[0])
    parser.add_argument("--moves", type=int, default=200)
    parser.add_argument("--cancels", type=int, default=50)
    parser.add_argument("--stops", type=int, default=50)
    parser.add_argument("--restarts", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ros-setup", type=Path, help="setup file of a ROS 2 with ros2_control and its controllers")
    given = parser.parse_args()
    if given.ros_setup is not None:
        return _under_ros(given)
    from bench.execution.embedded import Plan, run

    plan = Plan(given.moves, given.cancels, given.stops, given.restarts, given.seed)
    begin_s = time.process_time()
    with tempfile.TemporaryDirectory(prefix="workcell-execution-") as folder:
        figures = run(plan, Path(folder))
    figures["cpu_s"] = time.process_time() - begin_s
    rows: list[list[object]] = [[name, str(value)] for name, value in figures.items()]
    show("Execution in the embedded world", ["figure", "value"], rows)
    keep("execution", figures)
    is_bad = figures["ended early without a named reason"] or figures["lost parts"]
    return int(bool(is_bad or any(figures["samples beyond the limit"].values())))


def _under_ros(given: argparse.Namespace) -> int:
    command = '. "$1" && shift && exec "$@"'
    worker = [sys.executable, "-m", "bench.execution.real", str(given.moves), str(given.cancels), str(given.restarts)]
    return subprocess.run(
        ["bash", "-c", command, "bash", str(given.ros_setup), *worker, str(given.seed)], check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
