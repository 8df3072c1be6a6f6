"""The historian's core: bounded, nothing lost within the bound, nothing twice, and it says what it gave up."""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from waiting import PATIENCE_S

from workcell_sensors.historian.historian import NO_ANSWER, Historian, HistorianConfig, Submit
from workcell_sensors.historian.records import Batch, Numbers, Record, decode_record, encode_record
from workcell_sensors.historian.schema import GAPS, READINGS, TABLES, TEXT_CHARACTERS_MAX, VERDICTS, Kind, Row
from workcell_sensors.historian.spool import Spool
from workcell_sensors.historian.store import StoreDownError
from workcell_sensors.journal import Journal

S = 1_000_000_000
BOUND = 100_000


class FakeStore:
    """Keeps what it is given, by number, as every store promises to."""

    def __init__(self) -> None:
        self.rows: dict[str, list[Row]] = {}
        self.last = 0
        self.is_away = False
        self.maintained: list[int] = []

    def last_number(self) -> int:
        self._check()
        return self.last

    def write(self, batch: Batch) -> None:
        self._check()
        rest = batch.after(self.last)
        for record in rest.records if rest is not None else ():
            self.rows.setdefault(record.table, []).extend(record.rows)
        self.last = max(self.last, batch.last)

    def maintain(self, now_ns: int) -> None:
        self._check()
        self.maintained.append(now_ns)

    def abandon(self) -> None:
        pass

    def close(self) -> None:
        pass

    def _check(self) -> None:
        if self.is_away:
            raise StoreDownError("db:5432/x: refused")


def at_once(work: Callable[[], int]) -> Future[int]:
    future: Future[int] = Future()
    try:
        future.set_result(work())
    except StoreDownError as error:
        future.set_exception(error)
    return future


def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal", 16 << 20)


def make(
    tmp_path: Path, store: FakeStore, now_ns: int = 0, bytes_max: int = BOUND, submit: Submit = at_once
) -> tuple[Historian, Spool]:
    spool = Spool(journal(tmp_path), bytes_max, 0)
    return Historian(spool, store, submit, HistorianConfig(), now_ns, random.Random(1)), spool


def row(n: int) -> Row:
    return (n, "a/tag", float(n), 0)


def test_rows_are_written_in_order_after_flush_s(tmp_path: Path) -> None:
    store = FakeStore()
    historian, _ = make(tmp_path, store)
    historian.add(READINGS, [row(1), row(2)], 1)
    historian.add(VERDICTS, [(3, "0007", "accept", 1.0)], 2)
    for now_ns in (S, 2 * S):
        historian.tick(now_ns)
    assert store.rows == {}
    for now_ns in (6 * S, 7 * S):
        historian.tick(now_ns)
    assert store.rows == {"readings": [row(1), row(2)], "verdicts": [(3, "0007", "accept", 1.0)]}
    assert historian.status.waiting_rows == 0
    assert historian.status.written_rows == 3


def test_many_rows_do_not_wait(tmp_path: Path) -> None:
    store = FakeStore()
    historian, _ = make(tmp_path, store, bytes_max=8 << 20)
    historian.tick(1)
    historian.add(READINGS, [row(n) for n in range(60_000)], 1)
    historian.tick(2)
    historian.tick(3)
    # Records are written whole; what is left over waits its time.
    assert 48_000 < len(store.rows["readings"]) <= 50_000


def test_an_outage_within_the_bound_loses_nothing(tmp_path: Path) -> None:
    store = FakeStore()
    store.is_away = True
    historian, _ = make(tmp_path, store)
    for n in range(1, 200):
        historian.add(READINGS, [row(n)], n)
        historian.tick(n * S)
    assert "refused" in historian.status.problem
    assert historian.status.outages == 1
    store.is_away = False
    for n in range(200, 300):
        historian.tick(n * S)
    assert store.rows == {"readings": [row(n) for n in range(1, 200)]}
    assert historian.status.problem == ""
    assert historian.status.dropped_rows == 0


class HangingStore(FakeStore):
    """A store that stops answering; whoever waits for it is let go by `abandon`."""

    def __init__(self) -> None:
        super().__init__()
        self.hangs = True
        self.abandoned = threading.Event()

    def write(self, batch: Batch) -> None:
        if self.hangs:
            self.abandoned.wait(PATIENCE_S)
            raise StoreDownError("fake: broken off")
        super().write(batch)

    def abandon(self) -> None:
        self.abandoned.set()


def test_a_store_that_hangs_at_the_end_is_left_and_its_rows_stay_in_the_journal(tmp_path: Path) -> None:
    store = HangingStore()
    with ThreadPoolExecutor(1) as writer:
        historian, spool = make(tmp_path, store, submit=writer.submit)
        for n in range(1, 6):
            historian.add(READINGS, [row(n)], n)
        historian.drain(6, lambda: 0.05)
    assert historian.status.problem == "fake: broken off"
    assert historian.status.waiting_rows == 5
    spool.close()
    store.hangs = False
    again, _ = make(tmp_path, store, now_ns=10)
    again.drain(20)
    assert store.rows == {"readings": [row(n) for n in range(1, 6)]}


def test_a_store_that_answers_no_more_counts_as_away(tmp_path: Path) -> None:
    store = HangingStore()
    answers = iter([at_once(store.last_number)])
    historian, _ = make(tmp_path, store, submit=lambda _: next(answers, Future()))
    historian.add(READINGS, [row(1)], 1)
    for now_s in (1, 2, 10, 60):
        historian.tick(now_s * S)
    assert not store.abandoned.is_set()
    historian.tick(101 * S)
    assert store.abandoned.is_set()
    assert (historian.status.problem, historian.status.outages) == (NO_ANSWER, 1)
    assert historian.status.waiting_rows == 1


