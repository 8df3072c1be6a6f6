"""What every store promises, over Parquet files and over a real PostgreSQL."""

from __future__ import annotations

import contextlib
import itertools
import math
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from waiting import PATIENCE_S, until

from workcell_ros.errors import ConfigError
from workcell_sensors.historian import queries
from workcell_sensors.historian.historian import Historian, HistorianConfig
from workcell_sensors.historian.history import History, Span
from workcell_sensors.historian.parquet_history import ParquetHistory
from workcell_sensors.historian.parquet_layout import all_files, current
from workcell_sensors.historian.parquet_store import ParquetStore
from workcell_sensors.historian.postgres_history import PostgresHistory
from workcell_sensors.historian.postgres_store import PostgresStore
from workcell_sensors.historian.records import Batch, Record
from workcell_sensors.historian.schema import AUDIT, DAY_NS, READINGS, TABLES, Row, Table
from workcell_sensors.historian.spool import Spool
from workcell_sensors.historian.store import Store, StoreDownError
from workcell_sensors.journal import Journal
from workcell_sensors.sources.credentials import Secret

S = 1_000_000_000
NOON_NS = 20_000 * DAY_NS + DAY_NS // 2
SCHEMAS = (f"cell_{number}" for number in itertools.count())


class Place:
    """A place to store in: opens its writer and its reader as often as a test wants."""

    def __init__(self, open_store: Callable[..., Store], open_history: Callable[[], History]) -> None:
        self._open_store = open_store
        self._open_history = open_history
        self._opened: list[Any] = []

    def store(self, **options: Any) -> Store:
        return self._kept(self._open_store(**options))

    def rows(self, question: queries.Question) -> list[Row]:
        history = self._kept(self._open_history())
        return [tuple(row) for portion in history.ask(question) for row in portion]

    def all(self, table: Table) -> list[Row]:
        return self.rows(queries.rows_of(table, Span()))

    def close(self) -> None:
        for item in self._opened:
            item.close()

    def _kept(self, item: Any) -> Any:
        self._opened.append(item)
        return item


