"""Forests answer as scikit-learn does, and the same to the last bit after a round trip through files."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier

from workcell_perception.errors import GoldenError
from workcell_perception.forest import Forest, forest_of
from workcell_perception.model_store import ModelStore

RNG = np.random.default_rng(3)
SAMPLES = RNG.normal(size=(300, 6)).astype(np.float32)
CLASSES = (SAMPLES[:, 0] + SAMPLES[:, 1] ** 2 > 0.5).astype(int) + (SAMPLES[:, 2] > 0.3)
CLASSIFIER = ExtraTreesClassifier(20, random_state=0).fit(SAMPLES, CLASSES)
UNSEEN = RNG.normal(size=(200, 6)).astype(np.float32)


def test_answers_as_scikit_learn_does() -> None:
    assert forest_of(CLASSIFIER).predict(UNSEEN) == pytest.approx(CLASSIFIER.predict_proba(UNSEEN), abs=1e-6)


def test_no_samples_give_no_answers() -> None:
    assert forest_of(CLASSIFIER).predict(UNSEEN[:0]).shape == (0, 3)


def test_samples_alone_and_together_get_the_same_bits() -> None:
    forest = forest_of(CLASSIFIER)
    together = forest.predict(UNSEEN)
    alone = np.concatenate([forest.predict(UNSEEN[index : index + 1]) for index in range(len(UNSEEN))])
    assert together.tobytes() == alone.tobytes()


def test_saved_and_reloaded_forest_gives_the_same_bits(tmp_path) -> None:
    forest = forest_of(CLASSIFIER)
    store = ModelStore(tmp_path)
    store.save("trees", forest.to_arrays(), {})
    again = Forest.from_arrays(ModelStore(tmp_path).load("trees").arrays)
    assert again.predict(UNSEEN).tobytes() == forest.predict(UNSEEN).tobytes()


def test_samples_of_another_width_are_refused() -> None:
    with pytest.raises(ValueError, match=r"takes \(n, 6\)"):
        forest_of(CLASSIFIER).predict(UNSEEN[:, :5])


def test_incomplete_arrays_are_refused() -> None:
    arrays = forest_of(CLASSIFIER).to_arrays()
    with pytest.raises(GoldenError, match="incomplete"):
        Forest.from_arrays({key: value for key, value in arrays.items() if key != "share"})
    with pytest.raises(GoldenError, match="do not fit"):
        Forest.from_arrays({**arrays, "below": arrays["below"] + 10_000_000})
