"""The one seam between questions and stores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from workcell_sensors.historian.schema import Column, Row, Table

ROWS_PER_FETCH = 20_000


@dataclass(frozen=True)
class Span:
    """begin_ns <= stamp_ns < end_ns; None is open."""

    begin_ns: int | None = None
    end_ns: int | None = None


@dataclass(frozen=True)
class Question:
    """A query in the SQL that both stores understand.

    `select` and `where` name parameters as {0}, {1} ... and `select` its rows, those that fulfil `where` and lie in
    `span`, as {rows}; the store puts in what it calls them.
    """

    table: Table
    span: Span
    where: str
    select: str
    parameters: tuple[int | float | str, ...]
    columns: tuple[Column, ...]

    @property
    def condition(self) -> str:
        """Returns `where` together with the span."""
        parts = [self.where] if self.where else []
        if self.span.begin_ns is not None:
            parts.append(f"stamp_ns >= {self.span.begin_ns:d}")
        if self.span.end_ns is not None:
            parts.append(f"stamp_ns < {self.span.end_ns:d}")
        return " AND ".join(parts) or "TRUE"


class History(Protocol):
    """Answers questions, while the historian writes or without it."""

    def ask(self, question: Question) -> Iterator[list[Row]]:
        """Yields the answer's rows in portions.

        Raises:
            WorkcellError: the store cannot be read.
        """

    def close(self) -> None:
        """Gives up its connection."""
