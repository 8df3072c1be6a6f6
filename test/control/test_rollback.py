"""The way back: what counts as known good, and one command that brings it back whatever was proposed since."""

from pathlib import Path

import pytest

from workcell_control.governance.explained import EXPLAINED_MAX, Explained
from workcell_control.governance.flood import PROPOSALS_MAX
from workcell_control.governance.gate import Apply, ClosePending, Gate, OpenPending, Outcome, Verdict
from workcell_control.governance.known_good import CLEAN_CYCLES, KnownGood
from workcell_control.governance.rules import load_governance
from workcell_ros.errors import ConfigError

S = 1_000_000_000
GOVERNANCE = load_governance(Path(__file__).parents[2] / "config" / "governance.yaml")
CELL = {"speed_scale": 0.6, "grip_vacuum_pa": 55e3, "settle_s": 0.2}


def gate(stage=2.0):
    made = Gate(GOVERNANCE)
    for name, value in CELL.items():
        made.note_value("cell", name, value)
    made.note_value("policy", "stage", stage)
    return made


def carried_out(made, actions, now_ns=0):
    """Applies what is to be applied, and returns all verdicts."""
    verdicts = [item for item in actions if isinstance(item, Verdict)]
    for item in actions:
        if isinstance(item, Apply):
            verdicts += made.on_applied(item, "", now_ns)
    return verdicts


def changed(made, values, stamp_ns=1, now_ns=0):
    """Has a change applied that the twin agrees with, were it asked."""
    actions = made.on_proposal(stamp_ns, "cell", values, now_ns)
    actions += made.on_no_twin(stamp_ns, now_ns)
    return carried_out(made, actions, now_ns)


def test_the_set_the_cell_starts_with_is_the_first_known_good_one():
    made = gate()
    changed(made, {"speed_scale": 0.8, "settle_s": 0.1})
    verdicts = carried_out(made, made.roll_back(5, "person", "asked"))
    assert {item.outcome for item in verdicts} == {Outcome.ROLLED_BACK}
    assert made.current["cell"] == CELL
    assert made.current["policy"]["stage"] == 0.0


def test_a_rollback_goes_beyond_a_step_and_asks_neither_twin_nor_person():
    made = gate()
    for step in range(1, 4):
        changed(made, {"speed_scale": 0.6 - 0.2 * step + 0.01}, stamp_ns=step, now_ns=step * 10 * S)
    assert made.current["cell"]["speed_scale"] == pytest.approx(0.2)
    carried_out(made, made.roll_back(9, "person", "asked"))
    assert made.current["cell"]["speed_scale"] == 0.6


def test_a_set_is_vouched_for_after_clean_cycles_in_a_row():
    made = gate()
    changed(made, {"speed_scale": 0.7})
    for _ in range(CLEAN_CYCLES):
        assert made.on_cycle(True, 0) == []
    verdicts = made.on_cycle(True, 0)
    assert {item.outcome for item in verdicts} == {Outcome.VOUCHED}
    changed(made, {"speed_scale": 0.5}, stamp_ns=2)
    carried_out(made, made.roll_back(5, "person", "asked"))
    assert made.current["cell"]["speed_scale"] == 0.7


def test_a_lost_part_or_a_change_begins_the_count_again():
    for spoil in ("drop", "change"):
        made = gate()
        for count in range(2 * CLEAN_CYCLES):
            if count % CLEAN_CYCLES == CLEAN_CYCLES - 1 and spoil == "change":
                made.note_value("cell", "settle_s", 0.2 + 0.001 * count)
            is_clean = spoil == "change" or count % CLEAN_CYCLES != CLEAN_CYCLES - 1
            assert made.on_cycle(is_clean, 0) == []


def test_cycles_of_a_canary_vouch_for_nothing():
    made = gate(stage=1.0)
    made.note_value("cell", "speed_scale", 0.8)
    assert [made.on_cycle(True, 0) for _ in range(3 * CLEAN_CYCLES)] == [[]] * 3 * CLEAN_CYCLES


def test_a_policy_that_takes_itself_back_brings_the_known_good_set_with_it():
    made = gate()
    changed(made, {"speed_scale": 0.8})
    verdicts = carried_out(made, made.on_proposal(7, "policy", {"stage": 0.0}, 0))
    assert [(item.node, item.outcome) for item in verdicts] == [
        ("policy", Outcome.ROLLED_BACK),
        ("cell", Outcome.ROLLED_BACK),
    ]
    assert made.current["cell"]["speed_scale"] == 0.6


