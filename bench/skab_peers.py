"""Peers of `bench.skab`: known detectors, each taught on the first 400 rows and asked about the rest.

All are given what their users would give them: scaled quantities, a median over three verdicts as in SKAB's own
notebook of the isolation forest, and their packages' defaults otherwise. `on means` gives them the moving means of 15
rows that the level chart looks at, so that only the judgement differs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats

from bench.skab_data import TRAIN_ROWS
from bench.skab_metrics import BoolArray, FloatArray

MEAN_ROWS = 15
CONTAMINATION = 0.0005
"""Of the isolation forest, from SKAB's notebook."""
QUANTILE = 0.999
EXPLAINED = 0.85
"""Share of variance that the principal components keep, as in SKAB's T-squared + Q."""
Peer = Callable[[FloatArray], BoolArray]


def isolation_forest(values: FloatArray) -> BoolArray:
    """scikit-learn's IsolationForest with the settings of SKAB's notebook."""
    from sklearn.ensemble import IsolationForest

    scaled = _scaled(values)
    model = IsolationForest(random_state=0, contamination=CONTAMINATION).fit(scaled[:TRAIN_ROWS])
    return _median_of_three(model.predict(scaled[TRAIN_ROWS:]) < 0)


def local_outlier_factor(values: FloatArray) -> BoolArray:
    """scikit-learn's LocalOutlierFactor for novelties."""
    from sklearn.neighbors import LocalOutlierFactor

    scaled = _scaled(values)
    model = LocalOutlierFactor(novelty=True).fit(scaled[:TRAIN_ROWS])
    return _median_of_three(model.predict(scaled[TRAIN_ROWS:]) < 0)


def half_space_trees(values: FloatArray) -> BoolArray:
    """river's HalfSpaceTrees; an anomaly scores beyond the highest 0.1 % of what it was taught."""
    from river.anomaly import HalfSpaceTrees

    scaled = _scaled(values)
    low, high = scaled[:TRAIN_ROWS].min(axis=0) - 1.0, scaled[:TRAIN_ROWS].max(axis=0) + 1.0
    samples = [dict(enumerate(np.clip((row - low) / (high - low), 0.0, 1.0).tolist())) for row in scaled]
    model: Any = HalfSpaceTrees(window_size=100, seed=0)
    taught = []
    for sample in samples[:TRAIN_ROWS]:
        taught.append(model.score_one(sample))
        model.learn_one(sample)
    limit = np.quantile(taught[TRAIN_ROWS // 2 :], QUANTILE)
    return _median_of_three(np.array([model.score_one(sample) for sample in samples[TRAIN_ROWS:]]) > limit)


def t_squared_and_q(values: FloatArray) -> BoolArray:
    """Hotelling's T-squared in the principal components and the squared error outside them, as SKAB's best linear."""
    scaled = _scaled(values)
    taught = scaled[:TRAIN_ROWS]
    variance, axes = np.linalg.eigh(np.cov(taught.T))
    variance, axes = variance[::-1], axes[:, ::-1]
    kept = int(np.searchsorted(np.cumsum(variance) / variance.sum(), EXPLAINED)) + 1
    inside = scaled @ axes[:, :kept]
    t_squared = (inside**2 / variance[:kept]).sum(axis=1)
    q = ((scaled - inside @ axes[:, :kept].T) ** 2).sum(axis=1)
    scale = kept * (TRAIN_ROWS - 1) * (TRAIN_ROWS + 1) / (TRAIN_ROWS * (TRAIN_ROWS - kept))
    t_limit = scale * stats.f.ppf(QUANTILE, kept, TRAIN_ROWS - kept)
    alarm = (_running_median(t_squared) > t_limit) | (_running_median(q) > np.quantile(q[:TRAIN_ROWS], QUANTILE))
    found: BoolArray = alarm[TRAIN_ROWS:]
    return found


def on_means(peer: Peer) -> Peer:
    """Returns a peer that is given moving means."""

    def judge(values: FloatArray) -> BoolArray:
        total = np.cumsum(np.vstack((np.zeros(values.shape[1]), values)), axis=0)
        end = np.arange(1, len(values) + 1)
        begin = np.maximum(end - MEAN_ROWS, 0)
        return peer((total[end] - total[begin]) / (end - begin)[:, None])

    return judge


PEERS: dict[str, Peer] = {
    "IsolationForest (scikit-learn)": isolation_forest,
    "IsolationForest on means": on_means(isolation_forest),
    "LocalOutlierFactor (scikit-learn)": local_outlier_factor,
    "LocalOutlierFactor on means": on_means(local_outlier_factor),
    "HalfSpaceTrees (river)": half_space_trees,
    "HalfSpaceTrees on means": on_means(half_space_trees),
    "T-squared + Q": t_squared_and_q,
}


def _scaled(values: FloatArray) -> FloatArray:
    filled = np.where(np.isfinite(values), values, np.nanmean(values[:TRAIN_ROWS], axis=0))
    spread = filled[:TRAIN_ROWS].std(axis=0)
    scaled: FloatArray = (filled - filled[:TRAIN_ROWS].mean(axis=0)) / np.where(spread > 0.0, spread, 1.0)
    return scaled


def _median_of_three(alarm: BoolArray) -> BoolArray:
    return _running_median(alarm.astype(np.float64), 3) > 0.5


def _running_median(values: FloatArray, rows: int = 5) -> FloatArray:
    padded = np.concatenate((np.repeat(values[:1], rows - 1), values))
    median: FloatArray = np.median(np.lib.stride_tricks.sliding_window_view(padded, rows), axis=1)
    return median
