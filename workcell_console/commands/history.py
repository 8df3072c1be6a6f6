"""`workcell history`: asks what a historian wrote, while it writes or long after."""

from __future__ import annotations

import argparse
import datetime
import itertools
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table as TextTable

from workcell_console.runs import latest_run
from workcell_ros.errors import ConfigError, WorkcellError
from workcell_sensors.historian import queries
from workcell_sensors.historian.database import VARIABLE, load_database
from workcell_sensors.historian.export import WRITERS, export
from workcell_sensors.historian.history import History, Question, Span
from workcell_sensors.historian.schema import TABLES, Cell, Column, Row

STORE_FOLDER = "history"
ROWS_SHOWN = 1000
_TABLES = [name for name in TABLES if name not in ("readings", "cycles")]


def add(subparsers: Any) -> None:
    """Describes the command."""
    text = "ask what the historian wrote: readings, cycles, verdicts, audit"
    parser = subparsers.add_parser("history", help=text, description=text)
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    listed = _verb(verbs, "list", "list the tags that have readings", _list)
    listed.set_defaults(tags=[])
    readings = _verb(verbs, "readings", "readings of tags, each or as minimum, mean and maximum", _readings)
    readings.add_argument("tags", nargs="*", metavar="TAG", help="tags; all where none is named")
    readings.add_argument("--resolution", metavar="DURATION", help="one row per tag and interval, like 10s or 1h")
    cycles = _verb(verbs, "cycles", "one row per finished part, or of the shift's figures", _cycles)
    shift_text = "the shift's figures so far, in place of the parts'"
    cycles.add_argument("--shift", dest="scope", action="store_const", const="shift", default="cycle", help=shift_text)
    moves_text = "one row per move of the arm: times, tracking errors, peak current, torque margin, energy, vibration"
    _verb(verbs, "moves", moves_text, _cycles).set_defaults(scope="move")
    for name in _TABLES:
        _verb(verbs, name, TABLES[name].about, _rows).set_defaults(table=name)


def _verb(verbs: Any, name: str, text: str, run: Any) -> argparse.ArgumentParser:
    verb: argparse.ArgumentParser = verbs.add_parser(name, help=text, description=text)
    place = verb.add_mutually_exclusive_group()
    place.add_argument("--store", type=Path, metavar="FOLDER", help="Parquet store; default: that of the latest run")
    place.add_argument(
        "--database",
        nargs="?",
        const="",
        metavar="FILE",
        help=f"PostgreSQL, by the connection string in a file (mode 600) or in {VARIABLE}",
    )
    verb.add_argument("--schema", default="workcell", metavar="NAME", help="database schema; default: workcell")
    when = "ISO 8601 (UTC unless it says), or how long ago: 15min"
    verb.add_argument("--from", dest="begin", metavar="TIME", help=when)
    verb.add_argument("--to", dest="end", metavar="TIME", help="likewise; what is at this time is left out")
    endings = ", ".join(WRITERS)
    verb.add_argument("--out", type=Path, metavar="FILE", help=f"write all rows to a file instead: {endings}")
    verb.set_defaults(run=run)
    return verb


def _list(options: argparse.Namespace) -> int:
    return _answer(options, queries.tag_list(_span(options)))


def _readings(options: argparse.Namespace) -> int:
    span = _span(options)
    if options.resolution is None:
        return _answer(options, queries.readings(options.tags, span))
    resolution_ns = queries.parse_duration_ns(options.resolution, "--resolution")
    return _answer(options, queries.resampled(options.tags, span, resolution_ns))


def _cycles(options: argparse.Namespace) -> int:
    history = _open(options)
    try:
        question = queries.cycles(_span(options), options.scope)
        columns, rows = queries.pivot(row for portion in history.ask(question) for row in portion)
    finally:
        history.close()
    return _put(options, columns, [rows])


def _rows(options: argparse.Namespace) -> int:
    return _answer(options, queries.rows_of(TABLES[options.table], _span(options)))


def _answer(options: argparse.Namespace, question: Question) -> int:
    history = _open(options)
    try:
        return _put(options, question.columns, history.ask(question))
    finally:
        history.close()


def _put(options: argparse.Namespace, columns: Sequence[Column], portions: Iterable[Sequence[Row]]) -> int:
    if options.out is not None:
        rows = export(options.out, columns, portions)
        print(f"{rows} rows written to {options.out}")
        return 0
    _show(columns, (row for portion in portions for row in portion))
    return 0


def _show(columns: Sequence[Column], rows: Iterator[Row]) -> None:
    table = TextTable(box=None, pad_edge=False)
    for column in columns:
        is_number = column.kind.name != "TEXT"
        name = column.name.removesuffix("_ns") if column.name.endswith("_ns") else column.name
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    shown = 0
    for row in itertools.islice(rows, ROWS_SHOWN):
        table.add_row(*(_text(column, cell) for column, cell in zip(columns, row, strict=True)))
        shown += 1
    # A pipe gets every column in full; a person's terminal folds them.
    width = None if sys.stdout.isatty() else 10_000
    console = Console(width=width, markup=False, highlight=False, soft_wrap=not sys.stdout.isatty())
    console.print(table)
    if next(rows, None) is not None:
        print(f"the first {shown} rows; narrow --from and --to, or write all with --out FILE", file=sys.stderr)


def _text(column: Column, cell: Cell) -> str:
    if column.name.endswith("_ns"):
        seconds, ns = divmod(int(cell), 1_000_000_000)
        moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=seconds)
        return f"{moment.isoformat()}.{ns // 1_000_000:03d}Z"
    return f"{cell:.6g}" if isinstance(cell, float) else str(cell)


def _span(options: argparse.Namespace) -> Span:
    now_ns = time.time_ns()
    begin_ns = queries.parse_time_ns(options.begin, "--from", now_ns) if options.begin else None
    end_ns = queries.parse_time_ns(options.end, "--to", now_ns) if options.end else None
    if begin_ns is not None and end_ns is not None and begin_ns >= end_ns:
        raise ConfigError("command line", "--to", f"{options.end} is not after {options.begin}", "a later time")
    return Span(begin_ns, end_ns)


def _open(options: argparse.Namespace) -> History:
    try:
        if options.database is not None:
            from workcell_sensors.historian.postgres_history import PostgresHistory

            return PostgresHistory(load_database(options.database, os.environ), options.schema)
        from workcell_sensors.historian.parquet_history import ParquetHistory
    except ImportError as error:
        remedy = "workcell[postgres]" if error.name == "psycopg" else error.name
        raise WorkcellError(f"{error.name} is not installed; pip install '{remedy}'") from None
    return ParquetHistory(options.store if options.store is not None else latest_run() / STORE_FOLDER)