def test_a_take_off_in_the_shadow_is_told_and_changes_nothing():
    made = gate(stage=0.0)
    changed(made, {"speed_scale": 0.8})
    (told,) = made.on_proposal(7, "policy", {"stage": 0.0}, 0)
    assert (told.node, told.outcome, told.parameters) == ("policy", Outcome.BARRED, {"stage": 0.0})
    assert made.current["cell"]["speed_scale"] == 0.8, "nothing of the candidate was in force"


def test_a_promotion_takes_a_person_and_one_stage_at_a_time():
    made = gate(stage=0.0)
    actions = made.on_proposal(3, "policy", {"stage": 2.0}, 0)
    assert OpenPending(3) in actions
    carried_out(made, made.on_answer(3, True, "person"))
    assert made.current["policy"]["stage"] == 1.0


def test_a_rollback_ends_what_still_waits():
    made = gate()
    made.on_proposal(3, "cell", {"grip_vacuum_pa": 74e3}, 0)
    made.on_proposal(4, "cell", {"grip_vacuum_pa": 65e3}, 0)
    made.on_proposal(5, "cell", {"speed_scale": 0.7}, 0)
    actions = made.roll_back(9, "governor", "flooded")
    ended = [item for item in actions if isinstance(item, Verdict)]
    assert any(item.stamp_ns == 5 and "rolled back: flooded" in item.reason for item in ended)
    assert ClosePending(5) in actions
    assert made.on_no_twin(5, 0) == []


def test_while_the_safe_set_is_in_force_a_rollback_says_what_comes_back_after_it():
    made = gate()
    changed(made, {"speed_scale": 0.8})
    carried_out(made, made.fall_back(0, "readings quiet"))
    assert made.current["cell"]["speed_scale"] == 0.4
    carried_out(made, made.roll_back(5, "person", "asked"))
    assert made.current["cell"]["speed_scale"] == 0.4
    carried_out(made, made.restore(9, "back"))
    assert made.current["cell"]["speed_scale"] == 0.6


def test_a_flood_is_turned_away_told_of_once_and_ends_the_policys_stage():
    made = gate()
    changed(made, {"settle_s": 0.25})
    answered = [made.on_proposal(stamp, "cell", {"speed_scale": 9.0}, S) for stamp in range(10, 510)]
    assert sum(bool(actions) for actions in answered) < PROPOSALS_MAX
    verdicts = carried_out(made, made.on_tick(S))
    assert any("proposals more than are taken in a second" in item.reason for item in verdicts)
    assert made.current["policy"]["stage"] == 0.0
    assert made.current["cell"]["settle_s"] == 0.2
    assert made.on_tick(S) == []


def test_the_known_good_set_survives_the_governor(tmp_path):
    first, again = KnownGood(("cell",)), KnownGood(("cell",))
    first.fill("cell", "speed_scale", 0.1 + 0.2)
    first.save(tmp_path / "deep" / "good.json")
    again.load(tmp_path / "deep" / "good.json", GOVERNANCE)
    assert again.values == {"cell": {"speed_scale": 0.1 + 0.2}}
    again.load(tmp_path / "none.json", GOVERNANCE)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"cell": {"speed_scale": 3.0}}', r"cell.speed_scale: is 3.0; valid: 0.2..1.0"),
        ('{"cell": {"speed_scale": NaN}}', "cell.speed_scale: is nan"),
        ('{"cell": {"color": 1.0}}', "cell.color: is not governed"),
        ('{"world": {}}', "is of other nodes"),
        ('{"cell": {"speed', "cannot be read"),
    ],
)
def test_a_known_good_set_that_cannot_be_is_refused(tmp_path, text, message):
    (tmp_path / "good.json").write_text(text)
    good = KnownGood(("cell",))
    with pytest.raises(ConfigError, match=message):
        good.load(tmp_path / "good.json", GOVERNANCE)
    assert good.values == {"cell": {}}


def test_the_audit_log_is_told_model_gain_and_readings():
    explained = Explained()
    values = {"model": "gp", "expected_gain_mean": "0.01", "clipped": "", "readings": '{"gripper/vacuum": 4e4}'}
    explained.note(5, "optimiser", "more parts", values)
    assert explained.of(5) == {
        "explanation": {
            "rule": "optimiser",
            "why": "more parts",
            "model": "gp",
            "expected_gain_mean": "0.01",
            "readings": {"gripper/vacuum": 4e4},
        }
    }
    assert explained.of(6) == {}
    explained.note(7, "odd", "", {"readings": "no json"})
    assert explained.of(7)["explanation"]["readings"] == "no json"
    for stamp in range(100, 100 + EXPLAINED_MAX):
        explained.note(stamp, "r", "", {})
    assert explained.of(5) == {}
