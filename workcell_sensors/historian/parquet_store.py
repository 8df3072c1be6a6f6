"""Parquet files as the store: nothing to install or to run, readable by any tool while the cell writes."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from workcell_ros.errors import ConfigError
from workcell_sensors.historian.parquet_layout import (
    DataFile,
    all_files,
    current,
    day_name,
    days_of,
    file_name,
    to_merge,
)
from workcell_sensors.historian.records import Batch, by_day
from workcell_sensors.historian.schema import DAY_NS, SCHEMA_VERSION, TABLES, Column, Kind, Row, Table
from workcell_sensors.historian.store import StoreDownError

SCHEMA_FILE = "schema.json"
LOCK_FILE = ".lock"
SPILL_DIR = ".spill"
"""Where a merge puts what does not fit in memory."""
CLOSED_DAY_FILES = 2
"""From how many files on a day that is over is merged."""
MEMORY_MAX = "512MB"
_DTYPES: dict[Kind, Any] = {Kind.INT: np.int64, Kind.SMALL: np.int16, Kind.REAL: np.float64, Kind.TEXT: object}


class ParquetStore:
    """Writes batches as Parquet files below a folder; one process at a time may.

    Args:
        folder: made where it is missing.
        retention_days: whole days that are kept besides today; 0 keeps all.

    Raises:
        ConfigError: the folder cannot be used, another process writes it, or a newer version wrote it.
    """

    def __init__(self, folder: str | Path, retention_days: int = 0) -> None:
        self._folder = Path(folder)
        self._retention_days = retention_days
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock = (self._folder / LOCK_FILE).open("w")
            # A lock of the process: a node that died within it must not keep the next one out.
            fcntl.lockf(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(folder, "store_dir", "another historian writes it", "a folder of its own") from None
        except OSError as error:
            raise ConfigError(folder, "store_dir", str(error), "a folder that can be written") from None
        check_version(self._folder)
        self._sweep()
        self._last: dict[tuple[str, int], int] = {}

    def last_number(self) -> int:
        """Returns the highest number in any file's name."""
        files = (file for name in TABLES for path in days_of(self._folder / name).values() for file in all_files(path))
        return max((file.last for file in files), default=0)

    def write(self, batch: Batch) -> None:
        """Writes one file for each table and day of the batch that has none yet."""
        with self._told():
            self._mark_version()
            for table, _ in batch.by_table():
                # By record, for what a kill left unwritten is told by number.
                days = {day for record in batch.records if record.table == table.name for day in by_day(record.rows)}
                for day in sorted(days):
                    self._write_day(table, day, batch)

    def maintain(self, now_ns: int) -> None:
        """Merges small files and removes days past their retention."""
        today = now_ns // DAY_NS
        with self._told():
            for name, table in TABLES.items():
                for day, path in days_of(self._folder / name).items():
                    if self._retention_days and day < today - self._retention_days:
                        shutil.rmtree(path)
                    else:
                        self._merge_day(table, path, is_over=day < today)

    def abandon(self) -> None:
        """Does nothing: a disk answers in its time, and half a file would have to be written again."""

    def close(self) -> None:
        """Gives up the lock."""
        self._lock.close()

    def _write_day(self, table: Table, day: int, batch: Batch) -> None:
        done = self._last_written(table, day)
        rest = batch.after(done)
        rows = [
            row
            for record in (rest.records if rest is not None else ())
            if record.table == table.name
            for row in record.rows
            if int(row[0]) // DAY_NS == day
        ]
        if rest is None or not rows:
            return
        target = self._day_dir(table, day) / file_name(rest.first, rest.last)
        self._put(target, select_given(table.columns), table, as_arrays(table.columns, rows))
        self._last[table.name, day] = rest.last

    def _last_written(self, table: Table, day: int) -> int:
        place = (table.name, day)
        if place not in self._last:
            self._last[place] = max((file.last for file in all_files(self._day_dir(table, day))), default=0)
        return self._last[place]

    def _day_dir(self, table: Table, day: int) -> Path:
        return self._folder / table.name / day_name(day)

    def _merge_day(self, table: Table, day_dir: Path, is_over: bool) -> None:
        files = current(all_files(day_dir))
        run = to_merge(files, CLOSED_DAY_FILES) if is_over else to_merge(files)
        while run:
            target = day_dir / file_name(run[0].first, run[-1].last)
            self._put(target, distinct(table, [file.path for file in run]), table)
            _remove(run)
            files = current(all_files(day_dir))
            run = to_merge(files, CLOSED_DAY_FILES) if is_over else to_merge(files)

    def _put(self, target: Path, query: str, table: Table, given: dict[str, Any] | None = None) -> None:
        """Writes what a query gives, ordered by the table's key, as a file that is there wholly or not at all."""
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        with connect() as session:
            session.execute(f"SET temp_directory = {quoted(self._folder / SPILL_DIR)}")
            if given is not None:
                session.register("given", given)
            order = ", ".join(table.key)
            session.execute(f"COPY ({query} ORDER BY {order}) TO {quoted(part)} (FORMAT parquet, COMPRESSION zstd)")
        _sync(part)
        part.replace(target)
        _sync(target.parent)

    def _sweep(self) -> None:
        """Removes what a kill left: half-written files, and those that a merged one stands for."""
        shutil.rmtree(self._folder / SPILL_DIR, ignore_errors=True)
        for name in TABLES:
            for path in days_of(self._folder / name).values():
                for torn in path.glob(".*.part"):
                    torn.unlink()
                files = all_files(path)
                kept = {file.path for file in current(files)}
                _remove([file for file in files if file.path not in kept])

    def _mark_version(self) -> None:
        path = self._folder / SCHEMA_FILE
        if not path.exists():
            _replace(path, json.dumps({"schema": SCHEMA_VERSION}).encode())

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (OSError, duckdb.Error) as error:
            text = " ".join(str(error).split())
            raise StoreDownError(f"{self._folder}: {type(error).__name__}: {text}") from None


