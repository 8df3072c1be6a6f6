"""PostgreSQL, with TimescaleDB where the server has it, as the store: the same tables as the Parquet files.

What was written is remembered in the same transaction that writes it, so a batch is in the database exactly once,
wherever a kill or an outage falls. Rows go through a temporary table, for COPY is fast and cannot skip those whose key
is there already.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import sql

from workcell_ros.errors import ConfigError
from workcell_sensors.historian.records import Batch
from workcell_sensors.historian.schema import DAY_NS, SCHEMA_VERSION, TABLES, Row, Table
from workcell_sensors.historian.store import StoreDownError
from workcell_sensors.sources.credentials import Secret

Connection = psycopg.Connection[Any]

STATEMENT_TIMEOUT_S = 60.0


def open_connection(conninfo: Secret, timeout_s: float) -> Connection:
    """Returns a connection.

    Args:
        conninfo: libpq connection string or URI, password and all.
        timeout_s: for connecting.

    Raises:
        StoreDownError: says where, and why without the connection string.
    """
    try:
        given = psycopg.conninfo.conninfo_to_dict(conninfo.reveal()).get("options") or ""
        return psycopg.connect(
            conninfo.reveal(),
            autocommit=True,
            client_encoding="utf8",
            connect_timeout=max(1, round(timeout_s)),
            # With the connection, not after it: nothing may be asked of a server that hangs before it can be left.
            options=f"{given} -c statement_timeout={round(STATEMENT_TIMEOUT_S * 1000)}",
            # A server that vanished without a word must not hold the writer for the hours that TCP would.
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
            tcp_user_timeout=20_000,
        )
    except psycopg.Error as error:
        raise StoreDownError(f"{place_of(conninfo)}: {reason_of(error)}") from None


def place_of(conninfo: Secret) -> str:
    """Returns host, port and database of a connection string, and nothing else of it.

    Raises:
        ConfigError: it is no connection string.

    >>> place_of(Secret("postgresql://historian:secret@db.plant:5433/cell"))
    'db.plant:5433/cell'
    """
    try:
        given = psycopg.conninfo.conninfo_to_dict(conninfo.reveal())
    except psycopg.Error:
        # libpq's message quotes the string, and with it the password.
        valid = "a libpq connection string or URI, like postgresql://user@host:5432/database"
        raise ConfigError("historian", "connection string", "cannot be parsed", valid) from None
    host = given.get("host") or "local socket"
    return f"{host}:{given.get('port') or 5432}/{given.get('dbname') or given.get('user') or ''}"


def reason_of(error: psycopg.Error) -> str:
    """Returns an error's kind and text in one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


