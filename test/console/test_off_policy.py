"""What another policy would have earned: right where the data can say, refused where it cannot."""

import dataclasses
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workcell_console.off_policy.cycles import (
    COMPLAINT_CYCLES,
    NS_PER_S,
    LoggedCycle,
    RawCycle,
    contexts,
    logged_cycles,
)
from workcell_console.off_policy.estimate import ESS_MIN, Estimate, OutcomeModel, estimate
from workcell_console.off_policy.report import compare, cycle_lines, sentence, to_json
from workcell_console.trial import trial_of
from workcell_control.policy.policy import Cycle
from workcell_control.policy.value import Prices
from workcell_ros.errors import ConfigError

ENVELOPES = {"cell.speed_scale": (0.2, 1.0), "cell.settle_s": (0.05, 1.0)}
PRICES = Prices(0.1, 0.1, 0.15, 1.5, 4.0, 0.1, 4000.0, 0.28)


def truth(speed, settle, light):
    """Mean margin and time of a cycle: faster is quicker, and loses parts where it is dark."""
    return 0.1 - 0.05 * max(speed - 0.7, 0.0) * (1.0 - light), 2.0 + 1.2 / speed + settle


def shift(rng, speeds, tried, count=60, bag=0, settle=0.2):
    cycles, light = [], 0.8
    for index in range(count):
        speed = speeds(index, rng)
        eur, time_s = truth(speed, settle, light)
        cycles.append(
            LoggedCycle(
                bag,
                (index + 1) * 4 * NS_PER_S,
                (1.0, light, 0.3, 300.0, 0.0),
                {"cell.speed_scale": speed, "cell.settle_s": settle},
                {"cell.speed_scale": tried, "cell.settle_s": settle},
                True,
                eur + rng.normal(0.0, 0.02),
                time_s + rng.normal(0.0, 0.1),
            )
        )
        light = float(np.clip(light + rng.normal(0.0, 0.02), 0.4, 1.0))
    return cycles


def explored(index, rng):
    return float(rng.uniform(0.6, 1.0))


def really(cycles, tried):
    means = [truth(tried, 0.2, cycle.context[1]) for cycle in cycles]
    return 3600.0 * sum(eur for eur, _ in means) / sum(time_s for _, time_s in means)


def test_the_interval_holds_what_would_really_have_been_earned():
    hits = 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        cycles = shift(rng, explored, tried=0.85)
        found = estimate(OutcomeModel(cycles, ENVELOPES), cycles, rng, replicates=100)
        assert not found.refusal
        hits += found.low_eur_per_h <= really(cycles, 0.85) <= found.high_eur_per_h
    assert hits >= 26


def test_more_cycles_say_it_more_sharply():
    widths = []
    for count in (40, 320):
        rng = np.random.default_rng(5)
        cycles = shift(rng, explored, tried=0.8, count=count)
        found = estimate(OutcomeModel(cycles, ENVELOPES), cycles, rng, replicates=100)
        widths.append(found.high_eur_per_h - found.low_eur_per_h)
    assert widths[1] < 0.6 * widths[0]


def test_which_parts_come_is_no_chance_where_the_audit_told_them():
    rng = np.random.default_rng(6)
    parts = rng.random(60) < 0.2
    cycles = [
        dataclasses.replace(cycle, eur=cycle.eur - 0.2 * is_defective, is_defective=bool(is_defective))
        for cycle, is_defective in zip(shift(rng, explored, tried=0.85), parts, strict=True)
    ]
    untold = [dataclasses.replace(cycle, is_defective=None) for cycle in cycles]
    told, blind = (estimate(OutcomeModel(each, ENVELOPES), each, rng, replicates=200) for each in (cycles, untold))
    means = [truth(0.85, 0.2, cycle.context[1]) for cycle in cycles]
    earned = sum(eur for eur, _ in means) - 0.2 * parts.sum()
    assert told.low_eur_per_h <= 3600.0 * earned / sum(time_s for _, time_s in means) <= told.high_eur_per_h
    assert told.high_eur_per_h - told.low_eur_per_h < 0.4 * (blind.high_eur_per_h - blind.low_eur_per_h)


def test_what_was_never_near_is_refused():
    rng = np.random.default_rng(1)
    cycles = shift(rng, lambda index, _: 0.4 + 0.001 * index, tried=1.0)
    found = estimate(OutcomeModel(cycles, ENVELOPES), cycles, rng)
    assert found.refusal.startswith("not enough overlap")
    assert math.isnan(found.eur_per_h)


