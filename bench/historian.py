"""The historian: readings a second into each store, bytes they take, time of people's questions; beside bare writers.

`python -m bench.historian [--rows N] [--tags N] [--database CONNINFO]`

Rows go the whole way: journal, batches, store. The peers in the same run are DuckDB's own table and one COPY into
PostgreSQL, fed with the same rows at once, and neither survives a kill in between. PostgreSQL is left out where no
`--database` names one.
"""

from __future__ import annotations

import argparse
import math
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from bench.output import keep, show
from workcell_sensors.historian import queries
from workcell_sensors.historian.historian import Historian, HistorianConfig
from workcell_sensors.historian.history import History, Question, Span
from workcell_sensors.historian.parquet_history import ParquetHistory
from workcell_sensors.historian.parquet_store import ParquetStore, as_arrays, select_given
from workcell_sensors.historian.schema import DAY_NS, READINGS, Row
from workcell_sensors.historian.spool import Spool
from workcell_sensors.historian.store import Store
from workcell_sensors.journal import Journal
from workcell_sensors.sources.credentials import Secret

PERIOD_NS = 10_000_000
"""Between two scans of all tags: 100 Hz."""
START_NS = 20_000 * DAY_NS
SCHEMA = "bench_historian"


def at_once(work: Callable[[], int]) -> Future[int]:
    """Runs a write in this thread, so that its processor time is seen."""
    future: Future[int] = Future()
    try:
        future.set_result(work())
    except Exception as error:
        future.set_exception(error)
    return future


