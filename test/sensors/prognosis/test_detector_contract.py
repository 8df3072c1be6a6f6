"""What every detector of the registry keeps to."""

from __future__ import annotations

import copy
import json

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workcell_sensors.prognosis.detector import ANOMALOUS, Detector
from workcell_sensors.prognosis.registry import DETECTORS

N = 3
Array = npt.NDArray[np.float64]
every = pytest.mark.parametrize("name", DETECTORS)


def samples(count: int, seed: int = 1) -> Array:
    rng = np.random.default_rng(seed)
    both = rng.standard_normal((count, 1))
    return 5.0 + np.hstack((both, both + 0.3 * rng.standard_normal((count, 1)), rng.standard_normal((count, 1))))


def taught(name: str, more: int = 60) -> Detector:
    detector = DETECTORS[name](N)
    for sample in samples(detector.grace_period + more):
        detector.learn_one(sample)
    return detector


@every
def test_nothing_is_anomalous_during_the_grace_period(name: str) -> None:
    detector = DETECTORS[name](N)
    for sample in samples(detector.grace_period - 1):
        assert detector.score_one(sample + 1e3) == 0.0
        detector.learn_one(sample)


@every
def test_scoring_learns_nothing(name: str) -> None:
    detector = taught(name)
    before = copy.deepcopy(detector.snapshot())
    detector.score_one(np.full(N, 1e6))
    assert detector.snapshot() == before


@every
def test_what_is_as_ever_passes_and_a_far_leap_does_not(name: str) -> None:
    detector = taught(name)
    passed = 0
    for sample in samples(200, seed=2):
        passed += detector.score_one(sample) < ANOMALOUS
        detector.learn_one(sample)
    assert passed >= 190
    found = []
    for sample in samples(15, seed=3) + 30.0:
        found.append(detector.score_one(sample))
        detector.learn_one(sample)
    assert max(found) >= ANOMALOUS


@every
def test_a_snapshot_through_json_goes_on_bit_for_bit(name: str) -> None:
    giver, taker = taught(name), DETECTORS[name](N)
    taker.restore(json.loads(json.dumps(giver.snapshot(), allow_nan=False)))
    for sample in samples(150, seed=4):
        assert taker.score_one(sample) == giver.score_one(sample)
        giver.learn_one(sample)
        taker.learn_one(sample)
    assert taker.snapshot() == giver.snapshot()


@every
def test_a_state_of_another_shape_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="valid"):
        DETECTORS[name](N + 1).restore(taught(name, more=0).snapshot())


@every
def test_unknown_values_are_neither_scored_nor_learned(name: str) -> None:
    """A quantity that is BAD or STALE throughout leaves the judgement of the others as it is."""
    detector = taught(name)
    unknown = np.full(N, np.nan)
    assert detector.score_one(unknown) < ANOMALOUS
    for _ in range(30):
        detector.learn_one(unknown)
    state = json.dumps(detector.snapshot(), allow_nan=False)
    assert "NaN" not in state
    one = samples(1, seed=5)[0]
    one[0] = np.nan
    assert np.isfinite(detector.score_one(one))


@every
@given(st.lists(st.lists(st.floats(-1e9, 1e9) | st.just(float("nan")), min_size=N, max_size=N), max_size=12))
@settings(max_examples=20)
def test_scores_are_finite_and_not_negative_whatever_comes(name: str, wild: list[list[float]]) -> None:
    detector = READY[name]
    kept = detector.snapshot()
    for row in wild:
        score = detector.score_one(np.array(row))
        assert score >= 0.0
        assert np.isfinite(score)
        detector.learn_one(np.array(row))
    detector.restore(kept)


READY = {name: taught(name) for name in DETECTORS}
