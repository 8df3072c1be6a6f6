"""Recordings as CSV: wide tables with a column per quantity, and our own exports with a row per reading; pure.

Delimiter, decimal sign and the kind of time are told from the file itself. Times may be ISO 8601 (UTC unless it says),
seconds, milliseconds, microseconds or nanoseconds since 1970, seconds from the recording's start, or of a format that
the tag table gives.
"""

from __future__ import annotations

import csv
import datetime
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from workcell_sensors.reading import NS_PER_S
from workcell_sensors.sources.mtconnect_time import parse_time_ns
from workcell_sensors.sources.replay_rows import Cell, RecordingError, Row

DELIMITERS = ";\t|,"
HEAD_LINES = 50
FIELD_CHARACTERS_MAX = 1 << 20
_TIME_NAMES = ("stamp_ns", "timestamp", "time", "datetime", "date", "stamp", "zeit", "t")
STAMP_NS = "stamp_ns"
_LONG = (STAMP_NS, "tag", "value")
_COMMA_NUMBER = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d{1,3})?|[+-]?\d+,")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")
_EPOCH_DIGITS = ((16, 1), (14, 1_000), (11, 1_000_000))
"""(digits above which, factor to nanoseconds): a number of so many digits is of our days in that unit."""


@dataclass(frozen=True)
class Format:
    """How a file is written.

    Attributes:
        delimiter: between fields.
        decimal_comma: whether `0,5` is a half.
        columns: names in the first line, blanks cut off.
        time_column: which of them is the time.
        is_long: whether it is our own export: one reading per row.
    """

    delimiter: str
    decimal_comma: bool
    columns: tuple[str, ...]
    time_column: str
    is_long: bool


def sniff(head: Sequence[str], time_column: str = "") -> Format:
    """Returns how a file is written, from its first lines.

    Raises:
        RecordingError: it has no head line, or no column that is the time.
    """
    if not head or not head[0].strip():
        raise RecordingError("line 1: no names of columns")
    first = head[0].lstrip("\ufeff")
    delimiter = max(DELIMITERS, key=lambda sign: (first.count(sign), -DELIMITERS.index(sign)))
    try:
        columns = tuple(name.strip() for name in next(csv.reader([first.rstrip("\r\n")], delimiter=delimiter)))
    except csv.Error as error:
        raise RecordingError(f"line 1: {error}") from None
    if set(_LONG) <= set(columns):
        return Format(delimiter, False, columns, STAMP_NS, True)
    chosen = time_column or next((name for known in _TIME_NAMES for name in columns if name.lower() == known), "")
    if chosen not in columns:
        valid = ", ".join(name for name in columns if name)
        raise RecordingError(f"line 1: no time column {chosen!r}; valid: time_column, one of {valid}"[:500])
    fields = [field.strip() for line in head[1:HEAD_LINES] for field in line.split(delimiter)]
    commas = sum(_COMMA_NUMBER.fullmatch(field) is not None for field in fields)
    points = sum("." in field and _NUMBER.fullmatch(field) is not None for field in fields)
    return Format(delimiter, commas > points and delimiter != ",", columns, chosen, False)


class CsvRows:
    """Reads a table line by line.

    Args:
        lines: of the file, the head line included.
        written: how.
        time_format: strptime format of the time; empty: told from each time itself.
    """

    def __init__(self, lines: Iterable[str], written: Format, time_format: str = "") -> None:
        csv.field_size_limit(FIELD_CHARACTERS_MAX)
        self._lines = iter(lines)
        self._format = written
        # What says its unit in its name is not guessed at.
        self._to_ns: Callable[[str], int] = (
            int if written.time_column == STAMP_NS else lambda text: time_ns(text, time_format)
        )
        self.malformed = 0
        """Lines without a usable time, left out."""

    def __iter__(self) -> Iterator[Row]:
        """Yields the rows in the file's order."""
        next(self._lines, None)
        rows = self._long() if self._format.is_long else self._wide()
        yield from rows

    def _fields(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Yields each line's time and fields, blank ones left out."""
        reader = csv.reader(self._lines, delimiter=self._format.delimiter)
        columns, time_column = self._format.columns, self._format.time_column
        while True:
            try:
                line = next(reader)
                fields = {
                    name: text for name, text in zip(columns, map(str.strip, line), strict=False) if name and text
                }
                if fields:
                    yield self._to_ns(fields.pop(time_column, "")), fields
            except StopIteration:
                return
            except (csv.Error, ValueError):
                self.malformed += 1

    def _wide(self) -> Iterator[Row]:
        for stamp_ns, fields in self._fields():
            yield Row(stamp_ns, {name: self._cell(text) for name, text in fields.items()}, {})

    def _long(self) -> Iterator[Row]:
        """Yields the readings of one time as one row."""
        stamp_ns, cells, qualities = 0, dict[str, Cell](), dict[str, int]()
        for next_ns, fields in self._fields():
            tag = fields.get("tag", "")
            if cells and (next_ns != stamp_ns or tag in cells):
                yield Row(stamp_ns, cells, qualities)
                cells, qualities = {}, {}
            stamp_ns = next_ns
            cells[tag] = self._cell(fields.get("value", "nan"))
            if fields.get("quality", "0") != "0":
                qualities[tag] = int(fields["quality"]) if fields["quality"] in ("1", "2", "3") else 2
        if cells:
            yield Row(stamp_ns, cells, qualities)

    def _cell(self, text: str) -> Cell:
        if self._format.decimal_comma and _COMMA_NUMBER.fullmatch(text):
            text = text.replace(",", ".", 1)
        return float(text) if _NUMBER.fullmatch(text) else text


def time_ns(text: str, time_format: str = "") -> int:
    """Returns a time in nanoseconds since 1970, or since the start of the recording where it is a small number.

    Raises:
        ValueError: it is no time.

    >>> time_ns("1.5"), time_ns("1600000000"), time_ns("2020-09-13 12:26:40")
    (1500000000, 1600000000000000000, 1600000000000000000)
    >>> time_ns("13.09.2020 12:26", "%d.%m.%Y %H:%M")
    1599999960000000000
    """
    if time_format:
        moment = datetime.datetime.strptime(text, time_format)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=datetime.UTC)
        since = moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
        return (since.days * 86_400 + since.seconds) * NS_PER_S + since.microseconds * 1000
    number = text.replace(",", ".", 1)
    if not _NUMBER.fullmatch(number):
        return parse_time_ns(text)
    digits, _, fraction = number.partition(".")
    for digits_min, factor in _EPOCH_DIGITS:
        if len(digits.lstrip("+-")) > digits_min and not fraction:
            return int(digits) * factor
    seconds = float(number)
    if not math.isfinite(seconds) or abs(seconds) > 1e15:
        raise ValueError(f"{text[:40]!r} is no time")
    if "e" in number.lower() or not fraction:
        return round(seconds * NS_PER_S)
    # Digit by digit: a float of our days has no nanoseconds.
    sign = -1 if digits.startswith("-") else 1
    return int(digits or 0) * NS_PER_S + sign * int(fraction.ljust(9, "0")[:9])
