"""How Parquet files lie on disk and which of them count. Pure but for listing folders.

    <dir>/schema.json
    <dir>/<table>/<yyyy-mm-dd>/<first>-<last>.parquet

A file holds the rows of one table and UTC day out of the records numbered first..last. It is written under a hidden
name, made to outlive a loss of power, and renamed: a reader sees all of it or nothing. Merging writes one file that
spans the numbers of several; from its rename on they no longer count, whether they are still there or not.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from workcell_sensors.historian.schema import DAY_NS

SUFFIX = ".parquet"
_NAME = re.compile(r"(\d{20})-(\d{20})\.parquet")
_EPOCH = datetime.date(1970, 1, 1)

MERGE_FILES = 16
LEVEL_BYTES = (256 << 10, 4 << 20, 64 << 20)
"""Sizes below which a file is of level 0, 1, 2; a larger one is never merged again."""


@dataclass(frozen=True)
class DataFile:
    """One Parquet file that is wholly written."""

    path: Path
    first: int
    last: int
    bytes: int

    @property
    def level(self) -> int:
        """0 for the smallest; so that a row is rewritten as often as there are levels, not more."""
        return sum(self.bytes >= limit for limit in LEVEL_BYTES)


def file_name(first: int, last: int) -> str:
    """Returns a file's name.

    >>> file_name(1, 20)
    '00000000000000000001-00000000000000000020.parquet'
    """
    return f"{first:020d}-{last:020d}{SUFFIX}"


def day_name(day: int) -> str:
    """Returns the folder of a day since 1970.

    >>> day_name(20000)
    '2024-10-04'
    """
    return (_EPOCH + datetime.timedelta(days=day)).isoformat()


def day_of(name: str) -> int | None:
    """Returns the day since 1970 that a folder is for, or None where it is no such folder."""
    try:
        return (datetime.date.fromisoformat(name) - _EPOCH).days
    except ValueError:
        return None


def days_of(table_dir: Path) -> dict[int, Path]:
    """Returns the day folders of a table, oldest first."""
    found = {day: path for path in _listed(table_dir) if (day := day_of(path.name)) is not None}
    return dict(sorted(found.items()))


def all_files(day_dir: Path) -> list[DataFile]:
    """Returns every finished file of a day in the order of numbers, the larger span first."""
    found = []
    for path in _listed(day_dir):
        match = _NAME.fullmatch(path.name)
        if match is None:
            continue
        try:
            found.append(DataFile(path, int(match[1]), int(match[2]), path.stat().st_size))
        except FileNotFoundError:
            # Merged away since the folder was listed; what it was merged into is listed or comes with a second look.
            continue
    return sorted(found, key=lambda file: (file.first, -file.last))


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except FileNotFoundError:
        return []


def current(files: Iterable[DataFile]) -> list[DataFile]:
    """Returns those files that no other spans; `files` as `all_files` orders them.

    >>> spans = [(1, 9), (1, 3), (4, 9), (10, 12)]
    >>> [(f.first, f.last) for f in current(DataFile(Path(), a, b, 0) for a, b in spans)]
    [(1, 9), (10, 12)]
    """
    kept: list[DataFile] = []
    for file in files:
        if not kept or file.last > kept[-1].last:
            kept.append(file)
    return kept


def to_merge(files: Sequence[DataFile], files_min: int = MERGE_FILES) -> Sequence[DataFile]:
    """Returns the next neighbours worth merging into one, or nothing.

    They are at least `files_min`, of the lowest level at which there are so many.
    """
    for level in range(len(LEVEL_BYTES)):
        run: list[DataFile] = []
        for file in files:
            if file.level > level:
                run = []
                continue
            run.append(file)
            if len(run) >= files_min:
                return run
    return ()


def days_between(begin_ns: int | None, end_ns: int | None) -> tuple[int, int]:
    """Returns the first and last day that may hold stamps in begin_ns <= stamp < end_ns."""
    first = -_EPOCH.toordinal() if begin_ns is None else begin_ns // DAY_NS
    last = datetime.date.max.toordinal() if end_ns is None else (end_ns - 1) // DAY_NS
    return first, last
