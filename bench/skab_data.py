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
    """Reads one file, its columns in any order; it must have more rows than are learned from.

    Raises:
        ConfigError: a row has another number of fields, a number or time cannot be read, no quantity is there, or too
            few rows are.
    """
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        header, *rows = csv.reader(stream, delimiter=";")
    names = [name for name in header if name != TIME]
    columns = tuple(name for name in names if name not in LABELS)
    if not columns:
        raise ConfigError(path, "", "has no column of a quantity", f"others than {', '.join((TIME, *LABELS))}")
    numbered = [(number, row) for number, row in enumerate(rows, start=2) if row]
    if len(numbered) <= TRAIN_ROWS:
        raise ConfigError(path, "", f"has {len(numbered)} rows", f"more than the {TRAIN_ROWS} that are learned from")
    read = [_row(path, number, header, row) for number, row in numbered]
    picked = dict(zip(names, np.array([values for _, values in read]).T, strict=True))
    return SkabFile(
        name=str(path.relative_to(folder)),
        columns=columns,
        times_s=np.array([time_s for time_s, _ in read]),
        values=np.stack([picked[name] for name in columns], axis=1),
        anomaly=picked["anomaly"] > 0.5,
        change=picked["changepoint"] > 0.5,
    )


def _row(path: Path, number: int, header: list[str], row: list[str]) -> tuple[float, list[float]]:
    """Returns the time and the other figures of a row in the order of the header.

    Raises:
        ConfigError: names the line and what is wrong with it.
    """
    try:
        if len(row) != len(header):
            raise ValueError(f"has {len(row)} fields")
        cells = dict(zip(header, row, strict=True))
        time = datetime.datetime.fromisoformat(cells.pop(TIME))
        values = [_number(cell) for cell in cells.values()]
    except ValueError as error:
        valid = f"{len(header)} fields: numbers, and times as 2020-03-09 10:14:33 in {TIME}"
        raise ConfigError(path, f"line {number}", str(error), valid) from None
    zoned = time if time.tzinfo is not None else time.replace(tzinfo=datetime.UTC)
    return zoned.timestamp(), values


def _is_labelled(path: Path) -> bool:
    with path.open(encoding="utf-8-sig", errors="replace") as stream:
        header = stream.readline().strip().split(";")
    return all(name in header for name in (TIME, *LABELS))


def _number(cell: str) -> float:
    return float(cell) if cell.strip() else float("nan")
