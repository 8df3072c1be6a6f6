"""What the end of the line finds: matched with whoever made the part, and judged beside the champion's."""

import dataclasses

import numpy as np
import pytest
from test_staged import CYCLE, GOVERNANCE, Shop, Wish

from bench.trust import CONFIG, Case, taken_off_after
from workcell_control.policy.cycles import WANTED, CycleAssembler
from workcell_control.policy.stages.audits import WAITING_MAX, AuditBook, AuditedCycle, PartAudit
from workcell_control.policy.stages.comparison import Comparison, Tolerance
from workcell_control.policy.stages.events import OwnRates
from workcell_control.policy.stages.stage import Stage
from workcell_control.policy.stages.value_watch import CycleScore
from workcell_control.policy.value import load_prices

PRICES = load_prices(CONFIG / "value.yaml")
SOUND = PartAudit(7, is_escape=False, is_false_reject=False)


@pytest.mark.parametrize("audit_first", [True, False])
def test_a_part_is_whole_once_cycle_and_audit_are_known_whichever_comes_first(audit_first):
    book = AuditBook()
    steps = [lambda: book.note_audit(SOUND), lambda: book.note_cycle(7, is_candidate=True)]
    first, second = steps if audit_first else reversed(steps)
    assert first() is None
    assert second() == AuditedCycle(True, SOUND)
    assert book.note_audit(SOUND) is None, "it is told once"


def test_parts_that_are_never_audited_are_given_up_the_oldest_first():
    book = AuditBook()
    for serial in range(1, WAITING_MAX + 3):
        book.note_cycle(serial, is_candidate=False)
    assert book.note_audit(dataclasses.replace(SOUND, serial=1)) is None
    assert book.note_audit(dataclasses.replace(SOUND, serial=3)) is not None


def rolled_back_after(seed, parts, escapes=(0.0, 0.0), false_rejects=(0.0, 0.0)):
    """Parts until a canary of every fourth is called worse, None where it is not; rates of champion and candidate."""
    rng = np.random.default_rng(seed)
    comparison = Comparison(Tolerance())
    for part in range(parts):
        is_candidate = part % 4 == 3
        score = CycleScore(0.1 + rng.normal(0.0, 0.004), 5.0, False)
        comparison.note(score, is_candidate=is_candidate)
        is_escape = rng.random() < escapes[is_candidate]
        is_false_reject = not is_escape and rng.random() < false_rejects[is_candidate]
        comparison.note_audit(AuditedCycle(is_candidate, PartAudit(part, is_escape, is_false_reject)))
        if comparison.standing.is_regressed:
            return part + 1
    return None


@pytest.mark.parametrize(
    ("escapes", "false_rejects"),
    [((0.01, 0.01), (0.0, 0.0)), ((0.0, 0.0), (0.05, 0.05)), ((0.005, 0.01), (0.08, 0.05))],
)
def test_who_lets_no_more_escape_is_hardly_ever_rolled_back(escapes, false_rejects):
    wrong = sum(rolled_back_after(seed, 400, escapes, false_rejects) is not None for seed in range(25))
    assert wrong <= 2


@pytest.mark.parametrize(
    ("escapes", "false_rejects", "within"),
    [((0.0, 0.3), (0.0, 0.0), 140), ((0.0, 0.0), (0.0, 0.5), 120), ((0.02, 0.4), (0.05, 0.05), 160)],
)
def test_who_lets_more_escape_or_rejects_more_good_parts_is_found(escapes, false_rejects, within):
    found = [rolled_back_after(seed, within, escapes, false_rejects) for seed in range(20)]
    assert sum(parts is not None for parts in found) >= 18


def test_what_the_champion_lets_through_is_remembered_over_the_stages():
    own = OwnRates()
    shadow = Comparison(Tolerance(), own)
    for part in range(60):
        shadow.note_audit(AuditedCycle(False, PartAudit(part, is_escape=part % 5 == 0, is_false_reject=False)))
    patient, strict = Comparison(Tolerance(), own), Comparison(Tolerance())
    for comparison in (patient, strict):
        for part in range(13):
            comparison.note_audit(AuditedCycle(True, PartAudit(part, is_escape=part % 4 == 0, is_false_reject=False)))
    assert strict.standing.is_regressed
    assert not patient.standing.is_regressed


def audited_shop(stage, champion=None):
    shop = Shop(Wish({"speed_scale": 0.8}), champion, stage=stage)
    for serial in range(1, 161):
        is_candidate = shop.policy.runs == "candidate"
        shop.cycle(serial=serial)
        # Found ten parts later.
        shop.late = [*getattr(shop, "late", []), PartAudit(serial, is_escape=is_candidate, is_false_reject=False)]
        if len(shop.late) > 10:
            shop.policy.audit(shop.late.pop(0))
        if shop.policy.barred:
            break
    return shop


def test_a_canary_whose_parts_escape_is_taken_off_though_every_verdict_was_accept():
    shop = audited_shop(Stage.CANARY)
    assert shop.policy.stage is Stage.SHADOW
    assert "by escapes" in shop.policy.barred
    assert shop.cycles < 40


def test_live_beside_nobody_escapes_are_not_laid_to_its_charge():
    assert audited_shop(Stage.LIVE).policy.barred == ""


def test_a_cycle_tells_the_serial_of_its_part():
    assembler = CycleAssembler()
    metrics = dict.fromkeys(WANTED, 0.0) | {"cycle_time": 4.0}
    *first, last = metrics
    for name in first:
        assert assembler.add(5, name, metrics[name]) is None
    assembler.add(5, "serial", 12.0)
    assert assembler.add(5, last, metrics[last]).serial == 12
    assert CYCLE.serial == 0


def test_what_a_defective_part_is_worth_hides_no_loss_once_the_end_of_the_line_tells_the_sound_ones():
    """Every sixth part is a defective one, and so worth less whoever made it."""
    slow = Case("slow", slower=0.2)
    found = {
        is_audited: [
            taken_off_after(slow, Stage.CANARY, is_audited, seed, 240, GOVERNANCE, PRICES) for seed in range(8)
        ]
        for is_audited in (True, False)
    }
    assert sum(cycles is not None for cycles in found[True]) >= 7
    assert found[False] == [None] * 8


@pytest.mark.parametrize("stage", [Stage.CANARY, Stage.LIVE])
def test_who_is_as_much_worse_as_is_tolerated_stays(stage):
    tolerated = Case("tolerated", slower=0.02)
    assert [taken_off_after(tolerated, stage, True, seed, 300, GOVERNANCE, PRICES) for seed in range(12)] == [None] * 12


def test_a_live_policy_that_is_suspect_is_compared_as_often_as_a_canary():
    """One in twenty cycles tells: of a third of the value, some twelve comparisons are wanted."""
    slow = Case("slow", slower=0.33)
    found = [taken_off_after(slow, Stage.LIVE, True, seed, 240, GOVERNANCE, PRICES) for seed in range(8)]
    assert sum(cycles is not None for cycles in found) >= 7