def test_beyond_the_bound_the_oldest_give_way_and_are_told(tmp_path: Path) -> None:
    store = FakeStore()
    store.is_away = True
    historian, spool = make(tmp_path, store)
    count = 5000
    for n in range(1, count + 1):
        historian.add(READINGS, [row(n)], n)
        historian.tick(n * S)
    assert spool.bytes <= BOUND
    dropped = historian.status.dropped_rows
    assert dropped > 0
    store.is_away = False
    historian.drain((count + 60) * S)
    kept = store.rows["readings"]
    assert kept == [row(n) for n in range(count - len(kept) + 1, count + 1)]
    # To say what was lost takes room too, so a second gap may follow the first.
    gaps = store.rows["gaps"]
    assert gaps[0][0] == 1
    assert gaps[-1][1] == count - len(kept)
    assert sum(int(gap[3]) for gap in gaps) == count - len(kept) == historian.status.dropped_rows >= dropped
    assert {(gap[2], "away" in str(gap[4])) for gap in gaps} == {("readings", True)}


def test_a_kill_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    store = FakeStore()
    historian, spool = make(tmp_path, store)
    for n in range(1, 11):
        historian.add(READINGS, [row(n)], n)
    # Killed after the store wrote and before the journal heard of it.
    batch = spool.next_batch(5)
    assert batch is not None
    store.write(batch)
    again, _ = make(tmp_path, store, now_ns=100)
    again.add(READINGS, [row(11)], 100)
    again.drain(200)
    assert store.rows == {"readings": [row(n) for n in range(1, 12)]}


def test_a_lost_journal_and_a_clock_that_went_back_lose_nothing(tmp_path: Path) -> None:
    store = FakeStore()
    store.last = 1_000_000
    historian, spool = make(tmp_path, store, now_ns=5)
    historian.add(READINGS, [row(1)], 5)
    spool.close()
    # What was recovered may have been written; what comes now was not, whatever its number.
    historian, spool = make(tmp_path, store, now_ns=6)
    historian.add(READINGS, [row(2)], 6)
    historian.drain(7)
    assert store.rows == {"readings": [row(2)]}
    spool.close()
    assert Spool(journal(tmp_path), BOUND, 0).rows == 0


def test_what_gives_way_while_it_is_written_is_lost_only_where_writing_fails(tmp_path: Path) -> None:
    for succeeds, lost in ((True, 0), (False, 1)):
        spool = Spool(None, 100, 0)
        spool.add(READINGS, [row(1)], 1)
        batch = spool.next_batch(10)
        assert batch is not None
        for n in (2, 3):
            spool.add(READINGS, [row(n)], n)
        assert spool.rows == 2
        if succeeds:
            spool.written(batch)
        else:
            spool.failed()
        assert sum(loss.rows for loss in spool.take_losses().values()) == lost


def test_maintenance_comes_by_itself(tmp_path: Path) -> None:
    store = FakeStore()
    historian, _ = make(tmp_path, store)
    for seconds in range(0, 1000, 5):
        historian.tick(seconds * S)
    assert len(store.maintained) == 3


def test_a_row_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="stamp_ns, tag, value, quality"):
        Spool(None, BOUND, 0).add(READINGS, [(1, "a", 1.0)], 1)


def test_hostile_texts_are_cut_and_cleaned(tmp_path: Path) -> None:
    spool = Spool(journal(tmp_path), 8 << 20, 0)
    spool.add(READINGS, [(1, "\0\ud800" + "x" * 1_000_000, 1.0, 0)] * 500, 1)
    batch = spool.next_batch(1000)
    assert batch is not None
    assert batch.rows == 500
    texts = {str(cells[1]) for record in batch.records for cells in record.rows}
    assert texts == {"?" + "x" * (TEXT_CHARACTERS_MAX - 2)}


def test_a_full_disk_is_told_and_does_not_stop_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = journal(tmp_path)
    spool = Spool(log, BOUND, 0)

    def full(payload: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(log, "append", full)
        spool.add(READINGS, [row(1)], 1)
    assert "No space left" in spool.journal_problem
    assert spool.rows == 1
    spool.add(READINGS, [row(2)], 2)
    assert spool.journal_problem == ""


_CELLS = {
    Kind.INT: st.integers(-(2**63), 2**63 - 1),
    Kind.SMALL: st.integers(-(2**15), 2**15 - 1),
    Kind.REAL: st.floats(allow_nan=False),
    Kind.TEXT: st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0")),
}


@given(st.data(), st.sampled_from(sorted(TABLES)), st.integers(0, 2**63))
def test_a_record_reads_back(data: st.DataObject, name: str, number: int) -> None:
    cells = st.tuples(*(_CELLS[column.kind] for column in TABLES[name].columns))
    record = Record(number, name, tuple(data.draw(st.lists(cells, max_size=3))))
    assert decode_record(encode_record(record)) == record


def test_a_record_keeps_not_a_number() -> None:
    record = decode_record(encode_record(Record(1, "readings", ((1, "a", math.nan, 2),))))
    assert math.isnan(float(record.rows[0][2]))


@given(st.one_of(st.binary(max_size=200), st.text().map(str.encode), st.just(b"[" * 100_000)))
def test_any_bytes_are_a_record_or_refused(data: bytes) -> None:
    try:
        decode_record(data)
    except ValueError:
        return


@given(st.lists(st.integers(0, 100), max_size=50), st.integers(0, 50))
def test_numbers_always_rise(times: list[int], last: int) -> None:
    numbers = Numbers(last)
    drawn = [numbers.next(time_ns) for time_ns in times]
    assert all(a < b for a, b in zip([last, *drawn], drawn, strict=False))


def test_gaps_are_a_table_of_their_own() -> None:
    assert TABLES["gaps"] is GAPS
