"""Files in the form of SKAB's, in any order of columns; what cannot be read is named with its line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.skab_data import TRAIN_ROWS, load_folder
from workcell_ros.errors import ConfigError

HEAD = "anomaly;Pressure;datetime;changepoint"
ROWS = [f"{row % 2};{row};2020-03-09T10:{row // 60:02d}:{row % 60:02d}Z;0" for row in range(TRAIN_ROWS + 3)]


def written(folder: Path, *lines: str) -> None:
    (folder / "other.csv").write_text("\n".join(lines), encoding="utf-8")


def test_columns_in_any_order_times_with_a_zone_blanks_and_empty_lines_are_read(tmp_path: Path) -> None:
    rows = [*ROWS[:7], ROWS[7].replace(";7;", ";;"), *ROWS[8:], "", ""]
    written(tmp_path, HEAD, *rows)
    (tmp_path / "empty.csv").write_text("")
    (read,) = load_folder(tmp_path)
    assert read.columns == ("Pressure",)
    assert len(read.times_s) == len(ROWS)
    assert np.diff(read.times_s).tolist() == [1.0] * (len(ROWS) - 1)
    assert np.isnan(read.values[7, 0])
    assert read.anomaly[:4].tolist() == [False, True, False, True]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ((HEAD, *ROWS, "0;1"), f"line {len(ROWS) + 2}: has 2 fields"),
        ((HEAD, *ROWS, ROWS[0].replace("0;0;", "0;wet;")), "could not convert string to float: 'wet'"),
        ((HEAD, *ROWS[:TRAIN_ROWS]), f"has {TRAIN_ROWS} rows"),
        (("anomaly;datetime;changepoint", *(row.replace(";", "", 1) for row in ROWS)), "has no column of a quantity"),
        (("Pressure;datetime", *ROWS), "holds no labelled csv file"),
    ],
)
def test_a_file_that_cannot_be_scored_is_refused(tmp_path: Path, lines: tuple[str, ...], words: str) -> None:
    written(tmp_path, *lines)
    with pytest.raises(ConfigError) as refused:
        load_folder(tmp_path)
    assert words in str(refused.value)
