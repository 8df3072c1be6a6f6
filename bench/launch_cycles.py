"""Starts and ends the whole cell again and again: exit codes, processes left behind, file descriptors left open.

`python -m bench.launch_cycles [--cycles 100] [--ros-setup FILE] [--seconds-max S]`. On the embedded runtime one
process launches all cycles, so that a descriptor that one leaves open shows in the next; on ROS 2 every cycle is a
`ros2 launch`, ended by SIGINT once all nodes are active, and what it leaves behind is looked for.
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from bench.output import keep, show
from bench.process_tree import descendants, hear_interrupts, open_files

ACTIVE = "the cell is active"
START_S = 180.0
STOP_S = 90.0
POLL_S = 0.2
WARM_UP_CYCLES = 3
"""What is imported or cached on first use is there after these."""


def embedded_cycles(cycles: int, seconds_max: float) -> dict[str, object]:
    """Launches the cell in this process, in virtual time, until it has run for some seconds of its own clock."""
    from workcell_console.shift import SHARE_DIR, use_embedded

    use_embedded()
    from workcell_ros.launching import LaunchRun
    from workcell_sim.embedded._kernel import Kernel

    codes: Counter[int] = Counter()
    files: list[int] = []
    begun_s = time.monotonic()
    for _ in range(cycles):
        with tempfile.TemporaryDirectory(prefix="workcell-cycles-") as folder, Kernel(clock="virtual"):
            arguments = {"out_dir": folder, "transport": "memory", "page": "false", "twin": "false"}
            arguments |= {"log_level": "error", "duration_s": "4"}
            run = LaunchRun(SHARE_DIR / "launch" / "cell.launch.py", arguments, duration_s=4.0)
            codes[run.run()] += 1
        files.append(open_files(os.getpid()))
        if time.monotonic() - begun_s > seconds_max:
            break
    settled = files[min(WARM_UP_CYCLES, len(files)) - 1]
    return {
        "cycles": len(files),
        "exit codes": dict(codes),
        "processes left": len(descendants(os.getpid())) - 1,
        "file descriptors more than after the first cycles": files[-1] - settled,
    }


def ros_cycles(setup: str, cycles: int, seconds_max: float) -> dict[str, object]:
    """Launches the cell with `ros2 launch`, and ends it once it is active."""
    codes: Counter[int] = Counter()
    died: Counter[str] = Counter()
    left, made, before = 0, 0, _shared_memory()
    begun_s = time.monotonic()
    while made < cycles and time.monotonic() - begun_s < seconds_max:
        with tempfile.TemporaryDirectory(prefix="workcell-cycles-") as folder:
            code, remaining, log = _one_launch(setup, Path(folder))
        codes[code] += 1
        left += len(remaining)
        died.update(line for line in log.splitlines() if "process has died" in line or "escalating" in line)
        made += 1
    return {
        "cycles": made,
        "exit codes": dict(codes),
        "processes that did not end by themselves": sum(died.values()),
        "processes left": left,
        "shared memory segments left": len(_shared_memory() - before),
    }


def _one_launch(setup: str, folder: Path) -> tuple[int, list[int], str]:
    """Returns the exit code, what still ran after the end, and what was logged."""
    words = ["ros2", "launch", "-n", "workcell", "cell.launch.py", "port:=0", "twin:=false", "page:=false"]
    words += [f"out_dir:={folder / 'out'}"]
    command = ["bash", "-c", f"source {shlex.quote(setup)} && exec {shlex.join(words)}"]
    log_file = folder / "log.txt"
    with log_file.open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        _until(lambda: ACTIVE in log_file.read_text() or process.poll() is not None, START_S)
        below = descendants(process.pid)
        process.send_signal(signal.SIGINT)
        code = process.wait(STOP_S)
    remaining = [pid for pid in below if Path(f"/proc/{pid}").exists() and pid != process.pid]
    return code, remaining, log_file.read_text()


def _until(is_so: Callable[[], bool], within_s: float) -> None:
    end_s = time.monotonic() + within_s
    while not is_so() and time.monotonic() < end_s:
        time.sleep(POLL_S)


def _shared_memory() -> set[str]:
    return set(os.listdir("/dev/shm"))


def main() -> int:
    """Runs the cycles; 1 where one ended otherwise than with 0, or left something."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cycles", type=int, default=100)
    parser.add_argument("--ros-setup", default="", help="script that sources a ROS 2 with this package built")
    parser.add_argument("--seconds-max", type=float, default=3600.0, help="no further cycle is begun after this time")
    options = parser.parse_args()
    hear_interrupts()
    name = "ros2" if options.ros_setup else "embedded"
    if options.ros_setup:
        figures = ros_cycles(options.ros_setup, options.cycles, options.seconds_max)
    else:
        figures = embedded_cycles(options.cycles, options.seconds_max)
    show(f"Launching and ending the cell, {name}", ["figure", "value"], [[k, str(v)] for k, v in figures.items()])
    keep(f"launch_cycles_{name}", figures)
    unwanted = sum(value for value in list(figures.values())[2:] if isinstance(value, int) and value > 0)
    return int(unwanted > 0 or figures["exit codes"] != {0: figures["cycles"]})


if __name__ == "__main__":
    sys.exit(main())
