"""Questions to Parquet files: any number of processes may ask while one writes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb

from workcell_ros.errors import ConfigError, WorkcellError
from workcell_sensors.historian.history import ROWS_PER_FETCH, Question, Span
from workcell_sensors.historian.parquet_layout import all_files, current, days_between, days_of
from workcell_sensors.historian.parquet_store import check_version, connect, distinct
from workcell_sensors.historian.schema import Row, Table

LOOKS_MAX = 5
"""A merge may remove files between listing and reading them; then what they were merged into is looked for."""


class ParquetHistory:
    """Reads the folder that a `ParquetStore` writes.

    Raises:
        ConfigError: there is no such folder, or a newer version wrote it.
    """

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)
        if not self._folder.is_dir():
            raise ConfigError(folder, "store", "is no folder", "the folder a historian writes, its store_dir")
        check_version(self._folder)
        self._session = connect()

    def ask(self, question: Question) -> Iterator[list[Row]]:
        """Yields the answer's rows in portions."""
        cursor = self._run(question)
        while rows := cursor.fetchmany(ROWS_PER_FETCH):
            yield rows

    def close(self) -> None:
        """Ends the session."""
        self._session.close()

    def _run(self, question: Question) -> duckdb.DuckDBPyConnection:
        names = [f"${number + 1}" for number in range(len(question.parameters))]
        for look in range(LOOKS_MAX):
            rows = self._rows(question.table, question.span, question.condition.format(*names))
            try:
                return self._session.execute(question.select.format(*names, rows=rows), list(question.parameters))
            except duckdb.Error as error:
                if not isinstance(error, duckdb.IOException) or look + 1 == LOOKS_MAX:
                    raise WorkcellError(f"{self._folder}: {' '.join(str(error).split())}") from None
        raise AssertionError("unreachable")

    def _rows(self, table: Table, span: Span, condition: str) -> str:
        """Returns the rows as SQL: out of the files of the days in question, each key once."""
        first, last = days_between(span.begin_ns, span.end_ns)
        days = (path for day, path in days_of(self._folder / table.name).items() if first <= day <= last)
        files = [file.path for path in days for file in current(all_files(path))]
        if not files:
            columns = ", ".join(f"NULL::{column.kind.value[0]} AS {column.name}" for column in table.columns)
            return f"(SELECT * FROM (SELECT {columns} LIMIT 0) WHERE {condition})"
        return f"({distinct(table, files, condition)})"