def scans(rows: int, tags: int) -> Iterator[list[Row]]:
    """Yields scans of slowly moving, noisy values with the resolution of a 16 bit converter."""
    rng = np.random.default_rng(1)
    names = [f"arm/joint_{n}/value" for n in range(tags)]
    level = rng.normal(size=tags)
    for scan in range(rows // tags):
        level += 0.01 * rng.normal(size=tags)
        values = np.round(level * 3276.8) / 3276.8
        stamp_ns = START_NS + scan * PERIOD_NS
        yield [(stamp_ns, name, value, 0) for name, value in zip(names, values.tolist(), strict=True)]


def cpu_s() -> float:
    """Processor time so far in [s]."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def write(store: Store, folder: Path, given: list[list[Row]]) -> float:
    """Returns the processor time that the rows take on their whole way into a store."""
    start_s = cpu_s()
    spool = Spool(Journal(folder / "journal", 96 << 20), 64 << 20, store.last_number())
    historian = Historian(spool, store, at_once, HistorianConfig(), START_NS, random.Random(1))
    now_ns = START_NS
    for rows in given:
        now_ns = int(rows[0][0])
        historian.add(READINGS, rows, now_ns)
        historian.tick(now_ns)
    historian.drain(now_ns)
    store.maintain(now_ns + DAY_NS)
    assert historian.status.problem == "", historian.status.problem
    assert historian.status.dropped_rows == 0
    return cpu_s() - start_s


def ask(history: History, question: Question) -> float:
    """Returns how long a question takes to be answered whole, in [s] of the wall clock: the best of three."""
    best_s = math.inf
    for _ in range(3):
        start_s = time.perf_counter()
        assert sum(len(portion) for portion in history.ask(question)) > 0
        best_s = min(best_s, time.perf_counter() - start_s)
    return best_s


def questions(rows: int, tags: int) -> dict[str, Question]:
    """Returns what people ask."""
    end_ns = START_NS + rows // tags * PERIOD_NS
    one = ["arm/joint_0/value"]
    last = Span(end_ns - 10 * 1_000_000_000, end_ns)
    return {
        "one tag, all, 1 s means": queries.resampled(one, Span(), 1_000_000_000),
        "one tag, last 10 s, raw": queries.readings(one, last),
        "all tags, all, 10 s means": queries.resampled([], Span(), 10 * 1_000_000_000),
    }


def duckdb_table(folder: Path, given: list[list[Row]]) -> tuple[float, int]:
    """Returns processor time and bytes of DuckDB's own file."""
    start_s = cpu_s()
    path = folder / "peer.duckdb"
    with duckdb.connect(str(path)) as session:
        session.execute("CREATE TABLE readings (stamp_ns BIGINT, tag VARCHAR, value DOUBLE, quality SMALLINT)")
        for start in range(0, len(given), 500):
            rows = [row for scan in given[start : start + 500] for row in scan]
            session.register("given", as_arrays(READINGS.columns, rows))
            session.execute(f"INSERT INTO readings {select_given(READINGS.columns)}")
            session.unregister("given")
    return cpu_s() - start_s, path.stat().st_size


def postgres_copy(conninfo: str, given: list[list[Row]]) -> tuple[float, int]:
    """Returns wall-clock time and bytes of one COPY into a bare table."""
    import psycopg

    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS bench_peer")
        connection.execute("CREATE TABLE bench_peer (stamp_ns bigint, tag text, value float8, quality smallint)")
        start_s = time.perf_counter()
        with connection.cursor().copy("COPY bench_peer FROM STDIN") as copy:
            for scan in given:
                for row in scan:
                    copy.write_row(row)
        elapsed_s = time.perf_counter() - start_s
        found = connection.execute("SELECT pg_total_relation_size('bench_peer')").fetchone()
        connection.execute("DROP TABLE bench_peer")
    return elapsed_s, int(found[0]) if found else 0


def measure_postgres(conninfo: str, folder: Path, given: list[list[Row]]) -> tuple[float, int, History]:
    """Returns wall-clock time and bytes of the historian's tables, and what answers questions to them."""
    import psycopg

    from workcell_sensors.historian.postgres_history import PostgresHistory
    from workcell_sensors.historian.postgres_store import PostgresStore

    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
    store = PostgresStore(Secret(conninfo), SCHEMA)
    start_s = time.perf_counter()
    write(store, folder, given)
    elapsed_s = time.perf_counter() - start_s
    store.close()
    with psycopg.connect(conninfo, autocommit=True) as connection:
        found = connection.execute(f"SELECT pg_total_relation_size('{SCHEMA}.readings')").fetchone()
    return elapsed_s, int(found[0]) if found else 0, PostgresHistory(Secret(conninfo), SCHEMA)


def main() -> None:
    """Measures and prints the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--tags", type=int, default=50)
    parser.add_argument("--database", default="", help="libpq connection string of a PostgreSQL to measure too")
    options = parser.parse_args()
    given = list(scans(options.rows, options.tags))
    rows = sum(map(len, given))
    written: list[list[Any]] = []
    answered: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="workcell-historian-") as name:
        folder = Path(name)
        took_s = write(store := ParquetStore(folder / "store"), folder, given)
        size = sum(path.stat().st_size for path in folder.joinpath("store").rglob("*.parquet"))
        store.close()
        written.append(["Parquet, journal and merge (cpu)", rows / took_s, size / rows])
        took_s, size = duckdb_table(folder, given)
        written.append(["bare DuckDB table (cpu)", rows / took_s, size / rows])
        places: dict[str, History] = {"parquet": ParquetHistory(folder / "store")}
        if options.database:
            took_s, size, places["postgres"] = measure_postgres(options.database, folder / "pg", given)
            written.append(["PostgreSQL, journal and keys (wall)", rows / took_s, size / rows])
            took_s, size = postgres_copy(options.database, given)
            written.append(["bare COPY (wall)", rows / took_s, size / rows])
        for place, history in places.items():
            answered[place] = {text: ask(history, each) for text, each in questions(rows, options.tags).items()}
            history.close()
    show(f"{rows:,} readings of {options.tags} tags", ["store", "rows/s", "bytes/row"], written)
    table = [[text, *(1000.0 * times[text] for times in answered.values())] for text in answered["parquet"]]
    show("questions, best of three, wall clock", ["question", *(f"{place} [ms]" for place in answered)], table)
    keep("historian", {"rows": rows, "tags": options.tags, "written": written, "answered_s": answered})


if __name__ == "__main__":
    main()
