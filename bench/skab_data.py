"""Files of the Skoltech Anomaly Benchmark."""

from __future__ import annotations

import csv
import datetime
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.skab_metrics import BoolArray, FloatArray
from workcell_ros.errors import ConfigError

TRAIN_ROWS = 400
LABELS = ("anomaly", "changepoint")
TIME = "datetime"


@dataclass(frozen=True)
class SkabFile:
    """One experiment."""

    name: str
    columns: tuple[str, ...]
    times_s: FloatArray  # (m,)
    values: FloatArray  # (m, n); NaN where the file holds nothing
    anomaly: BoolArray  # (m,)
    change: BoolArray  # (m,)


def load_folder(folder: Path) -> list[SkabFile]:
    """Reads every labelled csv file below a folder; files without labels (`anomaly-free`) are passed over.

    Raises:
        ConfigError: there is none, or one cannot be read.
    """
    files = [load_file(path, folder) for path in sorted(folder.rglob("*.csv")) if _is_labelled(path)]
    if not files:
        raise ConfigError(folder, "", "holds no labelled csv file", f"files with columns {', '.join(LABELS)}")
    return files


def load_file(path: Path, folder: Path) -> SkabFile:
    """Reads one file; it must have more rows than are learned from.

    Raises:
        ConfigError: a row has another number of fields, a number or time cannot be read, or there are too few rows.
    """
    with path.open(encoding="utf-8-sig", newline="") as stream:
        header, *rows = csv.reader(stream, delimiter=";")
    columns = tuple(name for name in header if name not in (TIME, *LABELS))
    if len(rows) <= TRAIN_ROWS:
        raise ConfigError(path, "", f"has {len(rows)} rows", f"more than the {TRAIN_ROWS} that are learned from")
    try:
        table = np.array(
            [[_number(cell) for name, cell in zip(header, row, strict=True) if name != TIME] for row in rows]
        )
        times = [datetime.datetime.fromisoformat(row[header.index(TIME)]) for row in rows]
    except ValueError as error:
        raise ConfigError(path, "", str(error), f"numbers, and times as 2020-03-09 10:14:33 in {TIME}") from None
    names = [name for name in header if name != TIME]
    picked = {name: table[:, index] for index, name in enumerate(names)}
    return SkabFile(
        name=str(path.relative_to(folder)),
        columns=columns,
        times_s=np.array([(time - datetime.datetime(1970, 1, 1)).total_seconds() for time in times]),
        values=np.stack([picked[name] for name in columns], axis=1),
        anomaly=picked["anomaly"] > 0.5,
        change=picked["changepoint"] > 0.5,
    )


def _is_labelled(path: Path) -> bool:
    with path.open(encoding="utf-8-sig") as stream:
        header = stream.readline().strip().split(";")
    return all(name in header for name in (TIME, *LABELS))


def _number(cell: str) -> float:
    return float(cell) if cell.strip() else float("nan")
