"""The embedded runtime's callbacks a second against real rclpy, the same program in the same run.

`python -m bench.runtime [--ros-setup FILE] [--seconds S] [--rounds N]`; FILE is a shell script that sources a
ROS 2. Without one, and where none is sourced, only the embedded runtime is measured, and that is said.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
from pathlib import Path

from bench.output import keep, show

PROGRAM = Path(__file__).parent / "programs" / "callbacks.py"
TARGET_RATIO = 5.0


def measure_embedded(seconds: float) -> dict[str, float]:
    """Runs the program on the embedded runtime."""
    environment = {**os.environ, "WORKCELL_RUNTIME": "embedded"}
    command = [sys.executable, "-m", "workcell_sim.embedded", "--quiet", str(PROGRAM), str(seconds)]
    return _last_line(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def measure_ros(setup: str, seconds: float) -> dict[str, float]:
    """Runs the program on the real rclpy that `setup` sources."""
    command = f"source {shlex.quote(setup)} && exec python3 {shlex.quote(str(PROGRAM))} {seconds}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    return _last_line(done.stdout)


def _last_line(text: str) -> dict[str, float]:
    figures: dict[str, float] = json.loads(text.strip().splitlines()[-1])
    return figures


def _median(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(item[name] for item in rounds) for name in rounds[0]}


def main() -> None:
    """Measures in turns, so that a noisy moment hits both."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ros-setup", default="", help="script that sources a ROS 2")
    parser.add_argument("--seconds", type=float, default=1.0, help="per measurement")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    embedded: list[dict[str, float]] = []
    ros: list[dict[str, float]] = []
    for _ in range(options.rounds):
        embedded.append(measure_embedded(options.seconds))
        if options.ros_setup:
            ros.append(measure_ros(options.ros_setup, options.seconds))
    ours = _median(embedded)
    theirs = _median(ros) if ros else {}
    rows: list[list[object]] = [
        [name, ours[name], theirs.get(name, "not measured"), ours[name] / theirs[name] if theirs else "-"]
        for name in ours
    ]
    show("callbacks a second, median", ["what", "embedded", "real rclpy", "ratio"], rows)
    if not theirs:
        print("no ROS 2 was named (--ros-setup): the ratio was not measured")
    keep("runtime", {"embedded": ours, "rclpy": theirs, "rounds": options.rounds, "target_ratio": TARGET_RATIO})


if __name__ == "__main__":
    main()
