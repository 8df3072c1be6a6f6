"""What is known of a cobot at a row, from that row and those before it."""

from __future__ import annotations

import numpy as np

from bench.cobotops_data import LABELS, FloatArray, Recording, onsets

RAW_ROWS = 10
SHORT_ROWS, LONG_ROWS = 3, 10
LONG_AGO_S = 1e4
RECENT_S = 120.0


def raw_windows(recording: Recording) -> FloatArray:
    """Returns the last ten rows of every sensor side by side (m, 10 n); NaN before a stretch's begin."""
    return np.hstack([_shifted(recording, steps) for steps in range(RAW_ROWS)])


def summaries(recording: Recording) -> FloatArray:
    """Returns levels and spreads over short and long windows, and what happened before, (m, k)."""
    values = recording.values
    columns = [values, np.abs(values)]
    shifted = np.stack([_shifted(recording, steps) for steps in range(LONG_ROWS)])
    for rows in (SHORT_ROWS, LONG_ROWS):
        known = np.isfinite(shifted[:rows])
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, shifted[:rows], 0.0).sum(axis=0) / count
        spread = np.sqrt(np.where(known, (shifted[:rows] - mean) ** 2, 0.0).sum(axis=0) / count)
        columns += [mean, spread]
    return np.hstack([*columns, _history(recording)])


def _shifted(recording: Recording, steps: int) -> FloatArray:
    """The values so many rows before each; NaN where that is another stretch."""
    if steps == 0:
        return recording.values
    shifted = np.full_like(recording.values, np.nan)
    shifted[steps:] = recording.values[:-steps]
    shifted[steps:][recording.stretch[steps:] != recording.stretch[:-steps]] = np.nan
    return shifted


def _history(recording: Recording) -> FloatArray:
    """Per label: time since it last began, that over the usual time between, how often of late, whether it lasts."""
    times_s = recording.times_s
    columns = []
    for label in LABELS:
        at_s = times_s[onsets(recording, label)]
        passed = np.searchsorted(at_s, times_s, side="right")
        since_s = np.where(passed > 0, times_s - np.append(at_s, 0.0)[passed - 1], LONG_AGO_S)
        usual_s = np.array(
            [np.median(np.diff(at_s[max(0, count - 6) : count])) if count > 2 else np.nan for count in passed]
        )
        recent = passed - np.searchsorted(at_s, times_s - RECENT_S, side="right")
        columns += [np.log1p(since_s), since_s / usual_s, recent.astype(float), recording.labels[label]]
    begins = np.flatnonzero(np.diff(recording.cycle, prepend=np.nan) != 0.0)
    last = np.searchsorted(begins, np.arange(len(times_s)), side="right") - 1
    return np.stack([*columns, times_s - times_s[begins[last]]], axis=1)