def test_what_was_only_done_under_a_sound_vacuum_is_refused_for_a_leak():
    rng = np.random.default_rng(1)
    cycles = shift(rng, lambda index, _: 0.9 if index < 40 else 0.6, tried=0.9)
    sound, leaking = (
        [
            dataclasses.replace(cycle, context=(0.85 if index < 40 else late, 0.8, 0.3, 300.0, 0.0))
            for index, cycle in enumerate(cycles)
        ]
        for late in (0.85, 0.5)
    )
    assert not estimate(OutcomeModel(sound, ENVELOPES), sound, rng, replicates=20).refusal
    found = estimate(OutcomeModel(leaking, ENVELOPES), leaking, rng)
    assert found.refusal == "not enough overlap: 67% of the cycles have recorded ones near, < 80%"


def test_few_cycles_near_are_refused_by_their_effective_number():
    rng = np.random.default_rng(1)
    cycles = shift(rng, lambda index, _: 1.0 if index < 5 else 0.3, tried=1.0)
    found = estimate(OutcomeModel(cycles, ENVELOPES), cycles, rng)
    assert found.refusal == f"not enough overlap: ESS {found.ess:.1f} < {ESS_MIN:g}"
    assert found.ess == pytest.approx(5.0, abs=0.1)


def test_the_recorded_policy_itself_is_estimated_to_earn_what_it_earned():
    rng = np.random.default_rng(2)
    cycles = shift(rng, lambda index, _: 0.8, tried=0.8)
    found = estimate(OutcomeModel(cycles, ENVELOPES), cycles, rng)
    assert (found.differing, found.ess) == (0, pytest.approx(60.0))
    assert found.eur_per_h == pytest.approx(found.recorded_eur_per_h, rel=1e-3)


def test_many_that_are_far_do_not_make_one_that_is_near():
    rng = np.random.default_rng(2)
    cycles = shift(rng, lambda index, _: 0.6 + 0.02 * (index % 2), tried=0.85, count=2000)
    found = estimate(OutcomeModel(cycles, ENVELOPES), cycles, rng, replicates=20)
    assert found.supported == 0.0
    assert found.refusal.startswith("not enough overlap")


def test_what_was_exposed_longer_as_it_darkened_is_refused_for_a_short_exposure():
    rng = np.random.default_rng(2)
    envelopes = {**ENVELOPES, "inspection.exposure_s": (0.0005, 0.02)}

    def darkening(follows):
        cycles = []
        for index, cycle in enumerate(shift(rng, lambda index, _: 0.8, tried=0.8, count=120)):
            light = 0.8 - 0.3 * index / 120
            own = {**cycle.recorded, "inspection.exposure_s": 0.004 * (0.8 / light if follows else 1.0)}
            tried = {**cycle.tried, "inspection.exposure_s": 0.004}
            seen = (1.0, light, 0.3, 300.0, 0.0)
            cycles.append(dataclasses.replace(cycle, recorded=own, tried=tried, context=seen))
        return cycles

    followed, stayed = darkening(True), darkening(False)
    assert estimate(OutcomeModel(followed, envelopes), followed, rng, replicates=20).refusal
    assert not estimate(OutcomeModel(stayed, envelopes), stayed, rng, replicates=20).refusal


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.floats(0.2, 1.0), st.integers(8, 40))
def test_whatever_is_asked_the_answer_is_ordered_or_refused(seed, tried, count):
    rng = np.random.default_rng(seed)
    cycles = shift(rng, explored, tried, count)
    found = estimate(OutcomeModel(cycles, ENVELOPES), cycles, rng, replicates=20)
    assert 0.0 <= found.supported <= 1.0
    assert found.ess <= count + 1e-6
    assert found.refusal or found.low_eur_per_h <= found.high_eur_per_h


def test_cycles_with_a_change_in_them_teach_nothing():
    rng = np.random.default_rng(3)
    cycles = shift(rng, explored, 0.8, count=4)
    unsteady = [LoggedCycle(**{**vars(cycle), "is_steady": False}) for cycle in cycles]
    assert len(OutcomeModel([*cycles, *unsteady], ENVELOPES).steady) == 4
    with pytest.raises(ValueError, match="one set of parameters"):
        OutcomeModel(unsteady, ENVELOPES)


def test_the_report_tells_cycle_by_cycle_and_in_total():
    rng = np.random.default_rng(4)
    bags = [(f"bag {number}", 0, shift(rng, explored, 0.8, bag=number)) for number in range(2)]
    report = compare("calmer", bags, ENVELOPES)
    lines = list(cycle_lines(report.bags[0]))
    assert len(lines) == 60
    assert lines[0].startswith("cycle 1 at 4.0 s: cell.speed_scale ")
    assert "-> 0.8; expected" in lines[0]
    assert "each" not in lines[0]
    assert report.total.cycles == 120
    assert "calmer would have earned" in sentence("calmer", report.total)
    assert sentence("calmer", report.total).endswith(": worse than recorded")
    rows = json.loads(json.dumps(to_json(report), allow_nan=False))
    assert rows["bags"][1]["cycles"][3]["tried"]["cell.speed_scale"] == 0.8


