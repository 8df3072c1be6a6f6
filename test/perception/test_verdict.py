from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from workcell_perception.costs import Costs
from workcell_perception.defects import DefectClass, FoundDefect
from workcell_perception.health import ImageHealth
from workcell_perception.verdict import ImageLimits, Outcome, judge, unsure
from workcell_perception.verdict_file import load_rules
from workcell_ros.errors import ConfigError

RULES_FILE = Path(__file__).parents[2] / "config" / "verdict.yaml"
RULES = load_rules(RULES_FILE)


def defect(kind: str, area_px: int = 50, score: float = 0.8) -> FoundDefect:
    return FoundDefect(DefectClass(kind), (10, 20, 30, 40), area_px, score)


@pytest.mark.parametrize(
    ("defects", "outcome", "reason"),
    [
        ((), Outcome.ACCEPT, "no defect"),
        ((defect("open"),), Outcome.REJECT, r"open of 50 px at \(10, 20\)"),
        ((defect("missing"),), Outcome.REJECT, "missing"),
        ((defect("spur"),), Outcome.REWORK, "spur"),
        ((defect("spur", 900),), Outcome.REWORK, "spur"),
        ((defect("pin_hole", 50),), Outcome.REWORK, "pin_hole"),
        ((defect("pin_hole", 120),), Outcome.REJECT, "pin_hole"),
        ((defect("spur"), defect("open", score=0.5)), Outcome.REJECT, "open"),
        ((defect("spur", score=0.1),), Outcome.UNSURE, "possible spur"),
        ((defect("open", score=0.1), defect("spur")), Outcome.REWORK, "spur"),
        ((defect("spur"),) * 7, Outcome.REJECT, "7 defects to rework, limit 6"),
    ],
)
def test_worst_certain_defect_decides(defects: tuple[FoundDefect, ...], outcome: Outcome, reason: str) -> None:
    verdict = judge(defects, RULES)
    assert verdict.outcome is outcome
    assert verdict.scores[0][0] is outcome
    assert [score for _, score in verdict.scores] == sorted((s for _, s in verdict.scores), reverse=True)

    assert re.search(reason, verdict.reason)


def test_unsure_carries_its_reason() -> None:
    assert unsure("no part").reason == "no part"
    assert unsure("no part").scores == ((Outcome.UNSURE, 1.0),)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({}, None),
        ({"white_level": 90.0}, "too dark"),
        ({"clipped_fraction": 0.5}, "over-exposed"),
        ({"blur_px": 6.0}, "blurred by 6.0 px"),
    ],
)
def test_untrusted_image_says_why(changes: dict[str, float], problem: str | None) -> None:
    values = {
        "mean_level": 120.0,
        "clipped_fraction": 0.0,
        "white_level": 190.0,
        "contrast_level": 170.0,
        "focus": 1.0,
        "blur_px": 0.3,
        "light_level": 1.0,
        "illumination": 1.0,
        "exposure_s": 0.004,
    }
    found = ImageLimits().problem(ImageHealth(**{**values, **changes}), residual_px=0.4)
    assert (found is None) if problem is None else (problem in (found or ""))


