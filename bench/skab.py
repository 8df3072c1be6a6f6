"""Outliers and change points of the Skoltech Anomaly Benchmark, by its own protocol and with peers in the same run.

`python -m bench.skab --data DIR`: every labelled csv file below DIR. Each detector learns the first 400 rows of a file
and is scored on the rest; nothing is learned from labels, and all settings are fixed beforehand.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from bench.output import keep, show
from bench.skab_data import TRAIN_ROWS, SkabFile, load_folder
from bench.skab_metrics import (
    BoolArray,
    ChangeFigures,
    ChangeTrace,
    FloatArray,
    OutlierFigures,
    change_figures,
    outlier_figures,
)
from bench.skab_peers import PEERS
from workcell_sensors.prognosis.change_point import ChangePoints
from workcell_sensors.prognosis.detector import ANOMALOUS, Detector
from workcell_sensors.prognosis.level_chart import LevelChart

THERMAL_CAUTION = 5.0
"""Temperatures of body and water wander by themselves: they must go so many times further than other quantities."""
FAR_MAX_PERCENT = 15.0
CANDIDATE_LIMITS = np.linspace(0.5, 2.5, 41)
"""Multiples of the shipped limit that the leave-one-file-out estimate chooses from."""
CLOCK_PERIOD_ROWS = 60
PUBLISHED_OUTLIERS = (("Conv-AE", 0.78, 13.55, 28.02), ("MSET", 0.78, 39.73, 14.13), ("T2+Q", 0.76, 26.62, 24.92))
PUBLISHED_CHANGES = (("MSCRED", 32.42, 16.53, 40.28), ("Isolation forest", 26.16, 19.5, 30.82))
BOOTSTRAPS = 1000


def caution(columns: Sequence[str]) -> list[float]:
    """Returns the caution that each quantity is to be watched with, by its name."""
    return [THERMAL_CAUTION if "therm" in name.lower() or "temp" in name.lower() else 1.0 for name in columns]


def scores(detector: Detector, values: FloatArray) -> FloatArray:
    """Returns the score of each row (m,) in the order in which they came."""
    found = np.zeros(len(values))
    for row, sample in enumerate(values):
        found[row] = detector.score_one(sample)
        detector.learn_one(sample)
    return found


def interval(figure: Callable[[list[int]], float], count: int) -> tuple[float, float]:
    """Returns the 90 % bootstrap interval of a figure over files drawn with replacement."""
    rng = np.random.default_rng(0)
    drawn = [figure(rng.integers(count, size=count).tolist()) for _ in range(BOOTSTRAPS)]
    low, high = np.percentile(drawn, (5.0, 95.0))
    return float(low), float(high)


def left_out(found: Sequence[FloatArray], truth: Sequence[BoolArray]) -> OutlierFigures:
    """Returns the figures where each file is judged with the limit that is best for all others.

    Best is the highest F1 among the limits with at most 15 % false alarms.
    """
    called = []
    for index, own in enumerate(found):
        others = [other for other in range(len(found)) if other != index]
        best = max(CANDIDATE_LIMITS, key=lambda limit: _worth(found, truth, others, limit))
        called.append(own >= best)
    return outlier_figures(truth, called)


def _worth(found: Sequence[FloatArray], truth: Sequence[BoolArray], files: Sequence[int], limit: float) -> float:
    figures = outlier_figures([truth[i] for i in files], [found[i] >= limit for i in files])
    return figures.f1 if figures.far_percent <= FAR_MAX_PERCENT else -figures.far_percent


def outliers(files: Sequence[SkabFile]) -> dict[str, OutlierFigures]:
    """Scores the detectors row by row, and shows them beside what is published."""
    truth = [file.anomaly[TRAIN_ROWS:] for file in files]
    found = [scores(LevelChart(len(f.columns), caution=caution(f.columns)), f.values)[TRAIN_ROWS:] for f in files]
    own = [score >= ANOMALOUS for score in found]
    figures = {"level chart": outlier_figures(truth, own)}
    if len(files) > 1:
        figures["level chart, limit by the other files"] = left_out(found, truth)
    for name, peer in PEERS.items():
        figures[name] = outlier_figures(truth, [peer(file.values) for file in files])
    figures["alarm always"] = outlier_figures(truth, [np.ones(len(true), dtype=np.bool_) for true in truth])
    low, high = interval(lambda pick: outlier_figures([truth[i] for i in pick], [own[i] for i in pick]).f1, len(files))
    rows = [[name, *dataclasses.astuple(item)] for name, item in figures.items()]
    rows += [[f"{name} (published, all 34 files)", *numbers] for name, *numbers in PUBLISHED_OUTLIERS]
    title = f"SKAB outliers, {len(files)} files, target F1 >= 0.80 at FAR <= 15 %"
    show(title, ["detector", "F1", "FAR %", "MAR %"], rows)
    print(f"F1 of the level chart over files drawn anew: {low:.3f}..{high:.3f} (90 %)")
    return figures


def changes(files: Sequence[SkabFile]) -> dict[str, ChangeFigures]:
    """Scores change points by SKAB's NAB score."""
    called: Mapping[str, list[BoolArray]] = {
        "change points": [_own_changes(file) for file in files],
        "level chart, where its alarm turns": [_turns(file) for file in files],
        **{f"{name}, where its alarm turns": [_edges(peer(f.values)) for f in files] for name, peer in PEERS.items()},
        f"a clock that strikes every {CLOCK_PERIOD_ROWS} rows": [_clock(file) for file in files],
    }
    figures = {
        name: change_figures([_trace(file, call) for file, call in zip(files, calls, strict=True)])
        for name, calls in called.items()
    }
    rows = [[name, *dataclasses.astuple(item)[:5]] for name, item in figures.items()]
    rows += [[f"{name} (published, all 34 files)", *numbers, "", ""] for name, *numbers in PUBLISHED_CHANGES]
    total = figures["change points"].changes
    title = f"SKAB change points, {len(files)} files, {total} changes, target NAB >= 33"
    show(title, ["detector", "NAB", "low FP", "low FN", "missed", "false alarms"], rows)
    return figures