class PostgresStore:
    """Writes batches into one database schema; one historian at a time may.

    Args:
        conninfo: libpq connection string or URI.
        schema: the database schema that holds the tables; made where it is missing.
        retention_days: whole days that are kept besides today; 0 keeps all.
        timeout_s: for connecting.
        needs_timescale: whether tables must be hypertables; else they are where the database has the extension.
    """

    def __init__(
        self,
        conninfo: Secret,
        schema: str = "workcell",
        retention_days: int = 0,
        timeout_s: float = 5.0,
        *,
        needs_timescale: bool = False,
    ) -> None:
        self.place = place_of(conninfo)
        self._conninfo = conninfo
        self._schema = schema
        self._retention_days = retention_days
        self._timeout_s = timeout_s
        self._needs_timescale = needs_timescale
        self._connection: Connection | None = None
        self._last = 0
        self.has_timescale = False

    def last_number(self) -> int:
        """Returns the highest number written."""
        with self._ready():
            return self._last

    def write(self, batch: Batch) -> None:
        """Writes what of the batch has not been written yet, in one transaction."""
        with self._ready() as connection:
            rest = batch.after(self._last)
            if rest is None:
                return
            with connection.transaction():
                for table, rows in rest.by_table():
                    self._insert(connection, table, rows)
                connection.execute("UPDATE progress SET last_number = %s", (rest.last,))
            self._last = rest.last

    def maintain(self, now_ns: int) -> None:
        """Removes rows past their retention."""
        if not self._retention_days:
            return
        oldest_ns = (now_ns // DAY_NS - self._retention_days) * DAY_NS
        with self._ready() as connection:
            for name in TABLES:
                place = sql.Identifier(name)
                if self.has_timescale:
                    connection.execute("SELECT drop_chunks(%s::regclass, older_than => %s::bigint)", (name, oldest_ns))
                connection.execute(sql.SQL("DELETE FROM {} WHERE stamp_ns < %s").format(place), (oldest_ns,))

    def abandon(self) -> None:
        """Breaks the connection under whoever waits for the server: one that hangs sends no error by itself."""
        connection = self._connection
        if connection is None or connection.closed:
            return
        # It may be closed by its own thread meanwhile.
        with contextlib.suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as link:
            link.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Gives up the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _insert(self, connection: Connection, table: Table, rows: list[Row]) -> None:
        target, staged = sql.Identifier(table.name), sql.Identifier(f"new_{table.name}")
        make = "CREATE TEMP TABLE IF NOT EXISTS {} (LIKE {}) ON COMMIT DELETE ROWS"
        connection.execute(sql.SQL(make).format(staged, target))
        with connection.cursor() as cursor:
            with cursor.copy(sql.SQL("COPY {} FROM STDIN").format(staged)) as copy:
                for row in rows:
                    copy.write_row(row)
            put = "INSERT INTO {} SELECT * FROM {} ON CONFLICT DO NOTHING"
            cursor.execute(sql.SQL(put).format(target, staged))

    @contextlib.contextmanager
    def _ready(self) -> Iterator[Connection]:
        """Gives the connection, made and prepared where there is none; what fails ends it."""
        try:
            if self._connection is None or self._connection.closed:
                self._connection = open_connection(self._conninfo, self._timeout_s)
                self._last = self._prepare(self._connection)
            yield self._connection
        except psycopg.Error as error:
            self.close()
            raise StoreDownError(f"{self.place}: {reason_of(error)}") from None
        except StoreDownError:
            self.close()
            raise

    def _prepare(self, connection: Connection) -> int:
        """Makes what is missing, takes the writer's lock and returns the highest number written."""
        name = sql.Identifier(self._schema)
        lock = connection.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (f"workcell {self._schema}",))
        if not (lock.fetchone() or (False,))[0]:
            raise StoreDownError(f"{self.place}: another historian writes schema {self._schema}")
        with connection.transaction():
            connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(name))
            connection.execute(sql.SQL("SET search_path TO {}, public").format(name))
            connection.execute("CREATE TABLE IF NOT EXISTS progress (version integer, last_number bigint)")
            found = connection.execute("SELECT version, last_number FROM progress").fetchone()
            if found is None:
                connection.execute("INSERT INTO progress VALUES (%s, 0)", (SCHEMA_VERSION,))
                found = (SCHEMA_VERSION, 0)
            if found[0] != SCHEMA_VERSION:
                problem = f"{self.place}: schema {self._schema} is of version {found[0]}, this workcell writes"
                raise StoreDownError(f"{problem} version {SCHEMA_VERSION}; name another schema")
            known = connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'").fetchone()
            self.has_timescale = known is not None
            if self._needs_timescale and not self.has_timescale:
                problem = "hypertables are required, and this database has no extension timescaledb"
                raise StoreDownError(f"{self.place}: {problem}; valid: CREATE EXTENSION timescaledb, hypertables: auto")
            for table in TABLES.values():
                self._make_table(connection, table)
        return int(found[1])

    def _make_table(self, connection: Connection, table: Table) -> None:
        columns = [
            sql.SQL("{} {} NOT NULL").format(sql.Identifier(column.name), sql.SQL(column.kind.value[1]))
            for column in table.columns
        ]
        # TimescaleDB wants the time in every key.
        key = dict.fromkeys((*table.key, "stamp_ns") if self.has_timescale else table.key)
        parts = [*columns, sql.SQL("PRIMARY KEY ({})").format(sql.SQL(", ").join(map(sql.Identifier, key)))]
        place = sql.Identifier(table.name)
        connection.execute(sql.SQL("CREATE TABLE IF NOT EXISTS {} ({})").format(place, sql.SQL(", ").join(parts)))
        index = sql.Identifier(f"{table.name}_time")
        connection.execute(sql.SQL("CREATE INDEX IF NOT EXISTS {} ON {} USING brin (stamp_ns)").format(index, place))
        if self.has_timescale:
            hyper = (
                "SELECT create_hypertable(%s::regclass, 'stamp_ns', chunk_time_interval => %s, if_not_exists => true)"
            )
            connection.execute(hyper, (table.name, DAY_NS))
