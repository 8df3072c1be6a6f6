"""Recordings of a real cobot in the form of UCI's UR3 CobotOps: sensors, protective stops and lost grips."""

from __future__ import annotations

import csv
import datetime
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
GAP_S = 5.0
"""Rows further apart belong to different stretches: nothing is said from one about the other."""
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


def load_recordings(folder: Path) -> list[Recording]:
    """Reads every csv file of a folder that has the labels.

    Raises:
        ConfigError: there is none, or a time or number cannot be read.
    """
    found = [load_recording(path) for path in sorted(folder.rglob("*.csv")) if _has_labels(path)]
    if not found:
        raise ConfigError(folder, "", "holds no labelled csv file", f"columns {', '.join(LABELS.values())}")
    return found


def load_recording(path: Path) -> Recording:
    """Reads one recording; delimiter `;`, decimal comma or point, rows with blanks included.

    Raises:
        ConfigError: a time or number cannot be read, or fewer than two rows are there.
    """
    with path.open(encoding="utf-8-sig", newline="") as stream:
        header, *rows = csv.reader(stream, delimiter=";")
    index = {name.strip().lower(): place for place, name in enumerate(header) if name.strip()}
    try:
        table = {name: np.array([_number(row[place]) for row in rows]) for name, place in index.items() if name != TIME}
        times_s = np.array([_time_s(row[index[TIME]]) for row in rows])
    except (ValueError, IndexError) as error:
        raise ConfigError(path, "", str(error), "numbers, True or False, and ISO 8601 times") from None
    # Of rows with the same time the last stands; a row out of order is put where its time says.
    order = np.argsort(times_s, kind="stable")
    order = order[np.append(np.diff(times_s[order]) > 0.0, True)] if len(order) else order
    if len(order) < 2:
        raise ConfigError(path, "", f"holds {len(order)} rows", "two and more")
    times_s = times_s[order]
    columns = tuple(name for name in table if name not in NOT_SENSORS)
    return Recording(
        name=path.name,
        times_s=times_s,
        stretch=np.concatenate(([0], np.cumsum(np.diff(times_s) > GAP_S))),
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


def _has_labels(path: Path) -> bool:
    with path.open(encoding="utf-8-sig") as stream:
        names = {name.strip().lower() for name in stream.readline().split(";")}
    return {TIME, *LABELS.values()} <= names


def _number(cell: str) -> float:
    text = cell.strip().lower()
    if not text:
        return float("nan")
    if text in TRUE or text in FALSE:
        return float(text in TRUE)
    return float(text.replace(",", "."))


def _time_s(cell: str) -> float:
    time = datetime.datetime.fromisoformat(cell.strip().strip('"').replace("Z", "+00:00"))
    if time.tzinfo is None:
        time = time.replace(tzinfo=datetime.UTC)
    return time.timestamp()
