"""Recordings of a real cobot in the form of UCI's UR3 CobotOps: sensors, protective stops and lost grips."""

from __future__ import annotations

import csv
import datetime
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from workcell_ros.errors import ConfigError

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IndexArray = npt.NDArray[np.intp]

TIME = "timestamp"
LABELS = {"protective stop": "robot_protectivestop", "grip loss": "grip_lost"}
NOT_SENSORS = frozenset({"num", "cycle", TIME, *LABELS.values()})
GAP_PERIODS = 5.0
"""Rows so many of the usual periods apart belong to different stretches: nothing is said from one about the other."""
DELIMITERS = (";", ",")
TRUE, FALSE = frozenset({"true", "1", "1.0"}), frozenset({"false", "0", "0.0"})


@dataclass(frozen=True)
class Recording:
    """Rows in the order of their time, one per time stamp."""

    name: str
    times_s: FloatArray  # (m,)
    stretch: IndexArray  # (m,), rising by one at each gap
    columns: tuple[str, ...]
    values: FloatArray  # (m, n); NaN where the recording holds nothing
    cycle: FloatArray  # (m,); NaN where unknown
    labels: dict[str, FloatArray]  # each (m,): 1, 0, or NaN where unknown

    @property
    def period_s(self) -> float:
        """The usual time from one row to the next."""
        return float(np.median(np.diff(self.times_s)))


def load_recordings(folder: Path) -> list[Recording]:
    """Reads every csv file of a folder that has the labels.

    Raises:
        ConfigError: there is none, or one cannot be read.
    """
    labelled = [(path, delimiter) for path in sorted(folder.rglob("*.csv")) if (delimiter := _delimiter(path))]
    if not labelled:
        raise ConfigError(folder, "", "holds no labelled csv file", f"columns {', '.join((TIME, *LABELS.values()))}")
    return [load_recording(path, delimiter) for path, delimiter in labelled]


def load_recording(path: Path, delimiter: str = ";") -> Recording:
    """Reads one recording; decimal comma or point, rows with blanks included, columns in any order.

    Raises:
        ConfigError: a cell cannot be read, no sensor or fewer than two rows are there.
    """
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        header, *rows = csv.reader(stream, delimiter=delimiter)
    index = {name.strip().lower(): place for place, name in enumerate(header) if name.strip()}
    numbered = [(number, row) for number, row in enumerate(rows, start=2) if any(cell.strip() for cell in row)]
    times_s = _column(path, TIME, index[TIME], numbered, _time_s)
    table = {name: _column(path, name, place, numbered, _number) for name, place in index.items() if name != TIME}
    # Of rows with the same time the last stands; a row out of order is put where its time says.
    order = np.argsort(times_s, kind="stable")
    order = order[np.append(np.diff(times_s[order]) > 0.0, True)] if len(order) else order
    if len(order) < 2:
        raise ConfigError(path, "", f"holds {len(order)} rows", "two and more")
    columns = tuple(name for name in table if name not in NOT_SENSORS)
    if not columns:
        raise ConfigError(path, "", "has no column of a sensor", f"others than {', '.join(sorted(NOT_SENSORS))}")
    times_s = times_s[order]
    steps_s = np.diff(times_s)
    return Recording(
        name=path.name,
        times_s=times_s,
        stretch=np.concatenate(([0], np.cumsum(steps_s > GAP_PERIODS * np.median(steps_s)))),
        columns=columns,
        values=np.stack([table[name][order] for name in columns], axis=1),
        cycle=table["cycle"][order] if "cycle" in table else np.full(len(order), np.nan),
        labels={label: table[name][order] for label, name in LABELS.items()},
    )


def onsets(recording: Recording, label: str) -> IndexArray:
    """Returns the rows (k,) at which the labelled state begins, by the row before in the same stretch."""
    state = recording.labels[label]
    begins = (state[1:] == 1.0) & (state[:-1] != 1.0) & (np.diff(recording.stretch) == 0)
    return np.flatnonzero(begins) + 1


def _delimiter(path: Path) -> str:
    """Returns what parts the columns of a labelled file; empty where the labels are not in its first line."""
    with path.open(encoding="utf-8-sig", errors="replace") as stream:
        head = stream.readline()
    for delimiter in DELIMITERS:
        if {TIME, *LABELS.values()} <= {name.strip().strip('"').lower() for name in head.split(delimiter)}:
            return delimiter
    return ""


def _column(
    path: Path, name: str, place: int, numbered: list[tuple[int, list[str]]], read: Callable[[str], float]
) -> FloatArray:
    """Returns a column (m,) of the rows with their numbers; a row that ends before it holds nothing there.

    Raises:
        ConfigError: names the line and what stands there.
    """
    values = np.full(len(numbered), np.nan)
    for at, (number, row) in enumerate(numbered):
        cell = row[place] if place < len(row) else ""
        try:
            values[at] = read(cell)
        except ValueError:
            valid = "an ISO 8601 time" if name == TIME else "a number, True, False or nothing"
            raise ConfigError(path, name, f"is {cell!r} in line {number}", valid) from None
    return values


def _number(cell: str) -> float:
    text = cell.strip().lower()
    if not text:
        return float("nan")
    if text in TRUE or text in FALSE:
        return float(text in TRUE)
    value = float(text.replace(",", "."))
    return value if math.isfinite(value) else float("nan")


def _time_s(cell: str) -> float:
    time = datetime.datetime.fromisoformat(cell.strip().strip('"').replace("Z", "+00:00"))
    if time.tzinfo is None:
        time = time.replace(tzinfo=datetime.UTC)
    return time.timestamp()