def _own_changes(file: SkabFile) -> BoolArray:
    detector = ChangePoints(len(file.columns), caution=caution(file.columns))
    found: BoolArray = scores(detector, file.values)[TRAIN_ROWS:] >= ANOMALOUS
    return found


def _turns(file: SkabFile) -> BoolArray:
    chart = LevelChart(len(file.columns), caution=caution(file.columns))
    return _edges(scores(chart, file.values)[TRAIN_ROWS:] >= ANOMALOUS)


def _edges(alarm: BoolArray) -> BoolArray:
    edges: BoolArray = np.diff(alarm.astype(np.int8), prepend=np.int8(0)) != 0
    return edges


def _clock(file: SkabFile) -> BoolArray:
    strikes: BoolArray = np.arange(len(file.values) - TRAIN_ROWS) % CLOCK_PERIOD_ROWS == 0
    return strikes


def _trace(file: SkabFile, called: BoolArray) -> ChangeTrace:
    return ChangeTrace(file.times_s[TRAIN_ROWS:], file.change[TRAIN_ROWS:], called)


def main() -> None:
    """Scores a folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with SKAB's csv files, searched to its depth")
    files = load_folder(parser.parse_args().data)
    print("\n".join(f"{file.name}: {len(file.values)} rows" for file in files))
    by_row, by_change = outliers(files), changes(files)
    figures = {
        "outliers": {name: dataclasses.asdict(item) for name, item in by_row.items()},
        "changes": {name: dataclasses.asdict(item) for name, item in by_change.items()},
    }
    keep("skab", {"files": [file.name for file in files], **figures})


if __name__ == "__main__":
    main()
