"""What a cycle is worth."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workcell_control.policy.policy import Cycle
from workcell_control.policy.value import SHARES, CycleOutcome, load_prices, outcome_of, per_hour_eur, value_of
from workcell_ros.errors import ConfigError

PRICES_FILE = "config/value.yaml"
PRICES = load_prices(PRICES_FILE)
CYCLE = Cycle(False, "accept", 4.0, 50e3, 6.0, 1, 0.002, 1200.0)


@pytest.mark.parametrize(
    ("cycle", "is_defective", "fate", "false_reject"),
    [
        (CYCLE, None, "good", 0.0),
        (CYCLE, False, "good", 0.0),
        (CYCLE, True, "escape", 0.0),
        (replace(CYCLE, verdict="reject"), True, "scrap", 0.0),
        (replace(CYCLE, verdict="reject"), False, "scrap", 1.0),
        (replace(CYCLE, verdict="unsure"), False, "rework", 1.0),
        (replace(CYCLE, verdict="none"), None, "rework", 0.0),
        (replace(CYCLE, verdict="accept", is_dropped=True), False, "drop", 0.0),
    ],
)
def test_each_part_has_one_fate(cycle: Cycle, is_defective: bool | None, fate: str, false_reject: float) -> None:
    outcome = outcome_of(cycle, is_defective=is_defective)
    assert {name: getattr(outcome, name) for name in SHARES} == {name: float(name == fate) for name in SHARES}
    assert outcome.false_reject == false_reject


def test_fates_are_ranked_as_a_shop_would() -> None:
    def worth(**fate: float) -> float:
        return value_of(CycleOutcome(4.0, **fate), PRICES).total_eur

    assert worth(good=1.0) > worth(scrap=1.0) > worth(scrap=1.0, false_reject=1.0) > worth(drop=1.0) > worth(escape=1.0)


@settings(max_examples=50)
@given(st.floats(0.0, 1.0), st.floats(0.1, 100.0), st.floats(0.0, 100.0), st.floats(0.0, 1e5), st.floats(0.0, 2.0))
def test_value_is_linear_in_fate_and_falls_with_time_energy_and_tariff(
    share: float, time_s: float, waiting_s: float, energy_j: float, tariff: float
) -> None:
    def value(good: float) -> float:
        outcome = CycleOutcome(time_s, waiting_s, good=good, drop=1.0 - good, energy_j=energy_j)
        return value_of(outcome, PRICES, tariff).total_eur

    assert value(share) == pytest.approx(share * value(1.0) + (1.0 - share) * value(0.0), abs=1e-9)
    fast = value_of(CycleOutcome(time_s, good=1.0), PRICES, tariff)
    slow = value_of(CycleOutcome(time_s, waiting_s, good=1.0, energy_j=energy_j), PRICES, tariff)
    assert slow.per_hour_eur <= fast.per_hour_eur


def test_an_hour_weighs_cycles_by_their_time() -> None:
    good, dropped = CycleOutcome(3.0, good=1.0), CycleOutcome(9.0, drop=1.0)
    values = [value_of(outcome, PRICES) for outcome in (good, dropped)]
    expected = 3600.0 * (PRICES.good_part_eur - PRICES.drop_eur) / 12.0
    assert per_hour_eur(values) == pytest.approx(expected)
    assert math.isnan(per_hour_eur([]))


@pytest.mark.parametrize("fates", [{}, {"good": 1.0, "drop": 1.0}, {"good": 0.5}])
def test_a_part_without_one_fate_is_refused(fates: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="one fate"):
        CycleOutcome(4.0, **fates)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("drop_eur: -1", "drop_eur.*-1"),
        ("drop_eur: yes", "drop_eur.*True"),
        ("drop_eur: .inf", "drop_eur"),
        ("drops_eur: 1", "did you mean drop_eur"),
        ("", "drop_eur.*is missing"),
    ],
)
def test_prices_that_cannot_be_used_are_named(tmp_path: Path, line: str, problem: str) -> None:
    kept = [text for text in Path(PRICES_FILE).read_text(encoding="utf-8").splitlines() if "drop_eur" not in text]
    file = tmp_path / "value.yaml"
    file.write_text("\n".join([*kept, line]), encoding="utf-8")
    with pytest.raises(ConfigError, match=problem):
        load_prices(file)
