"""Rows on their way to the store: numbered, encoded for the journal, gathered into batches. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from workcell_sensors.historian.schema import DAY_NS, TABLES, Row, Table

ROWS_PER_RECORD_MAX = 2000
"""Keeps a record well below what the journal takes."""


@dataclass(frozen=True)
class Record:
    """Rows of one table that came together."""

    number: int
    """Rises from record to record, over restarts and a lost journal too: see `Numbers`."""
    table: str
    rows: tuple[Row, ...]


class Numbers:
    """Gives records numbers that always rise.

    A number is the time of its making, or one more than the one before where the clock has not moved or went back.
    So a store can tell what it has already written even where the journal was lost.

    >>> numbers = Numbers(last=7)
    >>> numbers.next(5), numbers.next(100)
    (8, 100)
    """

    def __init__(self, last: int) -> None:
        self._last = last

    def next(self, now_ns: int) -> int:
        """Returns the next number."""
        self._last = max(self._last + 1, now_ns)
        return self._last


def encode_record(record: Record) -> bytes:
    """Returns a record as compact JSON bytes; NaN and infinities stay what they are."""
    return json.dumps((record.number, record.table, record.rows), separators=(",", ":")).encode()


def decode_record(data: bytes) -> Record:
    """Returns the record that `encode_record` wrote.

    Raises:
        ValueError: `data` is no encoded record.

    >>> decode_record(encode_record(Record(3, "readings", ((5, "a", 1.5, 0),))))
    Record(number=3, table='readings', rows=((5, 'a', 1.5, 0),))
    """
    try:
        number, name, rows = json.loads(data)
        table = TABLES[name]
        return Record(int(number), table.name, tuple(table.checked(tuple(row)) for row in rows))
    except (TypeError, KeyError, RecursionError, UnicodeDecodeError) as error:
        raise ValueError(f"no encoded record: {error}") from None


@dataclass(frozen=True)
class Batch:
    """Records in the order of their numbers, at least one."""

    records: tuple[Record, ...]

    @property
    def first(self) -> int:
        """Lowest number."""
        return self.records[0].number

    @property
    def last(self) -> int:
        """Highest number."""
        return self.records[-1].number

    @property
    def rows(self) -> int:
        """How many rows it holds."""
        return sum(len(record.rows) for record in self.records)

    def after(self, number: int) -> Batch | None:
        """Returns the part with numbers above `number`; None where there is none."""
        if number < self.first:
            return self
        rest = tuple(record for record in self.records if record.number > number)
        return Batch(rest) if rest else None

    def by_table(self) -> Iterator[tuple[Table, list[Row]]]:
        """Yields each table that has rows here, with them."""
        gathered: dict[str, list[Row]] = {}
        for record in self.records:
            gathered.setdefault(record.table, []).extend(record.rows)
        for name, rows in gathered.items():
            yield TABLES[name], rows


def split(table: Table, rows: Sequence[Row]) -> Iterable[tuple[Row, ...]]:
    """Yields the rows, checked, in portions that fit a record."""
    for start in range(0, len(rows), ROWS_PER_RECORD_MAX):
        yield tuple(table.checked(row) for row in rows[start : start + ROWS_PER_RECORD_MAX])


def by_day(rows: Iterable[Row]) -> dict[int, list[Row]]:
    """Returns the rows by the whole days since 1970 UTC of their stamp."""
    days: dict[int, list[Row]] = {}
    for row in rows:
        days.setdefault(int(row[0]) // DAY_NS, []).append(row)
    return days
