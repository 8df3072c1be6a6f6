"""Live progress of a run in the terminal, read from the file the console node keeps."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TextIO

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from workcell_console.quiet import LogTail

PERIOD_S = 0.5
LINE_EVERY_S = 5.0
"""Where the output is no terminal, one line this often."""
NOTABLE = re.compile(r"\[(WARN|WARNING|ERROR|FATAL)\]|^scenario: ")
"""Lines of the log that are shown too."""
BAR_WIDTH = 40
UNITS = {
    "speed_scale": ("speed", 100.0, "%"),
    "acceleration_scale": ("acceleration", 100.0, "%"),
    "jerk_scale": ("jerk", 100.0, "%"),
    "part_acceleration_max_m_s2": ("part acceleration", 1.0, "m/s^2"),
    "grip_vacuum_pa": ("grip", 1e-3, "kPa"),
    "grip_dwell_s": ("dwell", 1e3, "ms"),
    "settle_s": ("settling", 1e3, "ms"),
    "exposure_s": ("exposure", 1e3, "ms"),
}
"""Name, scale and unit in which a person reads a parameter."""


@dataclass(frozen=True)
class Watched:
    """The files of a run that progress is read from."""

    live_file: Path
    url_file: Path
    log_file: Path
    duration_s: float


class Progress:
    """Shows the newest summary until left. Runs in a thread of the command, outside the cell's own time."""

    def __init__(self, watched: Watched, terminal: TextIO) -> None:
        self._watched = watched
        self._log = LogTail(watched.log_file)
        self._console = Console(file=terminal, highlight=False, soft_wrap=True)
        self._ended = threading.Event()
        self._has_url = False
        self._thread = threading.Thread(target=self._run, name="workcell-progress", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._ended.set()
        self._thread.join()
        self._say_news()

    def _run(self) -> None:
        if self._console.is_terminal:
            with Live(
                console=self._console, transient=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
            ) as live:
                while not self._ended.wait(PERIOD_S):
                    self._say_news()
                    live.update(picture_table(self._read(), self._watched.duration_s), refresh=True)
            return
        while not self._ended.wait(LINE_EVERY_S):
            self._say_news()
            picture = self._read()
            if picture:
                self._console.print(picture_line(picture, self._watched.duration_s))

    def _read(self) -> dict[str, Any]:
        if not self._watched.live_file.is_file():
            return {}
        picture: dict[str, Any] = json.loads(self._watched.live_file.read_text(encoding="utf-8"))
        return picture

    def _say_news(self) -> None:
        if not self._has_url and self._watched.url_file.is_file():
            self._has_url = True
            self._console.print(f"page: {self._watched.url_file.read_text(encoding='utf-8')}", markup=False)
        for line in self._log.lines():
            if NOTABLE.search(line):
                self._console.print(line, markup=False)


def picture_line(picture: dict[str, Any], duration_s: float) -> str:
    """Returns a summary as one line."""
    waits = f", {len(picture['pending'])} waiting for you" if picture["pending"] else ""
    return f"{picture['elapsed_s']:5.0f}/{duration_s:.0f} s  {picture['state']:9s} {_parts(picture)}{waits}"


def picture_table(picture: dict[str, Any], duration_s: float) -> Table:
    """Returns a summary as a few calm lines."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    if not picture:
        table.add_row("cell", "coming up ...")
        return table
    bar = Table.grid(padding=(0, 2))
    bar.add_row(
        ProgressBar(total=duration_s, completed=picture["elapsed_s"], width=BAR_WIDTH),
        f"{picture['elapsed_s']:.0f} of {duration_s:.0f} s",
    )
    table.add_row("shift", bar)
    table.add_row("cell", _state(picture))
    table.add_row("parts", _parts(picture))
    table.add_row("robot", _parameters(picture["parameters"]))
    for waiting in picture["pending"]:
        wish = _parameters({waiting["node"]: waiting["parameters"]})
        table.add_row("[bold yellow]you[/]", f"[bold yellow]approve or reject on the page: {wish}[/]")
    return table


def _state(picture: dict[str, Any]) -> str:
    colour = {"hold": "bold red", "stopped": "bold red", "recover": "yellow"}.get(picture["state"], "green")
    reason = str(picture["reason"]).replace("[", r"\[")
    return f"[{colour}]{picture['state']}[/] {reason}".rstrip()


def _parts(picture: dict[str, Any]) -> str:
    return (
        f"{picture['good_parts']:.0f} good, {picture['reworked']:.0f} to rework, {picture['rejected']:.0f} rejected, "
        f"{picture['drops']:.0f} dropped, {picture['good_parts_per_hour']:.0f} good/h"
    )


def _parameters(values: dict[str, dict[str, float]]) -> str:
    shown = []
    for block in values.values():
        for name, value in block.items():
            label, scale, unit = UNITS.get(name, (name, 1.0, ""))
            shown.append(f"{label} {value * scale:.3g} {unit}".rstrip())
    return "  ".join(shown)
