"""How benchmarks print and keep their figures."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

OUT = Path("out/bench")
PIPE_COLUMNS = 200
"""Width where the output is no terminal: a table in a file is to be whole."""


def show(title: str, columns: list[str], rows: list[list[object]]) -> None:
    """Prints a table."""
    table = Table(title=title)
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index == 0 else "right")
    for row in rows:
        table.add_row(*(f"{cell:,.4g}" if isinstance(cell, float) else str(cell) for cell in row))
    console = Console()
    if not console.is_terminal:
        console = Console(width=PIPE_COLUMNS)
    console.print(table)


def keep(name: str, figures: dict[str, Any]) -> Path:
    """Writes figures to `out/bench/NAME.json`, with what they were measured on, and returns the path."""
    OUT.mkdir(parents=True, exist_ok=True)
    machine = {"python": platform.python_version(), "machine": platform.machine(), "cores": os.cpu_count()}
    path = OUT / f"{name}.json"
    path.write_text(json.dumps({"machine": machine, **figures}, indent=1), encoding="utf-8")
    print(f"figures in {path}")
    return path
