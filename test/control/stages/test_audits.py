"""What the end of the line finds: matched with whoever made the part, and judged beside the champion's."""

import dataclasses

import numpy as np
import pytest
from test_staged import CYCLE, Shop, Wish

from workcell_control.policy.cycles import WANTED, CycleAssembler
from workcell_control.policy.stages.audits import WAITING_MAX, AuditBook, AuditedCycle, PartAudit
from workcell_control.policy.stages.comparison import Comparison, CycleScore, Tolerance
from workcell_control.policy.stages.events import OwnRates
from workcell_control.policy.stages.stage import Stage

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
        for part in range(12):
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
