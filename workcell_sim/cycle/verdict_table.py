"""How the inspection judges by light and smear: a measured table, interpolated.

The table comes from `workcell_sim.cycle.inspect_grid`, which sends rendered boards through the real inspection.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from workcell_ros.errors import ConfigError

FloatArray = npt.NDArray[np.float64]

TABLE_FILE = Path(__file__).with_name("verdicts.csv")
KINDS = ("accept", "rework", "reject")
"""The verdict that a part deserves: a good one, one worth reworking, one that is not."""
VERDICTS = ("accept", "rework", "reject", "unsure")
PRIOR_PARTS = 0.5
"""Added to the counts of the verdict deserved: what never happened in the table hardly ever does."""


@dataclass(frozen=True)
class VerdictRow:
    """One condition and kind of part: how many were judged how, and what image health measured."""

    gain: float
    """Exposure times light over the nominal exposure."""
    smear_px: float
    """Way of the part's image during the exposure."""
    kind: str
    parts: int
    accept: int
    rework: int
    reject: int
    unsure: int
    light_level: float
    blur_px: float
    blur_spread_px: float


class Judgement(NamedTuple):
    """What the inspection makes of a kind of part: shares of each verdict, and image health."""

    shares: FloatArray
    """In the order of `VERDICTS`, shape (4,)."""
    light_level: float
    blur_px: float
    blur_spread_px: float


class VerdictTable:
    """Bilinear in gain and smear; beyond the table its edge holds.

    Args:
        rows: one per kind and point of a full grid of gains and smears.

    Raises:
        ConfigError: the rows are no full grid.
    """

    def __init__(self, rows: list[VerdictRow], source: str | Path = TABLE_FILE) -> None:
        self._gains = np.array(sorted({row.gain for row in rows}))
        self._smears_px = np.array(sorted({row.smear_px for row in rows}))
        shape = (len(KINDS), len(self._gains), len(self._smears_px), len(VERDICTS) + 3)
        self._values = np.full(shape, np.nan)
        for row in rows:
            at = (KINDS.index(row.kind), *(self._index(row.gain, row.smear_px)))
            counts = np.array([getattr(row, name) for name in VERDICTS], dtype=np.float64)
            counts[VERDICTS.index(row.kind)] += PRIOR_PARTS
            self._values[at] = [*(counts / counts.sum()), row.light_level, row.blur_px, row.blur_spread_px]
        if np.isnan(self._values).any() or not rows:
            raise ConfigError(source, "rows", "are no full grid", "a row per kind, gain and smear")

    def judge(self, kind: str, gain: float, smear_px: float) -> Judgement:
        """What the inspection makes of a part of `kind` under a gain and smear."""
        row, row_share = _place(self._gains, gain)
        column, column_share = _place(self._smears_px, smear_px)
        corners = self._values[KINDS.index(kind), row : row + 2, column : column + 2]
        along = corners[0] * (1.0 - row_share) + corners[1] * row_share
        values = along[0] * (1.0 - column_share) + along[1] * column_share
        light, blur_px, spread_px = (float(value) for value in values[len(VERDICTS) :])
        return Judgement(values[: len(VERDICTS)], light, blur_px, spread_px)

    def _index(self, gain: float, smear_px: float) -> tuple[int, int]:
        return int(np.searchsorted(self._gains, gain)), int(np.searchsorted(self._smears_px, smear_px))


def _place(grid: FloatArray, value: float) -> tuple[int, float]:
    """The grid's interval that holds a value, and the share of it that lies before."""
    index = min(max(int(np.searchsorted(grid, value, side="right")) - 1, 0), len(grid) - 2)
    share = (value - grid[index]) / (grid[index + 1] - grid[index])
    return index, min(max(float(share), 0.0), 1.0)


def load_table(path: Path = TABLE_FILE) -> VerdictTable:
    """Reads the table.

    Raises:
        ConfigError: the file is missing or is no such table.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [_row(entry) for entry in csv.DictReader(file)]
    except (OSError, KeyError, ValueError) as error:
        raise ConfigError(path, "table", str(error), "a table by workcell_sim.cycle.inspect_grid") from None
    return VerdictTable(rows, path)


def _row(entry: dict[str, str]) -> VerdictRow:
    return VerdictRow(
        gain=float(entry["gain"]),
        smear_px=float(entry["smear_px"]),
        kind=entry["kind"],
        parts=int(entry["parts"]),
        accept=int(entry["accept"]),
        rework=int(entry["rework"]),
        reject=int(entry["reject"]),
        unsure=int(entry["unsure"]),
        light_level=float(entry["light_level"]),
        blur_px=float(entry["blur_px"]),
        blur_spread_px=float(entry["blur_spread_px"]),
    )
