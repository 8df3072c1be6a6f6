"""What is known of a cobot at a row, from that row and those before it."""

from __future__ import annotations

import warnings

import numpy as np

from bench.cobotops_data import BoolArray, FloatArray, Recording

RAW_ROWS = 10
SHORT_ROWS, LONG_ROWS = 3, 10
MOVING_SHARE_MIN = 0.1
"""A quantity with less of its variance within windows than this is slow."""


def moving(recording: Recording, learned: BoolArray) -> BoolArray:
    """Returns per quantity (n,) whether it moves within windows, judged by the learned rows alone.

    What only creeps, as a temperature does, tells the hour at which a row was recorded, and trees take the hour for a
    cause. By the share of its variance that lies within windows of ten rows.
    """
    values = recording.values[learned]
    whole = len(values) // LONG_ROWS * LONG_ROWS
    windows = values[:whole].reshape(-1, LONG_ROWS, values.shape[1])
    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        # A quantity of which a window, or the recording, holds nothing has no variance: it does not move.
        warnings.simplefilter("ignore", RuntimeWarning)
        share = np.nanmean(np.nanvar(windows, axis=1), axis=0) / np.nanvar(values, axis=0)
    found: BoolArray = np.nan_to_num(share) >= MOVING_SHARE_MIN
    return found if found.any() else np.ones(values.shape[1], dtype=np.bool_)


def raw_windows(recording: Recording, rows: int = RAW_ROWS) -> FloatArray:
    """Returns the last rows of every quantity side by side (m, rows n); NaN before a stretch's begin."""
    return np.hstack([_shifted(recording, steps) for steps in range(rows)])


def summaries(recording: Recording) -> FloatArray:
    """Returns values, their magnitudes, and means and spreads over short and long windows (m, 6 n)."""
    values = recording.values
    columns = [values, np.abs(values)]
    shifted = np.stack([_shifted(recording, steps) for steps in range(LONG_ROWS)])
    for rows in (SHORT_ROWS, LONG_ROWS):
        known = np.isfinite(shifted[:rows])
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, shifted[:rows], 0.0).sum(axis=0) / count
        spread = np.sqrt(np.where(known, (shifted[:rows] - mean) ** 2, 0.0).sum(axis=0) / count)
        columns += [mean, spread]
    return np.hstack(columns)


def _shifted(recording: Recording, steps: int) -> FloatArray:
    """The values so many rows before each; NaN where that is another stretch."""
    if steps == 0:
        return recording.values
    shifted = np.full_like(recording.values, np.nan)
    shifted[steps:] = recording.values[:-steps]
    shifted[steps:][recording.stretch[steps:] != recording.stretch[:-steps]] = np.nan
    return shifted
