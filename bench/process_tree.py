"""Processor time, descendants and open files of processes, from /proc (Linux)."""

from __future__ import annotations

import os
import signal
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_COMPOSE = "compose"


def descendants(pid: int) -> list[int]:
    """Returns the process and all below it that run now."""
    found, todo = [], [pid]
    while todo:
        current = todo.pop()
        found.append(current)
        try:
            for thread in Path(f"/proc/{current}/task").iterdir():
                todo += map(int, (thread / "children").read_text().split())
        except OSError:
            continue  # it has ended
    return found


def cpu_by_name(pid: int) -> dict[str, float]:
    """Returns the processor time in [s] that each process below `pid` has used, by its name."""
    used: dict[str, float] = {}
    for each in descendants(pid):
        try:
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
            words = Path(f"/proc/{each}/cmdline").read_text().split("\0")
        except OSError:
            continue
        name = _name(words)
        used[name] = used.get(name, 0.0) + (int(fields[11]) + int(fields[12])) / TICKS_PER_S
    return used


def hear_interrupts() -> None:
    """Has the process hear SIGINT: one that was started in the background of a shell inherits deaf ears."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def open_files(pid: int) -> int:
    """Returns how many file descriptors a process has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def _name(words: list[str]) -> str:
    """A node's process by its nodes, others by their program."""
    programs = [Path(word).name for word in words if word]
    if _COMPOSE in programs[:3]:
        nodes = programs[programs.index(_COMPOSE) + 1 : programs.index("--ros-args")]
        return ", ".join(nodes)
    if programs and programs[0].startswith("python") and len(programs) > 1:
        return "launch" if programs[1] in ("ros2", "-m") else programs[1]
    return programs[0] if programs else "ended"
