"""A forest of decision trees that answers the same to the last bit wherever it is loaded.

Trees are grown by scikit-learn (extremely randomised trees: P. Geurts, D. Ernst and L. Wehenkel, 2006) and then kept as
plain arrays, which numpy alone evaluates: in a fixed order, in fixed types.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from workcell_perception.errors import GoldenError

Float32Array = npt.NDArray[np.float32]
FloatArray = npt.NDArray[np.float64]
Int32Array = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Forest:
    """Trees as arrays over all their nodes. Inner nodes hold the node taken where the feature is at most the threshold
    and the node taken otherwise; a leaf points to itself both ways.

    `roots` (trees,) are the trees' first nodes, `depth` the steps that reach every leaf, `share` (nodes, classes) how
    the samples of a leaf divide among the classes, `features` how many numbers a sample has.
    """

    roots: Int32Array
    feature: Int32Array
    threshold: FloatArray
    below: Int32Array
    above: Int32Array
    share: Float32Array
    depth: int
    features: int

    def predict(self, samples: Float32Array) -> FloatArray:
        """Returns the probability of each class, shape (samples, classes), for samples (n, features).

        Raises:
            ValueError: samples have another number of features.
        """
        if samples.ndim != 2 or samples.shape[1] != self.features:
            raise ValueError(f"samples have shape {samples.shape}, this forest takes (n, {self.features})")
        rows = np.repeat(np.arange(len(samples)), len(self.roots))
        nodes = np.tile(self.roots, len(samples))
        flat, row_start = samples.ravel(), rows * self.features
        for _ in range(self.depth):
            goes_below = flat[row_start + self.feature[nodes]] <= self.threshold[nodes]
            nodes = self._children[goes_below.view(np.uint8), nodes]
        leaves = self.share[nodes].reshape(len(samples), len(self.roots), self.share.shape[1])
        result: FloatArray = leaves.mean(axis=1, dtype=np.float64)
        return result

    @cached_property
    def _children(self) -> Int32Array:
        return np.stack([self.above, self.below])

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The forest as arrays to store."""
        sizes = np.array([self.depth, self.features], dtype=np.int32)
        names = ("roots", "feature", "threshold", "below", "above", "share")
        return {"sizes": sizes, **{name: getattr(self, name) for name in names}}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> Forest:
        """The forest that was stored as `arrays`. Raises GoldenError where they do not fit together."""
        try:
            depth, features = (int(n) for n in arrays["sizes"])
            forest = cls(
                roots=arrays["roots"].astype(np.int32),
                feature=arrays["feature"].astype(np.int32),
                threshold=arrays["threshold"].astype(np.float64),
                below=arrays["below"].astype(np.int32),
                above=arrays["above"].astype(np.int32),
                share=arrays["share"].astype(np.float32),
                depth=depth,
                features=features,
            )
        except (KeyError, ValueError, TypeError) as error:
            raise GoldenError(f"forest is incomplete ({error})") from None
        nodes = len(forest.feature)
        links = np.concatenate([forest.roots, forest.below, forest.above])
        same_size = len({nodes, *(len(part) for part in (forest.threshold, forest.below, forest.above, forest.share))})
        if same_size != 1 or links.min() < 0 or links.max() >= nodes or forest.feature.max() >= features:
            raise GoldenError("forest's nodes do not fit together")
        return forest


def forest_of(classifier: Any) -> Forest:
    """Takes a fitted scikit-learn forest of classification trees."""
    roots, feature, threshold, below, above, share = [], [], [], [], [], []
    first, depth = 0, 0
    for tree in (estimator.tree_ for estimator in classifier.estimators_):
        nodes = np.arange(tree.node_count)
        is_leaf = tree.children_left < 0
        roots.append(first)
        feature.append(np.where(is_leaf, 0, tree.feature))
        threshold.append(np.where(is_leaf, 0.0, tree.threshold))
        below.append(np.where(is_leaf, nodes, tree.children_left) + first)
        above.append(np.where(is_leaf, nodes, tree.children_right) + first)
        counts = tree.value[:, 0, :]
        share.append(counts / counts.sum(axis=1, keepdims=True))
        first += tree.node_count
        depth = max(depth, int(tree.max_depth))
    return Forest(
        roots=np.array(roots, dtype=np.int32),
        feature=np.concatenate(feature).astype(np.int32),
        threshold=np.concatenate(threshold).astype(np.float64),
        below=np.concatenate(below).astype(np.int32),
        above=np.concatenate(above).astype(np.int32),
        share=np.concatenate(share).astype(np.float32),
        depth=depth,
        features=int(classifier.n_features_in_),
    )
