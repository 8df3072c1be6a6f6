"""Answers as files: CSV and JSON for people and scripts, Parquet for analysis."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from workcell_ros.errors import ConfigError, WorkcellError
from workcell_sensors.historian.schema import Cell, Column, Row

Portions = Iterable[Sequence[Row]]


def export(path: Path, columns: Sequence[Column], portions: Portions) -> int:
    """Writes rows in the format that the file's ending names; the file is there wholly or not at all.

    Returns:
        How many rows it wrote.

    Raises:
        ConfigError: the ending is none of those known.
        WorkcellError: the file cannot be written.
    """
    if path.suffix not in WRITERS:
        raise ConfigError("command line", "--out", f"{path} ends in {path.suffix!r}", WRITERS)
    part = path.with_name(f".{path.name}.part")
    counted = _Counted(portions)
    try:
        WRITERS[path.suffix](part, columns, counted)
        part.replace(path)
    except OSError as error:
        raise WorkcellError(f"{path}: {error.strerror or error}; name a file that can be written") from None
    finally:
        part.unlink(missing_ok=True)
    return counted.rows


class _Counted:
    def __init__(self, portions: Portions) -> None:
        self._portions = portions
        self.rows = 0

    def __iter__(self) -> Iterator[Sequence[Row]]:
        for portion in self._portions:
            self.rows += len(portion)
            yield portion


def _write_csv(path: Path, columns: Sequence[Column], portions: Portions) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow([column.name for column in columns])
        for portion in portions:
            writer.writerows(portion)


def _write_json(path: Path, columns: Sequence[Column], portions: Portions) -> None:
    """Writes an array of objects, one per line; JSON has no NaN and no infinity: null."""
    names = [column.name for column in columns]
    with path.open("w", encoding="utf-8") as file:
        between = "[\n"
        for portion in portions:
            for row in portion:
                pairs = {name: _json_cell(cell) for name, cell in zip(names, row, strict=True)}
                file.write(between + json.dumps(pairs, ensure_ascii=False, allow_nan=False))
                between = ",\n"
        file.write("[]\n" if between == "[\n" else "\n]\n")


def _json_cell(cell: Cell) -> Cell | None:
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell


def _write_parquet(path: Path, columns: Sequence[Column], portions: Portions) -> None:
    # Late: the other formats do without DuckDB.
    import duckdb

    from workcell_sensors.historian.parquet_store import as_arrays, as_name, connect, quoted, select_given

    names = ", ".join(f"{as_name(column.name)} {column.kind.value[0]}" for column in columns)
    try:
        with connect() as session:
            session.execute(f"CREATE TABLE answer ({names})")
            for portion in portions:
                session.register("given", as_arrays(columns, portion))
                session.execute(f"INSERT INTO answer {select_given(columns)}")
                session.unregister("given")
            session.execute(f"COPY answer TO {quoted(path)} (FORMAT parquet, COMPRESSION zstd)")
    except duckdb.Error as error:
        raise OSError(" ".join(str(error).split())) from None


WRITERS: dict[str, Callable[[Path, Sequence[Column], Portions], None]] = {
    ".csv": _write_csv,
    ".json": _write_json,
    ".parquet": _write_parquet,
}
"""By file ending."""
