"""A mixture of tree ensembles over what a cobot's moving quantities did of late.

Members and their settings were chosen by four time-ordered splits within the first 60 % of the development recording.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bench.cobotops_data import BoolArray, FloatArray, Recording
from bench.cobotops_features import raw_windows, summaries

SHORT_ROWS, LONG_ROWS = 10, 20
BAG = 4
FEATURE_SHARE = 0.2
"""Of the columns that each split of a bagged tree may choose from: neighbouring rows say much the same."""
LEAST = 1e-5


def boosted(features: FloatArray, target: BoolArray, learned: BoolArray, **settings: Any) -> FloatArray:
    """Returns the risk (m,) by scikit-learn's gradient boosting, taught once on the learned rows."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    given = {"max_leaf_nodes": 8, "min_samples_leaf": 20, "random_state": 0, **settings}
    model = HistGradientBoostingClassifier(max_iter=60, learning_rate=0.06, **given)
    # Several threads wait for each other by spinning: on a machine in use that takes a hundred times as long.
    with threadpool_limits(1, user_api="openmp"):
        chance: FloatArray = model.fit(features[learned], target[learned]).predict_proba(features)[:, 1]
    return chance


class Mixture:
    """Four ensembles, whose log-odds are averaged; `recording` holds moving quantities only."""

    def __init__(self, recording: Recording) -> None:
        short, long = raw_windows(recording, SHORT_ROWS), raw_windows(recording, LONG_ROWS)
        both = np.hstack([summaries(recording), short])
        self._members: list[tuple[FloatArray, Callable[..., FloatArray]]] = [
            (short, _bagged),
            (long, _bagged),
            (both, _bagged),
            (both, _random_trees),
        ]

    def risk(self, target: BoolArray, learned: BoolArray) -> FloatArray:
        """Returns the risk (m,), taught once on the learned rows."""
        return averaged([teach(features, target, learned) for features, teach in self._members])


def averaged(risks: list[FloatArray]) -> FloatArray:
    """Returns the risk (m,) at the mean of the members' log-odds."""
    inside = np.clip(np.stack(risks), LEAST, 1.0 - LEAST)
    mean: FloatArray = 1.0 / (1.0 + np.exp(-np.log(inside / (1.0 - inside)).mean(axis=0)))
    return mean


def _bagged(features: FloatArray, target: BoolArray, learned: BoolArray) -> FloatArray:
    settings = {"max_leaf_nodes": 16, "min_samples_leaf": 10, "max_features": FEATURE_SHARE}
    risks = [boosted(features, target, learned, random_state=number, **settings) for number in range(BAG)]
    mean: FloatArray = np.mean(risks, axis=0)
    return mean


def _random_trees(features: FloatArray, target: BoolArray, learned: BoolArray) -> FloatArray:
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline

    trees = ExtraTreesClassifier(n_estimators=150, min_samples_leaf=5, random_state=0)
    model = make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), trees)
    chance: FloatArray = model.fit(features[learned], target[learned]).predict_proba(features)[:, 1]
    return chance