def test_bad_fit_is_untrusted() -> None:
    health = ImageHealth(120.0, 0.0, 190.0, 170.0, 1.0, 0.3, 1.0, 1.0, 0.004)
    assert "fit to 3.00 px only" in (ImageLimits().problem(health, residual_px=3.0) or "")


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"clases": {}}, r"clases: unknown key; did you mean classes\?"),
        ({"classes": 3}, "classes: 3 is no mapping"),
        ({"image": {"blur_max": 1}}, r"image\.blur_max: unknown key"),
        ({"image": {"blur_px_max": "much"}}, r"image\.blur_px_max: 'much' does not fit"),
        ({"certain_score_min": -1}, "certain_score_min: -1 does not fit"),
        ({"certain_score_min": 0.5}, "certain_score_min: contradicts costs"),
        ({"light": [1]}, r"light: \[1\] is no mapping"),
        ({"costs": {"escape": 1}}, "costs: .*missing"),
        ({"costs": {"escape": 0, "false_reject": 1, "question": 1}}, "the cost of escape is 0"),
        ({"zones": [1]}, r"zones: \[1\] is no mapping"),
        ({"zones": {"edge": {"box": [0, 0, 9], "classes": {}}}}, r"zones\.edge\.box: \[0, 0, 9\] is no box"),
        ({"zones": {"edge": {"box": [9, 0, 0, 9], "classes": {}}}}, r"zones\.edge\.box: .* is no box"),
        ({"zones": {"edge": {"box": [0, 0, 9, 9], "classes": {"crack": {}}}}}, r"zones\.edge\.classes\.crack"),
        ({"zones": {"edge": 3}}, r"zones\.edge: 3 is no mapping"),
    ],
)
def test_wrong_rules_file_names_key_and_remedy(tmp_path: Path, change: dict[str, object], where: str) -> None:
    data = {**yaml.safe_load(RULES_FILE.read_text()), **change}
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(data))
    with pytest.raises(ConfigError, match=where):
        load_rules(file)


@pytest.mark.parametrize(
    ("kind", "rule", "where"),
    [
        ("open", None, r"classes\.open: None is no mapping"),
        ("open", {"reject_px": 1}, r"classes\.open\.reject_px: unknown key"),
        ("opne", {}, r"classes\.opne: unknown key; did you mean open\?"),
    ],
)
def test_wrong_class_rule_is_named(tmp_path: Path, kind: str, rule: object, where: str) -> None:
    data = yaml.safe_load(RULES_FILE.read_text())
    data["classes"][kind] = rule
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(data))
    with pytest.raises(ConfigError, match=where):
        load_rules(file)


def test_every_class_needs_a_rule(tmp_path: Path) -> None:
    data = yaml.safe_load(RULES_FILE.read_text())
    del data["classes"]["short"]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(data))
    with pytest.raises(ConfigError, match=r"classes\.short: has no rule"):
        load_rules(file)


def test_zone_has_rules_of_its_own(tmp_path: Path) -> None:
    data = yaml.safe_load(RULES_FILE.read_text())
    data["zones"] = {"connector": {"box": [100, 100, 200, 200], "classes": {"spur": {"reject_area_px": 0}}}}
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(data))
    rules = load_rules(file)
    inside = FoundDefect(DefectClass.SPUR, (190, 150, 210, 170), 40, 0.9)
    outside = FoundDefect(DefectClass.SPUR, (200, 150, 210, 170), 40, 0.9)
    assert judge((inside,), rules).outcome is Outcome.REJECT
    assert judge((inside,), rules).reason == "spur of 40 px at (190, 150) in zone connector"
    assert judge((outside,), rules).outcome is Outcome.REWORK
    other = FoundDefect(DefectClass.SHORT, (150, 150, 160, 160), 40, 0.9)
    assert judge((other,), rules).outcome is Outcome.REWORK


@given(*(st.floats(0.01, 1e4) for _ in range(3)), st.floats(0.0, 1.0))
def test_thresholds_cost_least(escape: float, false_reject: float, question: float, probability: float) -> None:
    thresholds = Costs(escape, false_reject, question).thresholds()
    assert 0.0 <= thresholds.possible <= thresholds.certain <= 1.0
    costs = {"accept": probability * escape, "act": (1 - probability) * false_reject, "ask": question}
    chosen = "act" if probability >= thresholds.certain else "ask" if probability >= thresholds.possible else "accept"
    assert costs[chosen] <= min(costs.values()) * (1 + 1e-9) + 1e-9


def test_faint_defect_is_ignored_and_doubtful_one_asked_about() -> None:
    rules = load_rules(RULES_FILE)
    assert (rules.possible_score_min, rules.certain_score_min) == (0.03, 0.25)
    found = {score: FoundDefect(DefectClass.OPEN, (1, 1, 9, 9), 40, score) for score in (0.02, 0.2, 0.3)}
    outcomes = [judge((found[score],), rules).outcome for score in (0.02, 0.2, 0.3)]
    assert outcomes == [Outcome.ACCEPT, Outcome.UNSURE, Outcome.REJECT]
