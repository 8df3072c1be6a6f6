"""Guards and the drop detector."""

from __future__ import annotations

import pytest
from world_loop import parameters

from workcell_control.cell.cell import Cell
from workcell_control.cell.drop import DropDetector
from workcell_control.cell.guards import GuardAction, GuardedSource, Guards, GuardVerdict
from workcell_control.cell.ledger import PartLedger
from workcell_control.execution.drivers.driver import Condition
from workcell_sensors.reading import Quality

S = 1_000_000_000
SOURCES = (
    GuardedSource("gateway", 1.0, GuardAction.HOLD),
    GuardedSource("governor", 2.5, GuardAction.SAFE_PARAMETERS),
)


def all_heard(resume_after_s: float = 1.0) -> Guards:
    guards = Guards(SOURCES, resume_after_s)
    guards.hear("gateway", 0)
    guards.hear("governor", 0)
    return guards


def test_all_is_well_while_everyone_is_heard():
    assert all_heard().verdict(S).action is GuardAction.RUN


def test_what_was_never_heard_is_a_fault():
    verdict = Guards(SOURCES, 1.0).verdict(0)
    assert verdict.action is GuardAction.HOLD
    assert verdict.reason == "gateway not heard yet"


def test_silence_beyond_the_timeout_acts_at_once_and_names_the_source():
    guards = all_heard()
    assert guards.verdict(S + 1).action is GuardAction.HOLD
    assert guards.verdict(S + 1).reason == "gateway quiet for more than 1 s"


def test_the_most_restrictive_verdict_wins():
    guards = all_heard()
    guards.hear("gateway", 3 * S)
    assert guards.verdict(3 * S).action is GuardAction.SAFE_PARAMETERS
    guards.hear("gateway", 3 * S, "gripper/vacuum is STALE")
    assert guards.verdict(3 * S).action is GuardAction.HOLD


def test_coming_back_counts_only_after_the_hysteresis():
    guards = all_heard(resume_after_s=2.0)
    guards.hear("governor", 3 * S)
    assert guards.verdict(3 * S).action is GuardAction.HOLD
    guards.hear("gateway", 3 * S)
    assert guards.verdict(4 * S).action is GuardAction.HOLD
    assert "(is back)" in guards.verdict(4 * S).reason
    guards.hear("gateway", 5 * S)
    guards.hear("governor", 5 * S)
    assert guards.verdict(5 * S).action is GuardAction.RUN


def test_a_flicker_begins_the_hysteresis_anew():
    guards = all_heard(resume_after_s=2.0)
    guards.hear("governor", 10 * S)
    for second in (3, 4, 5):
        guards.hear("gateway", second * S, "" if second % 2 else "down")
        guards.verdict(second * S)
    guards.hear("gateway", 6 * S - 1)
    assert guards.verdict(6 * S - 1).action is GuardAction.HOLD
    guards.hear("gateway", 7 * S)
    assert guards.verdict(7 * S).action is GuardAction.RUN


def test_names_that_are_not_watched_are_ignored():
    guards = all_heard()
    guards.hear("console", S)
    assert guards.verdict(S).action is GuardAction.RUN


def detector() -> DropDetector:
    drop = DropDetector(15e3, grace_s=0.5)
    drop.arm(10 * S)
    return drop


def test_vacuum_below_the_threshold_is_a_drop():
    drop = detector()
    assert drop.on_vacuum(50e3, 10 * S) == ""
    assert drop.on_vacuum(3e3, 11 * S) == "vacuum 3.0 kPa is below 15.0 kPa"


def test_readings_from_before_the_grip_do_not_count():
    drop = detector()
    assert drop.on_vacuum(0.0, 10 * S - 1) == ""
    assert drop.on_vacuum(0.0, 10 * S + 1) == ""
    assert drop.on_vacuum(0.0, 11 * S) != ""


def test_nothing_is_lost_where_nothing_is_held():
    drop = detector()
    drop.disarm()
    assert drop.on_vacuum(0.0, 20 * S) == ""
    drop.on_grip_lost(True, 20 * S)
    assert drop.on_vacuum(0.0, 20 * S) == ""


def test_the_grippers_own_signal_counts_when_it_rises_and_no_vacuum_speaks_against_it():
    drop = DropDetector(15e3)
    drop.on_grip_lost(True, 5 * S)
    drop.arm(10 * S)
    drop.on_grip_lost(True, 10 * S + 1)
    assert drop.on_vacuum(3e3, 10 * S + 2) == ""
    drop.on_grip_lost(False, 10 * S + 3)
    drop.on_grip_lost(True, 10 * S + 4)
    assert drop.on_vacuum(3e3, 10 * S + 5) == "the gripper reports its grip lost"


def test_a_part_that_the_vacuum_still_holds_is_not_let_go_for_a_wrong_report():
    drop = detector()
    assert drop.on_vacuum(50e3, 11 * S) == ""
    drop.on_grip_lost(True, 12 * S)
    assert drop.on_vacuum(50e3, 13 * S) == ""
    assert drop.on_vacuum(3e3, 14 * S) == "vacuum 3.0 kPa is below 15.0 kPa"


@pytest.mark.parametrize("vacuum_pa", [15e3, 15.1e3, 80e3])
def test_at_the_threshold_the_part_is_held(vacuum_pa):
    assert detector().on_vacuum(vacuum_pa, 20 * S) == ""


def test_a_protective_stop_that_the_field_reports_holds_the_cell_as_long_as_it_lasts():
    values = parameters(required_tags=["arm/protective_stop"], resume_after_s=0.0)
    cell = Cell(lambda: values, PartLedger(), 0, lambda _time_ns: None)

    def hear(now_ns: int, is_stopped: bool) -> GuardVerdict:
        cell.on_readings_message(now_ns)
        cell.on_joint_states(now_ns)
        cell.on_robot_state(Condition.READY, "", now_ns)
        cell.on_reading("arm/protective_stop", float(is_stopped), Quality.GOOD, now_ns, now_ns)
        cell.tick(now_ns)
        return cell.guard_verdict

    assert hear(S, False).action is GuardAction.RUN
    for second in range(2, 30):
        verdict = hear(second * S, True)
        assert (verdict.action, verdict.reason) == (GuardAction.HOLD, "arm/protective_stop is reported")
    assert hear(30 * S, False).action is GuardAction.RUN
