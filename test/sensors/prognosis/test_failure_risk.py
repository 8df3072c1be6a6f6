"""The probability of failure is learned from outcomes and means what it says."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from workcell_sensors.prognosis.calibration import Calibration
from workcell_sensors.prognosis.failure_risk import FailureRisk

HORIZON = 5


def lives(risk: FailureRisk, count: int, seed: int) -> list[tuple[float, bool]]:
    """Has machines wear out one after the other; returns what was foreseen, and whether it came true, per cycle."""
    rng = np.random.default_rng(seed)
    foreseen: list[tuple[float, bool]] = []
    for _ in range(count):
        length = int(rng.integers(15, 40))
        for cycle in range(length):
            feature = (cycle - 20) / 10 + 0.2 * rng.standard_normal()
            foreseen.append((risk.score_one((feature,)), cycle + HORIZON >= length and cycle < length))
            risk.learn_one((feature,), failed=cycle == length - 1)
    return foreseen


def test_foreseen_shares_come_true() -> None:
    risk = FailureRisk(prior=(-3.0, 0.0), horizon_cycles=HORIZON)
    lives(risk, 60, seed=1)
    later = lives(risk, 150, seed=2)
    given, true = np.array([p for p, _ in later]), np.array([t for _, t in later])
    assert true[given < 0.1].mean() < 0.1
    for low, high in ((0.1, 0.3), (0.3, 0.6), (0.6, 1.01)):
        within = (given >= low) & (given < high)
        assert within.sum() > 50
        assert abs(true[within].mean() - given[within].mean()) < 0.12


def test_without_outcomes_the_prior_stands() -> None:
    risk = FailureRisk(prior=(-3.0, 2.0), horizon_cycles=3)
    assert risk.score_one((-2.0,)) < 0.05 < 0.5 < risk.score_one((3.0,))


def test_a_cycle_is_judged_once_its_horizon_has_passed_or_a_failure_came() -> None:
    risk = FailureRisk(prior=(0.0, 0.0), horizon_cycles=3)
    for _ in range(3):
        risk.learn_one((1.0,), failed=False)
    assert risk.outcomes == 0
    risk.learn_one((1.0,), failed=False)
    assert risk.outcomes == 1
    risk.learn_one((1.0,), failed=True)
    assert (risk.outcomes, risk.failures) == (4, 1)


def test_unknown_features_are_never_learned() -> None:
    risk = FailureRisk(prior=(0.0, 1.0), horizon_cycles=1)
    before = risk.score_one((1.0,))
    for _ in range(20):
        risk.learn_one((math.nan,), failed=True)
    assert risk.outcomes == 0
    assert risk.score_one((1.0,)) == before
    assert 0.0 < risk.score_one((math.nan,)) < 1.0


def test_constant_outcomes_neither_blow_up_nor_reach_certainty() -> None:
    """A learner that is only ever told the same keeps a probability, however long it lasts."""
    for failed in (False, True):
        risk = FailureRisk(prior=(-1.0, 1.0), horizon_cycles=2)
        for _ in range(3000):
            risk.learn_one((0.3,), failed)
        assert 0.0 < risk.score_one((0.3,)) < 1.0
        assert 0.0 < risk.score_one((-50.0,)) < 1.0


def test_a_state_through_json_goes_on_bit_for_bit() -> None:
    giver, taker = (FailureRisk(prior=(-3.0, 0.0), horizon_cycles=HORIZON) for _ in range(2))
    lives(giver, 5, seed=3)
    taker.restore(json.loads(json.dumps(giver.snapshot(), allow_nan=False)))
    assert lives(giver, 5, seed=4) == lives(taker, 5, seed=4)
    assert giver.snapshot() == taker.snapshot()


def test_a_state_of_other_features_and_a_wrong_number_of_them_are_refused() -> None:
    risk = FailureRisk(prior=(0.0, 1.0), horizon_cycles=1)
    with pytest.raises(ValueError, match="valid: 1"):
        risk.score_one((1.0, 2.0))
    with pytest.raises(ValueError, match="valid"):
        FailureRisk(prior=(0.0,), horizon_cycles=1).restore(risk.snapshot())


def test_calibration_learns_that_a_forecaster_boasts() -> None:
    calibration = Calibration()
    rng = np.random.default_rng(1)
    for _ in range(1000):
        calibration.learn_one(0.9, bool(rng.random() < 0.3))
    assert calibration.score_one(0.9) == pytest.approx(0.3, abs=0.06)
    assert calibration.score_one(0.02) == pytest.approx(0.02)
