"""The historian's tables: one schema for every store.

Times are whole nanoseconds since 1970 UTC, as on the topics: no store rounds them. Every table has a natural key, by
which a row that comes twice (a latched topic after a restart, a gateway that publishes its journal again) counts
once.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

SCHEMA_VERSION = 1
TEXT_CHARACTERS_MAX = 4096
DAY_NS = 86_400 * 1_000_000_000

Cell = int | float | str
Row = tuple[Cell, ...]


class Kind(enum.Enum):
    """Type of a column, by its SQL name in (DuckDB, PostgreSQL)."""

    INT = ("BIGINT", "bigint")
    SMALL = ("SMALLINT", "smallint")
    REAL = ("DOUBLE", "double precision")
    TEXT = ("VARCHAR", "text")


@dataclass(frozen=True)
class Column:
    """One column; none of them is ever NULL."""

    name: str
    kind: Kind


@dataclass(frozen=True)
class Table:
    """One table, ordered in the store by its key."""

    name: str
    about: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in order; the first is always `stamp_ns`."""
        return tuple(column.name for column in self.columns)

    def checked(self, row: Row) -> Row:
        """Returns the row with every text short enough, and free of what a store cannot hold.

        Raises:
            ValueError: the row has too few or too many cells.
        """
        if len(row) != len(self.columns):
            raise ValueError(f"a row of {self.name} has {len(row)} cells; valid: {', '.join(self.names)}")
        return tuple(_text(cell) if isinstance(cell, str) else cell for cell in row)


def _text(cell: str) -> str:
    # Cut first, for it may be megabytes. PostgreSQL holds neither NUL nor half of a surrogate pair.
    short = cell[:TEXT_CHARACTERS_MAX]
    return short.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def _table(name: str, about: str, columns: str, key: str) -> Table:
    pairs = (item.split(":") for item in columns.split())
    return Table(name, about, tuple(Column(column, Kind[kind]) for column, kind in pairs), tuple(key.split()))


READINGS = _table(
    "readings",
    "every published reading in SI; quality 0 GOOD, 1 UNCERTAIN, 2 BAD, 3 STALE",
    "stamp_ns:INT tag:TEXT value:REAL quality:SMALL",
    key="tag stamp_ns",
)
TAGS = _table(
    "tags",
    "what a tag meant from stamp_ns on",
    "stamp_ns:INT tag:TEXT unit:TEXT description:TEXT",
    key="tag unit description",
)
CYCLES = _table(
    "cycles",
    "figures of each finished part (scope cycle), of each move (move) and of the shift so far (shift), one per row",
    "stamp_ns:INT begin_ns:INT scope:TEXT metric:TEXT value:REAL unit:TEXT",
    key="scope metric stamp_ns",
)
VERDICTS = _table(
    "verdicts",
    "what the inspection said of each part",
    "stamp_ns:INT variant:TEXT verdict:TEXT score:REAL",
    key="stamp_ns",
)
DETECTIONS = _table(
    "detections",
    "each defect that the inspection found",
    "stamp_ns:INT number:SMALL variant:TEXT kind:TEXT score:REAL x_px:REAL y_px:REAL width_px:REAL height_px:REAL",
    key="stamp_ns number",
)
AUDIT = _table(
    "audit",
    "each step of each proposal through the governor; stamp_ns is the proposal's time, heard_ns that of the step",
    "stamp_ns:INT heard_ns:INT outcome:TEXT node:TEXT parameters:TEXT actor:TEXT reason:TEXT",
    key="stamp_ns outcome actor reason",
)
GAPS = _table(
    "gaps",
    "rows that were lost while the store was away for longer than the journal could hold",
    "stamp_ns:INT until_ns:INT table_name:TEXT rows_lost:INT reason:TEXT",
    key="stamp_ns table_name",
)
TABLES: dict[str, Table] = {table.name: table for table in (READINGS, TAGS, CYCLES, VERDICTS, DETECTIONS, AUDIT, GAPS)}
