"""What is believed of a number: outcomes sharpen it, fade, and are never believed altogether."""

from __future__ import annotations

import numpy as np
import pytest

from workcell_control.policy.optimiser.belief import GridBelief

GRID = np.linspace(-2.0, 2.0, 41)
SAYS_HIGH = 1.0 / (1.0 + np.exp(-8.0 * GRID))


def new_belief() -> GridBelief:
    return GridBelief(-0.5 * GRID**2, forgetting=0.9, floor=0.02)


def mean(belief: GridBelief) -> float:
    return float(belief.weights @ GRID)


def test_before_any_outcome_it_is_the_prior() -> None:
    belief = new_belief()
    assert mean(belief) == pytest.approx(0.0, abs=1e-12)
    assert belief.weights.sum() == pytest.approx(1.0)


def test_outcomes_move_it_and_others_bring_it_back() -> None:
    belief = new_belief()
    for _ in range(5):
        belief.learn(SAYS_HIGH)
    high = mean(belief)
    for _ in range(60):
        belief.learn(1.0 - SAYS_HIGH)
    assert high > 0.5
    assert mean(belief) < -0.5


def test_old_outcomes_fade() -> None:
    belief = new_belief()
    belief.learn(SAYS_HIGH)
    for _ in range(100):
        belief.learn(np.ones_like(GRID))
    assert mean(belief) == pytest.approx(0.0, abs=1e-3)


def test_no_single_outcome_rules_a_value_out() -> None:
    belief = new_belief()
    belief.learn((GRID > 0.0).astype(float))
    assert (belief.weights[GRID <= 0.0] > 0.0).all()


def test_a_state_of_another_grid_is_refused_and_changes_nothing() -> None:
    belief = new_belief()
    belief.learn(SAYS_HIGH)
    before = belief.snapshot()
    with pytest.raises(ValueError, match="all finite"):
        belief.restore({"log_likelihood": [0.0, float("nan")]})
    assert belief.snapshot() == before
