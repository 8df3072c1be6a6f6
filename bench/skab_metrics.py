"""The figures of the Skoltech Anomaly Benchmark: F1, false and missed alarms, and its NAB score of change points.

The NAB score here is SKAB's own, as its evaluation (package tsad) computes it, not Numenta's: windows begin at a change
point, a window that would overlap the one before is cut at its left, only the first detection in a window counts, and
its worth falls along a hyperbolic tangent from 1 at the window's begin to that of a false alarm at its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

WINDOW_S = 60.0
WORTH_STEPS = 1000
"""SKAB reads the worth of a detection off a table of so many steps."""


@dataclass(frozen=True)
class OutlierFigures:
    """Every row judged as normal or anomalous."""

    f1: float
    far_percent: float
    """False alarm rate: share of the normal rows that were called anomalous."""
    mar_percent: float
    """Missed alarm rate: share of the anomalous rows that were called normal."""


def outlier_figures(truth: Sequence[BoolArray], called: Sequence[BoolArray]) -> OutlierFigures:
    """Returns the figures over all rows of all files; 0 where there is nothing to divide by."""
    true, call = np.concatenate(list(truth)), np.concatenate(list(called))
    hit, false = int((true & call).sum()), int((~true & call).sum())
    missed, quiet = int((true & ~call).sum()), int((~true & ~call).sum())
    return OutlierFigures(
        f1=2 * hit / max(2 * hit + false + missed, 1),
        far_percent=100.0 * false / max(false + quiet, 1),
        mar_percent=100.0 * missed / max(missed + hit, 1),
    )


@dataclass(frozen=True)
class Profile:
    """What a detection, a false alarm and a missed change are worth."""

    hit: float
    false_alarm: float
    miss: float


PROFILES = {
    "standard": Profile(1.0, -0.11, -1.0),
    "low_fp": Profile(1.0, -0.22, -1.0),
    "low_fn": Profile(1.0, -0.11, -2.0),
}


@dataclass(frozen=True)
class ChangeFigures:
    """NAB scores, 100 for the perfect detector and 0 for the one that says nothing."""

    standard: float
    low_fp: float
    low_fn: float
    missed: int
    false_alarms: int
    changes: int


@dataclass(frozen=True)
class ChangeTrace:
    """The rows of one file that are scored."""

    times_s: FloatArray  # (m,), rising
    is_change: BoolArray  # (m,) as labelled
    is_called: BoolArray  # (m,) as detected


def change_figures(traces: Sequence[ChangeTrace], window_s: float = WINDOW_S) -> ChangeFigures:
    """Returns the NAB scores over all files.

    Raises:
        ValueError: no file has a change point.
    """
    hits: list[float] = []
    missed = false_alarms = 0
    for trace in traces:
        calls = trace.times_s[trace.is_called]
        explained = np.zeros(len(calls), dtype=np.bool_)
        for begin_s, end_s in _windows(trace.times_s[trace.is_change], window_s):
            inside = (calls >= begin_s) & (calls <= end_s)
            explained |= inside
            if inside.any():
                hits.append((calls[inside][0] - begin_s) / (end_s - begin_s))
            else:
                missed += 1
        false_alarms += int((~explained).sum())
    changes = len(hits) + missed
    if changes == 0:
        raise ValueError("no change point in any file: there is nothing to score")
    scores = {name: _nab(profile, hits, missed, false_alarms) for name, profile in PROFILES.items()}
    return ChangeFigures(**scores, missed=missed, false_alarms=false_alarms, changes=changes)


def _windows(changes_s: FloatArray, window_s: float) -> list[tuple[float, float]]:
    windows: list[tuple[float, float]] = []
    for change_s in changes_s.tolist():
        begin_s = max(change_s, windows[-1][1]) if windows else change_s
        windows.append((begin_s, change_s + window_s))
    return windows


def _nab(profile: Profile, hits: Sequence[float], missed: int, false_alarms: int) -> float:
    x = np.linspace(-np.pi / 2.0, np.pi / 2.0, WORTH_STEPS)
    middle = (profile.hit + profile.false_alarm) / 2.0
    worth = middle - (profile.hit - profile.false_alarm) / 2.0 * np.tanh(x) / np.tanh(np.pi / 2.0)
    score = profile.false_alarm * false_alarms + profile.miss * missed
    score += sum(float(worth[min(int(place * WORTH_STEPS), WORTH_STEPS - 1)]) for place in hits)
    changes = len(hits) + missed
    null, perfect = profile.miss * changes, profile.hit * changes
    return 100.0 * (score - null) / (perfect - null)
