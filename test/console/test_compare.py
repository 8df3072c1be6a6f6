"""The comparison says what its figures say, whichever way they went."""

import pytest

from workcell_console.commands.compare import parse_seeds
from workcell_console.compare import FIGURES, Comparison, Pair, comparison_from_json
from workcell_ros.errors import ConfigError


def figures(good=500.0, drops=0.0, escapes=0.0):
    return dict.fromkeys(FIGURES, 1.0) | {"good_parts_per_hour": good, "drops": drops, "escapes": escapes}


def comparison(*pairs):
    return Comparison("calm", 600.0, tuple(Pair(seed, *pair) for seed, pair in enumerate(pairs)))


@pytest.mark.parametrize(
    ("policy", "fixed", "is_better"),
    [
        (figures(600.0), figures(500.0), True),
        (figures(500.0), figures(500.0), False),
        (figures(600.0, drops=1.0), figures(500.0), False),
        (figures(600.0, escapes=1.0), figures(500.0), False),
        (figures(600.0, drops=1.0), figures(500.0, drops=2.0), True),
    ],
)
def test_better_is_more_good_parts_at_no_more_drops_and_escapes(policy, fixed, is_better):
    assert Pair(1, policy, fixed).is_better is is_better


def test_the_sentence_does_not_claim_what_did_not_happen():
    lost = comparison((figures(400.0), figures(500.0)))
    assert "did not beat" in lost.sentence()
    half = comparison((figures(600.0), figures(500.0)), (figures(450.0), figures(500.0)))
    assert "In 1 of 2 seeds" in half.sentence()
    assert "+5.0%" in half.sentence()


def test_few_seeds_say_little_and_say_so():
    one = comparison((figures(600.0), figures(500.0)))
    assert one.win_interval() == pytest.approx((0.025, 1.0), abs=1e-6)
    ten = comparison(*[(figures(600.0), figures(500.0))] * 10)
    assert ten.win_interval()[0] == pytest.approx(0.6915, abs=1e-3)


def test_a_comparison_survives_its_file():
    made = comparison((figures(600.0), figures(500.0)))
    assert comparison_from_json(made.to_json()) == made


@pytest.mark.parametrize(
    ("text", "seeds"), [("1", [1]), ("1-4", [1, 2, 3, 4]), ("3,5,8", [3, 5, 8]), ("1-2,9", [1, 2, 9])]
)
def test_seeds_are_read(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize(
    "text", ["", "a", "1-", "4-1", "1-3,4-1", "1,1", "-1", "1-1000000000000", "1-9" + 30 * "9", "9" * 30]
)
def test_what_is_no_seed_is_refused(text):
    with pytest.raises(ConfigError, match="--seeds"):
        parse_seeds(text)
