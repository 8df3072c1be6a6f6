"""The questions a person asks of the history. Pure: they make `Question`s, the store answers."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Iterable, Sequence

from workcell_ros.errors import ConfigError
from workcell_sensors.historian.history import Question, Span
from workcell_sensors.historian.schema import CYCLES, READINGS, TAGS, Column, Kind, Row, Table
from workcell_sensors.reading import NS_PER_S

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|min|h|d)")
_UNIT_NS = {"ms": 1_000_000, "s": NS_PER_S, "min": 60 * NS_PER_S, "h": 3600 * NS_PER_S, "d": 86_400 * NS_PER_S}
_RESAMPLED = (
    Column("begin_ns", Kind.INT),
    Column("tag", Kind.TEXT),
    *(Column(name, Kind.REAL) for name in ("minimum", "mean", "maximum")),
    *(Column(name, Kind.INT) for name in ("readings", "unusable")),
)
_TAG_LIST = (Column("tag", Kind.TEXT), *(Column(name, Kind.INT) for name in ("readings", "first_ns", "last_ns")))
USABLE = 1
"""Readings of a quality up to this one (UNCERTAIN) enter minimum, mean and maximum."""


def parse_duration_ns(text: str, key: str) -> int:
    """Returns "250ms", "1.5h" ... as nanoseconds.

    Raises:
        ConfigError: it is no positive duration.

    >>> parse_duration_ns("1.5s", "--resolution")
    1500000000
    """
    match = _DURATION.fullmatch(text.strip())
    duration_ns = round(float(match[1]) * _UNIT_NS[match[2]]) if match else 0
    if duration_ns <= 0:
        raise ConfigError("command line", key, f"is {text!r}", "a number with ms, s, min, h or d, like 10s")
    return duration_ns


def parse_time_ns(text: str, key: str, now_ns: int) -> int:
    """Returns a time as nanoseconds since 1970: ISO 8601 (UTC where it names no zone), or how long ago ("15min").

    Raises:
        ConfigError: it is neither.

    >>> parse_time_ns("1970-01-01T00:00:01Z", "--from", 0), parse_time_ns("2s", "--to", 5_000_000_000)
    (1000000000, 3000000000)
    """
    if _DURATION.fullmatch(text.strip()):
        return now_ns - parse_duration_ns(text, key)
    try:
        moment = datetime.datetime.fromisoformat(text.strip())
    except ValueError:
        valid = "ISO 8601 like 2026-03-01T06:00, or how long ago, like 15min"
        raise ConfigError("command line", key, f"is {text!r}", valid) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    since = moment - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    return (since.days * 86_400 + since.seconds) * NS_PER_S + since.microseconds * 1000


def rows_of(table: Table, span: Span, **equal: str) -> Question:
    """Asks for a table's rows in the order of time, where the named text columns have the given values."""
    where = " AND ".join(f"{name} = {{{number}}}" for number, name in enumerate(equal))
    names = ", ".join(table.names)
    order = ", ".join(dict.fromkeys(("stamp_ns", *table.key)))
    select = f"SELECT {names} FROM {{rows}} AS r ORDER BY {order}"
    return Question(table, span, where, select, tuple(equal.values()), table.columns)


def readings(tags: Sequence[str], span: Span) -> Question:
    """Asks for every reading of some tags (all where none is named), in the order of time."""
    select = "SELECT stamp_ns, tag, value, quality FROM {rows} AS r ORDER BY stamp_ns, tag"
    return Question(READINGS, span, _of(tags), select, tuple(tags), READINGS.columns)


def resampled(tags: Sequence[str], span: Span, resolution_ns: int) -> Question:
    """Asks for minimum, mean and maximum of some tags in each interval of `resolution_ns` that has readings.

    Intervals begin at whole multiples of the resolution since 1970; BAD and STALE readings are counted apart and do
    not enter the figures, which are NaN where an interval has no others.
    """
    bucket = f"stamp_ns - stamp_ns % {resolution_ns:d}"
    nan = "CAST('NaN' AS DOUBLE PRECISION)"
    # In SQL, unlike elsewhere, NaN equals itself.
    usable = f"CASE WHEN quality <= {USABLE} AND value <> {nan} THEN value END"
    figures = ", ".join(
        f"COALESCE({function}({usable}), {nan}) AS {name}"
        for function, name in (("MIN", "minimum"), ("AVG", "mean"), ("MAX", "maximum"))
    )
    select = (
        f"SELECT {bucket} AS begin_ns, tag, {figures}, COUNT({usable}) AS readings,"
        f" COUNT(*) - COUNT({usable}) AS unusable FROM {{rows}} AS r GROUP BY 1, 2 ORDER BY 1, 2"
    )
    return Question(READINGS, span, _of(tags), select, tuple(tags), _RESAMPLED)


def tag_list(span: Span) -> Question:
    """Asks which tags have readings, how many, and from when to when."""
    select = (
        "SELECT tag, COUNT(*) AS readings, MIN(stamp_ns) AS first_ns, MAX(stamp_ns) AS last_ns"
        " FROM {rows} AS r GROUP BY tag ORDER BY tag"
    )
    return Question(READINGS, span, "", select, (), _TAG_LIST)


def units() -> Question:
    """Asks for every tag's unit and description, the newest last."""
    return rows_of(TAGS, Span())


def cycles(span: Span, scope: str = "cycle") -> Question:
    """Asks for the figures of finished parts, one per row; `pivot` makes one row per part of them."""
    return rows_of(CYCLES, span, scope=scope)


def pivot(rows: Iterable[Row]) -> tuple[tuple[Column, ...], list[Row]]:
    """Returns rows of `cycles` as one row per end: stamp_ns, begin_ns and a column per metric, NaN where it has none.

    >>> columns, wide = pivot([(9, 5, "cycle", "drop", 0.0, "1"), (9, 5, "cycle", "energy", 7.5, "J")])
    >>> [column.name for column in columns], wide
    (['stamp_ns', 'begin_ns', 'drop', 'energy_J'], [(9, 5, 0.0, 7.5)])
    """
    names: dict[tuple[str, str], str] = {}
    parts: dict[int, tuple[int, dict[tuple[str, str], float]]] = {}
    for stamp_ns, begin_ns, _, metric, value, unit in rows:
        key = (str(metric), str(unit))
        names.setdefault(key, f"{metric}_{unit}" if unit not in ("", "1") else str(metric))
        parts.setdefault(int(stamp_ns), (int(begin_ns), {}))[1][key] = float(value)
    columns = (
        Column("stamp_ns", Kind.INT),
        Column("begin_ns", Kind.INT),
        *(Column(name, Kind.REAL) for name in names.values()),
    )
    wide: list[Row] = [
        (stamp_ns, begin_ns, *(values.get(key, math.nan) for key in names))
        for stamp_ns, (begin_ns, values) in parts.items()
    ]
    return columns, wide


def _of(tags: Sequence[str]) -> str:
    return f"tag IN ({', '.join(f'{{{number}}}' for number in range(len(tags)))})" if tags else ""
