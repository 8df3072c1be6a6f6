"""Sequential tests: an error rate that holds however often one looks, and a real difference found soon."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workcell_control.policy.stages.comparison import Comparison, Tolerance
from workcell_control.policy.stages.e_process import MeanProcess, RateProcess, has_reached
from workcell_control.policy.stages.value_watch import CycleScore

CYCLE_EUR = 0.1
DROP_EUR = -1.05


@given(st.lists(st.sampled_from([-1.0, -0.5, 0.0, 0.5, 1.0]), min_size=1, max_size=6))
def test_bets_on_a_fair_game_expect_nothing(begun):
    """A martingale: after any history, the mean over a fair coin's two sides is the capital before."""
    after = []
    for side in (-1.0, 1.0):
        process = MeanProcess()
        for value in begun:
            process.learn_one(value)
        before = process.evidence
        process.learn_one(side)
        after.append(process.evidence)
    assert math.isclose(np.mean(after), before, rel_tol=1e-9)


@given(st.lists(st.booleans(), max_size=6), st.floats(0.01, 0.4))
def test_bets_on_events_at_the_allowed_rate_expect_nothing(begun, rate):
    after = []
    for is_event in (False, True):
        process = RateProcess()
        for event in begun:
            process.learn_one(event, rate)
        before = process.evidence
        process.learn_one(is_event, rate)
        after.append(process.evidence)
    assert math.isclose((1.0 - rate) * after[0] + rate * after[1], before, rel_tol=1e-9)


@pytest.mark.parametrize("value", [1.5, -1.01, math.nan])
def test_what_lies_outside_is_refused(value):
    with pytest.raises(ValueError, match=r"expected within -1\.\.1"):
        MeanProcess().learn_one(value)


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_a_rate_that_rules_everything_or_nothing_out_is_refused(rate):
    with pytest.raises(ValueError, match="rate_allowed"):
        RateProcess().learn_one(True, rate)


def rolled_back_after(seed, cycles, loss=0.0, drops=(0.0, 0.0), begins=0, drift=0.0):
    """Cycles until a canary of every fourth cycle is called worse, None where it is not.

    `loss` is in cycle values, `drops` are rates of champion and candidate, `drift` moves both alike.
    """
    rng = np.random.default_rng(seed)
    comparison = Comparison(Tolerance())
    for cycle in range(cycles):
        is_candidate = cycle % 4 == 3
        is_worse = is_candidate and cycle >= begins
        is_drop = rng.random() < drops[is_worse]
        value_eur = DROP_EUR if is_drop else CYCLE_EUR * (1.0 + drift * math.sin(cycle / 30.0) - loss * is_worse)
        score = CycleScore(value_eur + rng.normal(0.0, 0.004), 5.0 + rng.normal(0.0, 0.1), is_drop)
        comparison.note(score, is_candidate=is_candidate)
        if comparison.standing.is_regressed:
            return cycle + 1
    return None


@pytest.mark.parametrize(
    ("drops", "drift"), [((0.0, 0.0), 0.0), ((0.02, 0.02), 0.0), ((0.01, 0.01), 0.2)], ids=["calm", "drops", "drift"]
)
def test_a_candidate_that_is_no_worse_is_hardly_ever_rolled_back(drops, drift):
    wrong = sum(rolled_back_after(seed, 300, drops=drops, drift=drift) is not None for seed in range(25))
    assert wrong <= 1


@pytest.mark.parametrize(
    ("loss", "drops", "within"),
    [(0.1, (0.0, 0.0), 120), (0.3, (0.0, 0.0), 60), (0.1, (0.02, 0.02), 140), (0.0, (0.0, 1.0), 12)],
    ids=["a tenth less", "a third less", "a tenth less, with drops", "drops all"],
)
def test_a_worse_candidate_is_found(loss, drops, within):
    found = [rolled_back_after(seed, within, loss, drops) for seed in range(20)]
    assert sum(cycles is not None for cycles in found) >= 19


def test_what_becomes_worse_after_hundreds_of_good_cycles_is_found_too():
    found = [rolled_back_after(seed, 400, loss=0.2, begins=240) for seed in range(10)]
    assert all(cycles is not None and 240 < cycles <= 360 for cycles in found)


def live_rolled_back_after(seed, loss, decline):
    """Cycles until a live candidate is called worse beside every twentieth cycle of the champion's, None for never.

    `decline` is what both lose of their value over 100 cycles, as a leak grows.
    """
    rng = np.random.default_rng(seed)
    comparison = Comparison(Tolerance(), candidate_is_guest=False)
    for cycle in range(600):
        is_candidate = cycle % 20 != 19
        value_eur = CYCLE_EUR * (1.0 - decline * min(cycle / 100.0, 2.0) - loss * is_candidate)
        comparison.note(CycleScore(value_eur + rng.normal(0.0, 0.004), 5.0, False), is_candidate=is_candidate)
        if comparison.standing.is_regressed:
            return cycle + 1
    return None


def test_live_what_makes_everybody_worse_is_not_laid_to_the_candidates_charge():
    assert [live_rolled_back_after(seed, 0.0, 0.3) for seed in range(5)] == [None] * 5


@pytest.mark.parametrize("decline", [0.0, 0.3])
def test_live_what_is_worse_than_the_champion_is_found(decline):
    found = [live_rolled_back_after(seed, 0.3, decline) for seed in range(5)]
    assert all(cycles is not None and cycles <= 320 for cycles in found)


def test_a_better_candidate_is_seen_not_to_be_worse():
    comparison = Comparison(Tolerance())
    rng = np.random.default_rng(1)
    for _ in range(40):
        for _ in range(3):
            comparison.note(CycleScore(CYCLE_EUR + rng.normal(0.0, 0.002), 5.0, False), is_candidate=False)
        # As much a part, in less time.
        comparison.note(CycleScore(CYCLE_EUR + rng.normal(0.0, 0.002), 4.5, False), is_candidate=True)
    standing = comparison.standing
    assert standing.is_not_worse
    assert not standing.is_regressed
    assert standing.gain_low_eur_per_cycle < 0.01 < standing.gain_high_eur_per_cycle + 0.002
    assert has_reached(standing.evidence_not_worse, Tolerance().alpha_promote)


def test_an_unsteady_cycle_counts_for_its_events_alone():
    comparison = Comparison(Tolerance())
    for _ in range(6):
        comparison.note(CycleScore(CYCLE_EUR, 5.0, False), is_candidate=False)
    comparison.note(CycleScore(0.0, 9.0, False, is_steady=False), is_candidate=True)
    assert math.isnan(comparison.standing.gain_eur_per_cycle)
    assert comparison.standing.candidate_cycles == 1
