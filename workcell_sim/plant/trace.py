"""Plays a real cobot's recorded field data through the simulated devices.

The format is that of the UR3 CobotOps data set (UC Irvine, doi 10.24432/C5J891): fields separated by `;`, decimal
comma, about one row a second, cells left blank where nothing was recorded.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from workcell_ros.errors import WorkcellError
from workcell_sensors.reading import FloatArray

TIME_COLUMN = "Timestamp"
GAP_PERIODS = 3.0
"""A row is held until the next one, but at most for this many usual periods."""
PAUSE_S = 60.0
"""A longer gap is a pause of the recording: it is played as a gap of this length."""
_KELVIN = 273.15
_JOINTS = range(6)


class TraceError(WorkcellError):
    """A trace file cannot be used; names the file, the line and the column."""

    def __init__(self, file: Path, line: int, column: str, problem: str, valid: str) -> None:
        self.line = line
        self.column = column
        where = f"line {line}" + (f", column {column}" if column else "")
        super().__init__(f"{file}: {where}: {problem}; valid: {valid}")


@dataclass(frozen=True)
class _Column:
    """A column of the file and the tag it stands for."""

    name: str
    tag: str
    read: Callable[[str], float]
    valid: str
    shift: float = 0.0
    other_names: tuple[str, ...] = ()


def _number(text: str) -> float:
    """Returns a number with decimal comma.

    >>> _number("-1,59E-40") < 0
    True
    """
    if "." in text or "_" in text:
        raise ValueError(text)
    value = float(text.replace(",", "."))
    if not np.isfinite(value):
        raise ValueError(text)
    return value


def _truth(text: str) -> float:
    return {"false": 0.0, "true": 1.0}[text.lower()]


_A_NUMBER = "a number with decimal comma, or blank"
COLUMNS: tuple[_Column, ...] = (
    *(_Column(f"Current_J{i}", f"arm/joint_{i + 1}/current", _number, _A_NUMBER) for i in _JOINTS),
    # The first temperature's heading is misspelt in the published file.
    *(
        _Column(
            f"Temperature_J{i}", f"arm/joint_{i + 1}/temperature", _number, _A_NUMBER, _KELVIN, (f"Temperature_T{i}",)
        )
        for i in _JOINTS
    ),
    *(_Column(f"Speed_J{i}", f"arm/joint_{i + 1}/speed", _number, _A_NUMBER) for i in _JOINTS),
    _Column("Tool_current", "arm/tool_current", _number, _A_NUMBER),
    _Column("Robot_ProtectiveStop", "arm/protective_stop", _truth, "True or False, or blank"),
    _Column("grip_lost", "arm/grip_lost", _truth, "True or False, or blank"),
)


@dataclass(frozen=True, eq=False)
class Trace:
    """A recording as columns of SI values.

    Attributes:
        tags: the tags it has, (n,).
        time_s: time of each row since the first, rising, (k,).
        values: SI values, NaN where nothing was recorded, (k, n).
        period_s: the usual time between two rows.
        blanks: cells without a value.
        backwards: rows left out because their time did not rise.
        pauses: gaps cut down to `PAUSE_S`.
    """

    tags: tuple[str, ...]
    time_s: FloatArray
    values: FloatArray
    period_s: float
    blanks: int
    backwards: int
    pauses: int

    @property
    def duration_s(self) -> float:
        """From the first row to the end of the last."""
        return float(self.time_s[-1]) + self.period_s

    def at(self, time_s: float) -> FloatArray:
        """Returns the values (n,) at a time since the start; the recording repeats from its end.

        In a gap the last row holds for three usual periods; then nothing is known.
        """
        time_s %= self.duration_s
        row = int(np.searchsorted(self.time_s, time_s, side="right")) - 1
        if time_s - self.time_s[row] > GAP_PERIODS * self.period_s:
            return np.full(len(self.tags), np.nan)
        values: FloatArray = self.values[row]
        return values


def load_trace(path: str | Path) -> Trace:
    """Reads a recording.

    Raises:
        TraceError: the file cannot be read, has no usable column, or a cell is neither blank nor valid.
    """
    file = Path(path)
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            return _read(file, list(csv.reader(stream, delimiter=";")))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise TraceError(file, 1, "", reason, "a readable text file in the format of UR3 CobotOps") from None


def _read(file: Path, lines: Sequence[Sequence[str]]) -> Trace:
    heading = [name.strip() for name in lines[0]] if lines else []
    columns = _find_columns(file, heading)
    time_column = heading.index(TIME_COLUMN)
    times: list[float] = []
    rows: list[list[float]] = []
    backwards = 0
    for number, line in enumerate(lines[1:], start=2):
        if not any(cell.strip() for cell in line):
            continue
        if len(line) < len(heading):
            problem = f"has {len(line)} fields"
            raise TraceError(file, number, "", problem, f"{len(heading)} fields as in the heading")
        time_s = _time(file, number, line[time_column].strip())
        if times and time_s <= times[-1]:
            backwards += 1
            continue
        times.append(time_s)
        rows.append([_cell(file, number, column, line[at].strip()) for at, column in columns])
    if len(times) < 2:
        raise TraceError(file, len(lines), "", f"only {len(times)} rows with a time", "at least two rows")
    steps = np.diff(times)
    time = np.concatenate([[0.0], np.cumsum(np.minimum(steps, PAUSE_S))])
    values = np.array(rows)
    blanks = int(np.count_nonzero(np.isnan(values)))
    tags = tuple(column.tag for _, column in columns)
    pauses = int(np.count_nonzero(steps > PAUSE_S))
    return Trace(tags, time, values, float(np.median(steps)), blanks, backwards, pauses)


def _find_columns(file: Path, heading: Sequence[str]) -> list[tuple[int, _Column]]:
    if TIME_COLUMN not in heading:
        raise TraceError(file, 1, TIME_COLUMN, "is missing from the heading", f"{TIME_COLUMN}; columns separated by ;")
    found = [
        (heading.index(name), column)
        for column in COLUMNS
        for name in (column.name, *column.other_names)
        if name in heading
    ]
    if not found:
        raise TraceError(file, 1, "", "no column is known", ", ".join(column.name for column in COLUMNS))
    return found


def _time(file: Path, line: int, text: str) -> float:
    try:
        stamp = dt.datetime.fromisoformat(text)
    except ValueError:
        raise TraceError(file, line, TIME_COLUMN, f"is {text!r}", "a time as 2022-10-26T08:17:21.847Z") from None
    return (stamp if stamp.tzinfo is not None else stamp.replace(tzinfo=dt.UTC)).timestamp()


def _cell(file: Path, line: int, column: _Column, text: str) -> float:
    if not text:
        return np.nan
    try:
        return column.read(text) + column.shift
    except (ValueError, KeyError):
        raise TraceError(file, line, column.name, f"is {text!r}", column.valid) from None