@pytest.fixture(params=["parquet", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "parquet":
        place = Place(lambda **given: ParquetStore(tmp_path / "h", **given), lambda: ParquetHistory(tmp_path / "h"))
    else:
        conninfo, schema = Secret(request.getfixturevalue("cluster").conninfo), next(SCHEMAS)
        place = Place(
            lambda **given: PostgresStore(conninfo, schema, **given), lambda: PostgresHistory(conninfo, schema)
        )
    yield place
    place.close()


def reading(number: int, value: float = 1.0, tag: str = "a", quality: int = 0, stamp_ns: int | None = None) -> Record:
    return Record(number, "readings", ((NOON_NS + number * S if stamp_ns is None else stamp_ns, tag, value, quality),))


def last_number(store: Store) -> int | None:
    with contextlib.suppress(StoreDownError):
        return store.last_number()
    return None


def batch(*records: Record) -> Batch:
    return Batch(records)


ROWS: dict[str, Row] = {
    "readings": (NOON_NS, "arm/joint_1", -1.5e-300, 3),
    "tags": (NOON_NS, "arm/joint_1", "m/s^2", "naïve ✓ \\ ' \" \t"),
    "cycles": (NOON_NS, NOON_NS - S, "cycle", "energy", math.inf, "J"),
    "verdicts": (NOON_NS, "0007", "accept", 0.75),
    "detections": (NOON_NS, 1, "0007", "open", 0.5, 1.0, 2.0, 3.0, 4.0),
    "audit": (NOON_NS, NOON_NS + 1, "applied", "/cell", '{"speed_scale": 0.5}', "policy", "a reason"),
    "gaps": (NOON_NS, NOON_NS + S, "readings", 2**62, "away"),
}


@pytest.mark.parametrize("name", TABLES)
def test_every_table_gives_back_what_it_was_given(place: Place, name: str) -> None:
    place.store().write(batch(Record(1, name, (ROWS[name],))))
    assert place.all(TABLES[name]) == [ROWS[name]]


def test_an_empty_store_answers_with_no_rows(place: Place) -> None:
    store = place.store()
    assert store.last_number() == 0
    store.write(batch(reading(1)))
    assert place.all(AUDIT) == []
    assert place.rows(queries.tag_list(Span(end_ns=0))) == []


def test_not_a_number_stays_what_it_is(place: Place) -> None:
    place.store().write(batch(reading(1, math.nan, quality=2)))
    ((_, _, value, quality),) = place.all(READINGS)
    assert math.isnan(float(value))
    assert quality == 2


def test_a_batch_that_comes_again_is_not_written_again(place: Place) -> None:
    store = place.store()
    first = batch(reading(1), reading(2), Record(3, "verdicts", (ROWS["verdicts"],)))
    store.write(first)
    store.write(first)
    # As after a kill between writing and acknowledging: the records come in a batch that is cut otherwise.
    store.close()
    again = place.store()
    # A database notices a little later that the session before has ended; until then the store counts as away.
    until(lambda: last_number(again) is not None, lambda: "the store")
    assert last_number(again) == 3
    again.write(batch(reading(2), Record(3, "verdicts", (ROWS["verdicts"],)), reading(4)))
    assert [row[0] for row in place.all(READINGS)] == [NOON_NS + n * S for n in (1, 2, 4)]
    assert len(place.all(TABLES["verdicts"])) == 1


def test_a_key_that_comes_twice_counts_once(place: Place) -> None:
    store = place.store()
    store.write(batch(reading(1, stamp_ns=NOON_NS), Record(2, "audit", (ROWS["audit"], ROWS["audit"]))))
    store.write(batch(reading(3, stamp_ns=NOON_NS), Record(4, "audit", (ROWS["audit"],))))
    assert len(place.all(READINGS)) == 1
    assert len(place.all(AUDIT)) == 1


def test_rows_of_several_days_are_found_by_time(place: Place) -> None:
    stamps = [NOON_NS + day * DAY_NS for day in range(4)]
    place.store().write(batch(*(reading(n + 1, stamp_ns=stamp) for n, stamp in enumerate(stamps))))
    found = place.rows(queries.readings(["a"], Span(stamps[1], stamps[3])))
    assert [row[0] for row in found] == stamps[1:3]


def test_minimum_mean_and_maximum_leave_out_what_cannot_be_used(place: Place) -> None:
    values = [(1.0, 0), (3.0, 1), (99.0, 2), (98.0, 3), (math.nan, 0)]
    records = [reading(n + 1, value, quality=quality) for n, (value, quality) in enumerate(values)]
    lone = reading(20, 7.0, quality=3)
    place.store().write(batch(*records, reading(10, 5.0), lone, reading(21, 1.0, tag="b")))
    found = place.rows(queries.resampled(["a"], Span(), 10 * S))
    assert found[0] == (NOON_NS, "a", 1.0, 2.0, 3.0, 2, 3)
    assert found[1] == (NOON_NS + 10 * S, "a", 5.0, 5.0, 5.0, 1, 0)
    assert found[2][5:] == (0, 1)
    assert all(math.isnan(float(cell)) for cell in found[2][2:5])


def test_a_tag_is_text_and_no_sql(place: Place) -> None:
    tag = "a'; DROP TABLE readings; -- {0} %s $1"
    place.store().write(batch(reading(1, tag=tag), reading(2)))
    assert [row[1] for row in place.rows(queries.readings([tag], Span()))] == [tag]


def test_tags_are_listed_with_their_times(place: Place) -> None:
    place.store().write(batch(reading(1), reading(2), reading(3, tag="b")))
    listed = place.rows(queries.tag_list(Span()))
    assert listed == [("a", 2, NOON_NS + S, NOON_NS + 2 * S), ("b", 1, NOON_NS + 3 * S, NOON_NS + 3 * S)]


def test_retention_removes_whole_days_only(place: Place) -> None:
    store = place.store(retention_days=1)
    stamps = [NOON_NS - 2 * DAY_NS, NOON_NS - DAY_NS, NOON_NS]
    store.write(batch(*(reading(n + 1, stamp_ns=stamp) for n, stamp in enumerate(stamps))))
    store.maintain(NOON_NS)
    assert [row[0] for row in place.all(READINGS)] == stamps[1:]


@pytest.mark.parametrize("place", ["postgres"], indirect=True)
def test_a_second_session_is_refused(place: Place) -> None:
    place.store().write(batch(reading(1)))
    with pytest.raises(StoreDownError, match="another historian writes"):
        place.store().write(batch(reading(2)))


def test_a_second_process_is_refused(tmp_path: Path) -> None:
    first = ParquetStore(tmp_path)
    opening = "import sys; from workcell_sensors.historian.parquet_store import ParquetStore; ParquetStore(sys.argv[1])"
    second = subprocess.run([sys.executable, "-c", opening, str(tmp_path)], capture_output=True, text=True, check=False)
    first.close()
    assert "another historian writes it" in second.stderr


def test_a_writer_that_died_within_the_process_keeps_nobody_out(tmp_path: Path) -> None:
    dead = ParquetStore(tmp_path)
    successor = ParquetStore(tmp_path)
    successor.write(batch(reading(1)))
    assert successor.last_number() == 1
    dead.close()


def test_readers_see_whole_batches_while_small_files_are_merged(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    for number in range(1, 41):
        store.write(batch(reading(number)))
    history = ParquetHistory(tmp_path)
    stale = queries.readings([], Span())
    day_dir = next((tmp_path / "readings").iterdir())
    assert len(all_files(day_dir)) == 40
    store.maintain(NOON_NS)
    assert len(all_files(day_dir)) == 40 % 16 + 2
    assert sum(len(portion) for portion in history.ask(stale)) == 40
    store.maintain(NOON_NS + DAY_NS)
    assert len(all_files(day_dir)) == 1
    assert sum(len(portion) for portion in history.ask(stale)) == 40
    history.close()
    store.close()


def test_a_merge_that_a_kill_cut_short_counts_nothing_twice(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    for number in range(1, 17):
        store.write(batch(reading(number)))
    day_dir = next((tmp_path / "readings").iterdir())
    before = {file.path: file.path.read_bytes() for file in all_files(day_dir)}
    store.maintain(NOON_NS)
    store.close()
    # The kill came after the rename and before the merged files were removed.
    for path, content in before.items():
        path.write_bytes(content)
    (day_dir / ".half.parquet.part").write_bytes(b"PAR1")
    assert len(current(all_files(day_dir))) == 1
    history = ParquetHistory(tmp_path)
    assert sum(len(portion) for portion in history.ask(queries.readings([], Span()))) == 16
    history.close()
    ParquetStore(tmp_path).close()
    assert len(list(day_dir.iterdir())) == 1


def test_a_folder_of_another_version_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "schema.json").write_text('{"schema": 99}')
    for opened in (ParquetStore, ParquetHistory):
        with pytest.raises(ConfigError, match="99"):
            opened(tmp_path)


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is no folder"):
        ParquetHistory(tmp_path / "none")


def test_a_database_without_a_history_is_said(cluster: Any) -> None:
    with pytest.raises(ConfigError, match="holds no history"):
        PostgresHistory(Secret(cluster.conninfo), "nobody_wrote")


def test_a_database_of_another_version_is_left_alone(cluster: Any) -> None:
    import psycopg

    conninfo = Secret(cluster.conninfo)
    store = PostgresStore(conninfo, "newer")
    store.write(batch(reading(1)))
    store.close()
    with psycopg.connect(cluster.conninfo) as connection:
        connection.execute("UPDATE newer.progress SET version = 99")
    with pytest.raises(StoreDownError, match="version 99"):
        PostgresStore(conninfo, "newer").last_number()
    with pytest.raises(ConfigError, match="version 99"):
        PostgresHistory(conninfo, "newer")


@pytest.mark.parametrize("wrong", ["password='not it'", "dbname=none"])
def test_a_refusal_says_why_without_the_password(cluster: Any, wrong: str) -> None:
    store = PostgresStore(Secret(f"{cluster.conninfo} {wrong}"), "x")
    with pytest.raises(StoreDownError) as caught:
        store.last_number()
    assert f"127.0.0.1:{cluster.port}" in str(caught.value)
    assert "pa55" not in str(caught.value)
    assert "not it" not in str(caught.value)


def test_a_malformed_connection_string_is_not_quoted() -> None:
    with pytest.raises(ConfigError) as caught:
        PostgresStore(Secret("host=db password=hunter2 nonsense"), "x")
    assert "hunter2" not in str(caught.value)


def test_what_comes_while_the_database_is_killed_is_in_it_afterwards(cluster: Any, tmp_path: Path) -> None:
    schema = next(SCHEMAS)
    store = PostgresStore(Secret(cluster.conninfo), schema, timeout_s=2.0)
    spool = Spool(Journal(tmp_path / "journal", 16 << 20), 8 << 20, 0)
    # The clock here runs ahead of the server's.
    config = HistorianConfig(flush_s=0.01, backoff_s_max=0.05, answer_s_max=1e6)
    with ThreadPoolExecutor(1) as writer:
        historian = Historian(spool, store, writer.submit, config, 0, random.Random(1))
        for n in range(1, 301):
            historian.add(READINGS, [(NOON_NS + n, "a", float(n), 0)], n)
            historian.tick(n * S)
            if n == 100:
                historian.drain(n * S)
                cluster.kill()
            if n == 200:
                historian.drain(n * S)
                assert "127.0.0.1" in historian.status.problem
                cluster.start()
        historian.drain(400 * S)
        store.close()
    assert (historian.status.problem, historian.status.outages, historian.status.dropped_rows) == ("", 1, 0)
    history = PostgresHistory(Secret(cluster.conninfo), schema)
    values = [row[2] for portion in history.ask(queries.readings([], Span())) for row in portion]
    history.close()
    assert values == [float(n) for n in range(1, 301)]


def test_a_server_that_hangs_can_be_left(cluster: Any) -> None:
    store = PostgresStore(Secret(cluster.conninfo), next(SCHEMAS))
    store.write(batch(reading(1)))
    assert store._connection is not None
    session = store._connection.info.backend_pid
    with ThreadPoolExecutor(1) as writer:
        os.kill(session, signal.SIGSTOP)
        try:
            written = writer.submit(store.write, batch(reading(2)))
            with pytest.raises(TimeoutError):
                written.result(0.3)
            store.abandon()
            assert isinstance(written.exception(PATIENCE_S), StoreDownError)
        finally:
            os.kill(session, signal.SIGCONT)
    # The session that hung holds the writer's lock until it notices that nobody is there any more.
    until(lambda: last_number(store) is not None, lambda: "the store")
    store.write(batch(reading(2)))
    assert store.last_number() == 2
    store.close()


def test_hypertables_that_are_required_and_cannot_be_made_are_named(cluster: Any) -> None:
    store = PostgresStore(Secret(cluster.conninfo), next(SCHEMAS), needs_timescale=True)
    with pytest.raises(StoreDownError, match="no extension timescaledb; valid: CREATE EXTENSION timescaledb"):
        store.write(batch(reading(1)))


def test_tables_become_hypertables_of_a_day_where_the_extension_is_there(cluster: Any) -> None:
    import psycopg

    # The extension's functions by their documented signatures: TimescaleDB itself is not at hand.
    with psycopg.connect(cluster.conninfo, autocommit=True, client_encoding="utf8") as admin:
        admin.execute("SET allow_system_table_mods = on")
        admin.execute("CREATE TABLE public.asked (what text, place text, length bigint)")
        admin.execute(
            "INSERT INTO pg_extension VALUES (99999, 'timescaledb', 10, 2200, false, '2', NULL, NULL)",
        )
        admin.execute(
            "CREATE FUNCTION public.create_hypertable(relation regclass, time_column_name name, "
            "chunk_time_interval bigint, if_not_exists boolean) RETURNS void LANGUAGE sql AS "
            "$$ INSERT INTO public.asked VALUES (time_column_name, relation::text, chunk_time_interval) $$"
        )
        admin.execute(
            "CREATE FUNCTION public.drop_chunks(relation regclass, older_than bigint) RETURNS void LANGUAGE sql AS "
            "$$ INSERT INTO public.asked VALUES ('drop', relation::text, older_than) $$"
        )
        try:
            store = PostgresStore(Secret(cluster.conninfo), next(SCHEMAS), retention_days=1, needs_timescale=True)
            store.write(batch(reading(1)))
            store.maintain(NOON_NS)
            store.close()
            asked = admin.execute("SELECT * FROM public.asked").fetchall()
        finally:
            admin.execute("DELETE FROM pg_extension WHERE oid = 99999")
            admin.execute("DROP FUNCTION public.create_hypertable")
            admin.execute("DROP FUNCTION public.drop_chunks")
            admin.execute("DROP TABLE public.asked")
    oldest_ns = (NOON_NS // DAY_NS - 1) * DAY_NS
    made = {("stamp_ns", name, DAY_NS) for name in TABLES}
    assert set(asked) == made | {("drop", name, oldest_ns) for name in TABLES}


def test_a_killed_database_is_down_and_then_completed(cluster: Any) -> None:
    schema = next(SCHEMAS)
    store = PostgresStore(Secret(cluster.conninfo), schema)
    store.write(batch(reading(1)))
    cluster.kill()
    try:
        with pytest.raises(StoreDownError):
            store.write(batch(reading(2)))
        with pytest.raises(StoreDownError):
            store.write(batch(reading(2)))
    finally:
        cluster.start()
    store.write(batch(reading(2)))
    store.close()
    history = PostgresHistory(Secret(cluster.conninfo), schema)
    assert sum(len(portion) for portion in history.ask(queries.readings([], Span()))) == 2
    history.close()