def check_version(folder: Path) -> None:
    """Raises ConfigError where a folder was written by a version that this one does not know."""
    path = folder / SCHEMA_FILE
    if not path.exists():
        return
    try:
        version = json.loads(path.read_text(encoding="utf-8"))["schema"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(path, "schema", f"cannot be read ({error})", f'{{"schema": {SCHEMA_VERSION}}}') from None
    if version != SCHEMA_VERSION:
        raise ConfigError(path, "schema", f"is {version!r}", f"{SCHEMA_VERSION}; use the workcell that wrote it")


def connect() -> duckdb.DuckDBPyConnection:
    """Returns a DuckDB session that keeps to one core, little memory and local files."""
    config: dict[str, Any] = {"threads": "1", "memory_limit": MEMORY_MAX, "autoinstall_known_extensions": "false"}
    return duckdb.connect(":memory:", config=config)


def quoted(path: Path) -> str:
    """Returns a path as SQL text."""
    return "'" + str(path).replace("'", "''") + "'"


def distinct(table: Table, files: Sequence[Path], where: str = "TRUE") -> str:
    """Returns the SQL of the rows in files that fulfil a condition, each key once."""
    paths = ", ".join(quoted(path) for path in files)
    return f"SELECT DISTINCT ON ({', '.join(table.key)}) * FROM read_parquet([{paths}]) WHERE {where}"


def as_name(name: str) -> str:
    """Returns a column's name as SQL, whatever stands in it."""
    return '"' + name.replace('"', '""') + '"'


def select_given(columns: Sequence[Column]) -> str:
    """Returns the SQL of what `as_arrays` made and was registered as `given`: DuckDB takes a NaN there for a NULL."""
    names = ((as_name(column.name), column.kind) for column in columns)
    cells = (f"COALESCE({name}, 'NaN'::DOUBLE) AS {name}" if kind is Kind.REAL else name for name, kind in names)
    return f"SELECT {', '.join(cells)} FROM given"


def as_arrays(columns: Sequence[Column], rows: Sequence[Row]) -> dict[str, Any]:
    """Returns rows as one array per column, as DuckDB takes them."""
    cells = zip(*rows, strict=True)
    return {
        column.name: np.array(values, dtype=_DTYPES[column.kind]) for column, values in zip(columns, cells, strict=True)
    }


def _replace(path: Path, data: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(data)
    _sync(part)
    part.replace(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(files: Sequence[DataFile]) -> None:
    for file in files:
        file.path.unlink(missing_ok=True)