def test_cycles_that_would_have_changed_alike_are_one_line():
    rng = np.random.default_rng(4)
    cycles = shift(rng, lambda index, _: 0.7 if index < 40 else 0.8, 0.8)
    (line,) = cycle_lines(compare("calmer", [("bag", 0, cycles)], ENVELOPES).bags[0])
    assert line.startswith("cycles 1 to 40 at 4.0 to 160.0 s: cell.speed_scale 0.7 -> 0.8; expected ")
    assert line.endswith(" s each")


@pytest.mark.parametrize(
    ("low", "high", "said"), [(11.0, 12.0, "better than"), (8.0, 9.0, "worse than"), (9.0, 11.0, "not to be told from")]
)
def test_the_sentence_says_what_the_interval_comes_to(low, high, said):
    found = Estimate(60, 40, 10.0, (low + high) / 2.0, low, high, 30.0, 1.0)
    assert f"(90% interval {low:.2f} to {high:.2f})" in sentence("mine", found)
    assert said in sentence("mine", found)


def cycle(**changes):
    return Cycle(
        **{
            "is_dropped": False,
            "verdict": "accept",
            "cycle_time_s": 4.0,
            "vacuum_min_pa": 40e3,
            "acceleration_max_m_s2": 3.0,
            "pick_attempts": 1,
            "tracking_error_max_rad": 0.0,
            "energy_j": 0.0,
            "parameters": {"cell": {"grip_vacuum_pa": 50e3}, "monitor": {"limit": 1.0}},
            "readings": {"cell/tariff": 0.3},
            **changes,
        }
    )


def test_a_logged_cycle_has_the_context_of_the_one_before_and_the_audits_truth():
    tried = {"cell": {"grip_vacuum_pa": 60e3, "unknown": 1.0}, "monitor": {"limit": 2.0}}
    raw = [RawCycle(4 * NS_PER_S, cycle(), None, tried), RawCycle(10 * NS_PER_S, cycle(), True, tried)]
    first, second = logged_cycles(0, 0, raw, PRICES)
    assert all(map(math.isnan, first.context[:4]))
    assert second.context[0] == pytest.approx(0.8)
    assert second.context[2] == 0.3
    assert (first.time_s, second.time_s) == (4.0, 6.0)
    assert (first.eur, second.eur) == (pytest.approx(0.1), pytest.approx(-4.0))
    assert first.differing() == ["cell.grip_vacuum_pa"]
    assert np.isfinite(contexts([second])).sum() == 5


def test_a_complaint_of_the_monitor_is_remembered_for_some_cycles():
    raw = [RawCycle((index + 1) * NS_PER_S, cycle(), None, {}, index == 3) for index in range(30)]
    complaints = [logged.context[4] for logged in logged_cycles(0, 0, raw, PRICES)]
    assert complaints == [0.0] * 4 + [1.0] * COMPLAINT_CYCLES + [0.0] * (26 - COMPLAINT_CYCLES)


def test_what_is_to_be_tried_is_a_policy_a_model_or_a_parameter_file(tmp_path):
    assert trial_of("fixed").values == {"policy": {"policy": "fixed"}}
    model = tmp_path / "mine.onnx"
    model.write_bytes(b"")
    assert trial_of(str(model)).values["policy"] == {"policy": "onnx", "policy_file": str(model)}
    file = tmp_path / "calmer.yaml"
    file.write_text("cell: {ros__parameters: {speed_scale: 0.5}}\nworld: {ros__parameters: {seed: 3}}\n")
    assert (trial_of(str(file)).values, trial_of(str(file)).name) == ({"cell": {"speed_scale": 0.5}}, "calmer")


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "says nothing that a replay could try"), ("cell: {ros__parameters: {sped: 1.0}}", "sped")],
)
def test_a_file_that_tries_nothing_or_a_wrong_name_is_refused(tmp_path, text, said):
    file = tmp_path / "wrong.yaml"
    file.write_text(text or "world: {ros__parameters: {seed: 3}}\n")
    with pytest.raises(ConfigError, match=said):
        trial_of(str(file))


def test_a_word_that_is_neither_policy_nor_file_names_those_there_are():
    with pytest.raises(ConfigError, match=r"neither a policy nor a file.*fixed"):
        trial_of("reflexx")
