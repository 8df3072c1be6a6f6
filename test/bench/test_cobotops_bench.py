"""The cobot benchmark: what is known of a row comes from before it, and recordings may be short, shuffled or patchy."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from bench.cobotops import TAUGHT_MIN_S, begins_within, learned_rows, mixed, only_moving, refitted
from bench.cobotops_data import LABELS, Recording, load_recording, load_recordings, onsets
from bench.cobotops_features import moving, raw_windows, summaries
from bench.cobotops_limits import SHIPPED, refine_over, refined_limits
from bench.cobotops_mixture import Mixture, averaged
from workcell_ros.errors import ConfigError

ROWS = 400
STOP = next(iter(LABELS))
Array = npt.NDArray[np.float64]


def recording(rows: int = ROWS, seed: int = 0) -> Recording:
    """A current that surges for five rows before each stop, a speed that tells nothing, a temperature that creeps."""
    rng = np.random.default_rng(seed)
    place = np.arange(rows)
    current = rng.standard_normal(rows) + 4.0 * (place % 40 >= 35)
    values = np.stack([current, rng.standard_normal(rows), 300.0 + 0.01 * place], axis=1)
    values[5, 0] = np.nan
    state = (place % 40 < 2).astype(np.float64)
    return Recording(
        name="made",
        times_s=place.astype(np.float64),
        stretch=np.zeros(rows, dtype=np.intp),
        columns=("current", "speed", "temperature"),
        values=values,
        cycle=np.full(rows, np.nan),
        labels={label: state if label == STOP else np.zeros(rows) for label in LABELS},
    )


def test_what_only_creeps_is_left_out_and_what_moves_is_kept() -> None:
    assert only_moving(recording()).columns == ("current", "speed")


def test_a_quantity_of_which_nothing_is_known_does_not_move_and_without_any_all_are_kept() -> None:
    made = recording()
    unknown = dataclasses.replace(made, values=np.where([True, True, False], made.values, np.nan))
    everything = np.ones(ROWS, dtype=np.bool_)
    assert moving(unknown, everything).tolist() == [True, True, False]
    still = dataclasses.replace(made, values=np.ones_like(made.values))
    assert moving(still, everything).all()


def test_no_feature_knows_what_comes_after_its_row() -> None:
    made, cut = recording(), 250
    changed = made.values.copy()
    changed[cut:] += 100.0
    other = dataclasses.replace(made, values=changed)
    for features in (raw_windows, summaries):
        np.testing.assert_array_equal(features(made)[:cut], features(other)[:cut])


def test_no_window_reaches_over_a_gap() -> None:
    made = recording()
    gapped = dataclasses.replace(made, stretch=(np.arange(ROWS) >= 100).astype(np.intp))
    assert np.isnan(raw_windows(gapped)[100, len(made.columns) :]).all()


def test_the_mixture_foresees_what_can_be_whatever_the_order_of_columns() -> None:
    made = recording()
    target, judged = begins_within(made, STOP, 5.0)
    learned = judged & (np.arange(ROWS) < 240)
    scored = judged & (np.arange(ROWS) >= 246)
    order = [2, 0, 1]
    shuffled = dataclasses.replace(made, columns=tuple(made.columns[i] for i in order), values=made.values[:, order])
    risk = Mixture(only_moving(shuffled)).risk(target, learned)
    assert np.isfinite(risk).all()
    assert risk[scored & target].mean() > 5.0 * risk[scored & ~target].mean()


def test_averaged_odds_lie_between_those_of_the_members() -> None:
    found = averaged([np.array([0.1, 0.0]), np.array([0.5, 1.0])])
    assert 0.1 < found[0] < 0.5
    assert found[1] == pytest.approx(0.5)


def test_a_limit_knows_no_outcome_before_its_time() -> None:
    rng = np.random.default_rng(1)
    worst = rng.uniform(0.0, 1.0, 300)
    harm = (rng.uniform(0.0, 1.0, 300) < 0.4 * worst).astype(np.float64)
    limits = refined_limits(worst, harm)
    assert (limits != SHIPPED).any(), "a limit of 0.5 is too high where a miss costs five false alarms"
    for cut in (80, 150, 220):
        other = harm.copy()
        # The outcome of a period is whether the event comes in the next: when it ends, that is not known yet.
        other[cut - 1 :] = 1.0 - other[cut - 1 :]
        np.testing.assert_array_equal(refined_limits(worst, other)[: cut + 1], limits[: cut + 1])


def test_a_recording_without_an_event_has_no_limits_to_judge_and_is_no_error() -> None:
    made = recording()
    quiet = dataclasses.replace(made, labels={label: np.zeros(ROWS) for label in LABELS})
    risk = refitted(Mixture(only_moving(quiet)), quiet, STOP, 10.0)
    assert np.isnan(risk).all()
    figures = refine_over(quiet, {(STOP, "mixture"): risk, (STOP, "even"): np.full(ROWS, 0.9)})
    assert figures[f"{STOP}, mixture, refined"]["events"] == 0.0
    assert figures[f"{STOP}, even, as shipped"]["false alarms per hour"] == pytest.approx(360.0)


def test_a_recording_in_another_order_of_columns_with_blanks_and_decimal_points_is_read(tmp_path: Path) -> None:
    file = tmp_path / "other.csv"
    rows = [
        f"{'True' if row in (4, 5) else 'False'};;{0.5 * row};False;2022-10-26T08:17:{row:02d}Z" for row in range(9)
    ]
    rows[3] = "False;;;;2022-10-26T08:17:03Z"
    file.write_text("\n".join(["grip_lost;cycle ;Tool_current;Robot_ProtectiveStop;Timestamp", *rows]))
    read = load_recording(file)
    assert read.columns == ("tool_current",)
    assert np.isnan(read.values[3, 0])
    assert read.values[8, 0] == 4.0
    assert onsets(read, "grip loss").tolist() == [4]


HEAD = "Timestamp;Robot_ProtectiveStop;grip_lost;Tool_current"


def written(folder: Path, *lines: str, name: str = "other.csv") -> Path:
    file = folder / name
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


def at(second: float) -> str:
    return f"2022-10-26T08:{int(second) // 60:02d}:{second % 60:06.3f}Z"


def test_rows_of_another_rate_with_commas_and_short_or_empty_rows_are_read(tmp_path: Path) -> None:
    rows = [f"{at(0.1 * row)},False,False,{row}" for row in range(20)]
    rows[7] = at(0.7)
    rows.insert(9, "")
    later = [f"{at(4.0 + 0.1 * row)},True,False,inf" for row in range(3)]
    written(tmp_path, HEAD.replace(";", ","), *rows, *later)
    (tmp_path / "notes.csv").write_text("a;b\n1;2\n")
    (read,) = load_recordings(tmp_path)
    assert read.period_s == pytest.approx(0.1)
    assert read.stretch.tolist() == [0] * 20 + [1] * 3, "two seconds are a gap at ten rows a second"
    assert np.isnan(read.values[[7, 20], 0]).all()
    assert np.isnan(read.labels[STOP][7])


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ((HEAD, f"{at(0)};False;False;1", f"{at(1)};False;maybe;1"), "grip_lost: is 'maybe' in line 3"),
        ((HEAD, "noon;False;False;1"), "timestamp: is 'noon' in line 2"),
        ((HEAD, f"{at(0)};False;False;1"), "holds 1 rows"),
        ((HEAD,), "holds 0 rows"),
        ((HEAD.rpartition(";")[0], f"{at(0)};False;False", f"{at(1)};False;False"), "has no column of a sensor"),
        (("Timestamp;Tool_current", f"{at(0)};1"), "holds no labelled csv file"),
        (("",), "holds no labelled csv file"),
    ],
)
def test_a_file_that_cannot_be_scored_is_refused_with_its_place(
    tmp_path: Path, lines: tuple[str, ...], words: str
) -> None:
    written(tmp_path, *lines)
    with pytest.raises(ConfigError) as refused:
        load_recordings(tmp_path)
    assert words in str(refused.value)


def test_a_near_horizon_is_taught_what_a_longer_one_teaches_too() -> None:
    made, train = recording(), np.arange(ROWS) < 240
    mixture = Mixture(only_moving(made))
    near, longer = (mixture.risk(*learned_rows(made, STOP, horizon_s, train)) for horizon_s in (1.0, TAUGHT_MIN_S))
    np.testing.assert_allclose(mixed(mixture, made, STOP, 1.0, train), averaged([near, longer]))
    np.testing.assert_allclose(mixed(mixture, made, STOP, TAUGHT_MIN_S, train), longer, rtol=1e-9)
