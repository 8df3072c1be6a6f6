"""Questions to PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
from psycopg import sql

from workcell_ros.errors import ConfigError, WorkcellError
from workcell_sensors.historian.history import ROWS_PER_FETCH, Question
from workcell_sensors.historian.postgres_store import open_connection, place_of, reason_of
from workcell_sensors.historian.schema import SCHEMA_VERSION, Row
from workcell_sensors.sources.credentials import Secret


class PostgresHistory:
    """Reads the schema that a `PostgresStore` writes; it cannot change anything.

    Raises:
        ConfigError: the schema is missing or of another version.
        StoreDownError: the server cannot be reached.
    """

    def __init__(self, conninfo: Secret, schema: str = "workcell", timeout_s: float = 5.0) -> None:
        self._place = place_of(conninfo)
        self._connection = open_connection(conninfo, timeout_s)
        self._connection.execute("SET default_transaction_read_only = on")
        self._connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(schema)))
        try:
            found = self._connection.execute("SELECT version FROM progress").fetchone()
        except psycopg.errors.UndefinedTable:
            found = None
        if found is None or found[0] != SCHEMA_VERSION:
            self.close()
            problem = "holds no history" if found is None else f"is of version {found[0]}"
            valid = f"a schema that a historian of version {SCHEMA_VERSION} writes"
            raise ConfigError(self._place, schema, problem, valid)

    def ask(self, question: Question) -> Iterator[list[Row]]:
        """Yields the answer's rows in portions."""
        names = [f"%(p{number})s" for number in range(len(question.parameters))]
        values = {f"p{number}": value for number, value in enumerate(question.parameters)}
        # A literal % is doubled for psycopg; parameters are put in after that.
        condition = question.condition.replace("%", "%%").format(*names)
        rows = f"(SELECT * FROM {question.table.name} WHERE {condition})"
        text = question.select.replace("%", "%%").format(*names, rows=rows)
        try:
            with self._connection.transaction(), self._connection.cursor("history") as cursor:
                cursor.itersize = ROWS_PER_FETCH
                cursor.execute(text.encode(), values)
                while portion := cursor.fetchmany(ROWS_PER_FETCH):
                    yield portion
        except psycopg.Error as error:
            raise WorkcellError(f"{self._place}: {reason_of(error)}") from None

    def close(self) -> None:
        """Gives up the connection."""
        self._connection.close()
