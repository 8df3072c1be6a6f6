"""Live progress of a run in the terminal, read from the file the console node keeps."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

PERIOD_S = 0.5
LINE_EVERY_S = 5.0
"""Where the output is no terminal, one line this often."""


class Progress:
    """Shows the newest summary until left. Runs in a thread of the command, outside the cell's own time."""

    def __init__(self, live_file: Path, url_file: Path, duration_s: float) -> None:
        self._live_file = live_file
        self._url_file = url_file
        self._duration_s = duration_s
        # The stream as it is now: while the cell runs, the runtime puts the nodes' own in its place.
        self._console = Console(file=sys.stderr)
        self._ended = threading.Event()
        self._has_url = False
        self._thread = threading.Thread(target=self._run, name="workcell-progress", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        if self._console.is_terminal:
            with Live(console=self._console, refresh_per_second=4) as live:
                while not self._ended.wait(PERIOD_S):
                    self._say_url()
                    live.update(self._table(self._read()))
            return
        while not self._ended.wait(LINE_EVERY_S):
            self._say_url()
            picture = self._read()
            if picture:
                self._console.print(self._line(picture), highlight=False, soft_wrap=True)

    def _read(self) -> dict[str, Any]:
        if not self._live_file.is_file():
            return {}
        picture: dict[str, Any] = json.loads(self._live_file.read_text(encoding="utf-8"))
        return picture

    def _say_url(self) -> None:
        if not self._has_url and self._url_file.is_file():
            self._has_url = True
            url = self._url_file.read_text(encoding="utf-8")
            self._console.print(f"page: {url}", highlight=False, soft_wrap=True)

    def _line(self, picture: dict[str, Any]) -> str:
        return (
            f"{picture['elapsed_s']:5.0f}/{self._duration_s:.0f} s  {picture['state']:9s} "
            f"{picture['good_parts']:.0f} good, {picture['reworked'] + picture['rejected']:.0f} out, "
            f"{picture['drops']:.0f} dropped, {picture['good_parts_per_hour']:.0f} good/h"
        )

    def _table(self, picture: dict[str, Any]) -> Table:
        table = Table.grid(padding=(0, 2))
        if not picture:
            table.add_row("bringing the cell up ...")
            return table
        table.add_row("shift", f"{picture['elapsed_s']:.0f} of {self._duration_s:.0f} s")
        table.add_row("cell", " ".join((picture["state"], picture["reason"])))
        table.add_row("parts", self._line(picture).partition("  ")[2])
        for node, values in picture["parameters"].items():
            table.add_row(node, "  ".join(f"{name} {value:.4g}" for name, value in values.items()))
        return table
