"""Rows of a recording, whatever it was recorded in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Cell = str | float


@dataclass(frozen=True)
class Row:
    """What was recorded of one moment.

    Attributes:
        stamp_ns: when.
        cells: number or text per column or tag; what is missing was not recorded.
        qualities: per column or tag where the recording has them.
    """

    stamp_ns: int
    cells: Mapping[str, Cell]
    qualities: Mapping[str, int]

    def then(self, row: Row) -> Row:
        """Returns what is known after a later row: its cells, and of the others what was known before."""
        kept = {name: quality for name, quality in self.qualities.items() if name not in row.cells}
        return Row(row.stamp_ns, {**self.cells, **row.cells}, kept | dict(row.qualities))


class RecordingError(ValueError):
    """A recording cannot be used; says where in the file and what would be valid."""
