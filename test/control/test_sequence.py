"""The sequence: a part's way through the cell, and the ways on which it is lost."""

from __future__ import annotations

import pytest
from sequence_driver import Driver, moves

from workcell_control.cell.steps import (
    CancelMotion,
    Grip,
    Inspect,
    InspectRefused,
    Move,
    PartLost,
    PartPresent,
    RecordEntered,
    RecordFate,
    RecordPicked,
    RecordPlacing,
    StartAsked,
    State,
    Step,
    VerdictCame,
    Wake,
    Way,
)


def test_an_accepted_part_goes_the_whole_way():
    driver = Driver().to(Step.LEAVE_BIN)
    assert moves(driver) == [
        "clear",
        "infeed_above",
        "infeed_pick",
        "infeed_above",
        "camera_inspect",
        "accept_above",
        "accept_place",
        "clear",
    ]
    assert [type(c) for c in driver.log if not isinstance(c, Move | Wake | Grip | Inspect)] == [
        RecordEntered,
        RecordPicked,
        RecordPlacing,
        RecordFate,
    ]
    assert driver.fates() == [RecordFate("c00001", "accept", "accept", "", 1)]
    assert driver.arrive()[0].waypoint == "infeed_above"


def test_a_move_says_where_the_arm_may_go_on_to_without_a_stop():
    driver = Driver().to(Step.TO_BIN)
    assert driver.newest(Move).onward == (Way("accept_place", True),)
    driver.send(PartPresent(False))
    driver.to(Step.LEAVE_BIN)
    assert driver.newest(Move).onward == (Way("infeed_above"),)
    driver.send(PartPresent(True))
    driver.to(Step.TO_INFEED)
    assert driver.newest(Move).onward == (Way("infeed_pick", True),)
    driver.to(Step.TO_CAMERA)
    assert driver.newest(Move).onward == ()


def test_a_lifted_part_is_seen_to_be_held_before_it_is_moved_off():
    assert Driver().to(Step.LIFT).newest(Move).onward == ()


def test_states_follow_the_part():
    driver = Driver()
    seen = [driver.sequence.state]
    driver.send(StartAsked())
    driver.send(PartPresent(True))
    for _ in range(14):
        if driver.sequence.state is not seen[-1]:
            seen.append(driver.sequence.state)
        driver.answer()
    assert seen == [
        State.IDLE,
        State.RECOVER,
        State.APPROACH,
        State.PICK,
        State.TRANSFER,
        State.SETTLE,
        State.INSPECT,
        State.PLACE,
    ]


@pytest.mark.parametrize(
    ("verdict", "outfeed"), [("accept", "accept"), ("reject", "reject"), ("rework", "rework"), ("unsure", "rework")]
)
def test_the_verdict_chooses_the_bin_and_doubt_goes_to_rework(verdict, outfeed):
    driver = Driver().to(Step.INSPECT)
    driver.decide(verdict)
    assert driver.newest(Move).waypoint == f"{outfeed}_above"
    assert driver.newest(Move).is_held


def test_no_verdict_in_time_goes_to_rework_and_says_so():
    driver = Driver().to(Step.INSPECT)
    driver.elapse()
    assert driver.newest(Move).waypoint == "rework_above"
    assert driver.sequence.reason == "no verdict within 3 s"
    driver.to(Step.LEAVE_BIN)
    assert driver.fates()[0].verdict == "none"


def test_a_refused_inspection_goes_to_rework():
    driver = Driver().to(Step.INSPECT)
    driver.send(InspectRefused(driver.newest(Inspect).token, "not active"))
    assert driver.newest(Move).waypoint == "rework_above"


def test_a_verdict_on_an_image_from_before_the_call_is_ignored():
    driver = Driver().to(Step.INSPECT)
    assert driver.send(VerdictCame("reject", 5)) == []
    assert driver.sequence.step is Step.INSPECT


def test_without_a_part_the_cell_waits_starved():
    driver = Driver()
    driver.send(StartAsked())
    driver.gripped()
    driver.arrive()
    driver.arrive()
    assert (driver.sequence.state, driver.sequence.reason) == (State.IDLE, "starved: no part at the infeed")
    assert driver.send(PartPresent(True))[0] == RecordEntered("c00001")


def test_a_missed_pick_is_tried_again_with_the_same_part_then_backs_off():
    driver = Driver().to(Step.GRIP)
    for attempt in (1, 2):
        driver.gripped(False)
        assert driver.sequence.reason == f"pick attempt {attempt} failed: vacuum not reached"
        driver.to(Step.GRIP)
    driver.elapse()  # the third time no answer comes at all
    assert "no vacuum within 2 s" in driver.sequence.reason
    driver.to(Step.BACK_OFF)
    driver.to(Step.LEAVE_BIN)
    assert driver.fates() == [RecordFate("c00001", "accept", "accept", "", 4)]
    assert len([c for c in driver.log if isinstance(c, RecordEntered)]) == 1


def test_a_part_taken_away_before_it_was_picked_is_void():
    driver = Driver().to(Step.GRIP)
    driver.send(PartPresent(False))
    driver.gripped(False)
    driver.gripped()
    driver.arrive()
    assert driver.fates()[0].fate == "void"


@pytest.mark.parametrize("step", [Step.TO_CAMERA, Step.SETTLE, Step.INSPECT, Step.TO_BIN])
def test_a_part_lost_at_any_moment_is_booked_on_the_floor_and_the_next_one_taken(step):
    driver = Driver().to(step)
    said = driver.send(PartLost("vacuum 3.0 kPa"))
    assert said[0] == CancelMotion()
    assert driver.sequence.state is State.RECOVER
    assert driver.fates() == [
        RecordFate("c00001", "floor", driver.fates()[0].verdict, "part dropped: vacuum 3.0 kPa", 1)
    ]
    driver.to(Step.LEAVE_BIN)
    assert [f.fate for f in driver.fates()] == ["floor", "accept"]


@pytest.mark.parametrize("step", [Step.DWELL, Step.LIFT])
def test_a_part_that_fell_back_on_the_infeed_is_picked_again(step):
    driver = Driver().to(step)
    driver.send(PartPresent(False))
    assert driver.send(PartLost("vacuum 3.0 kPa"))[0] == CancelMotion()
    driver.send(PartPresent(True))
    driver.to(Step.LEAVE_BIN)
    assert driver.fates() == [RecordFate("c00001", "accept", "accept", "", 2)]


@pytest.mark.parametrize("step", [Step.DWELL, Step.LIFT])
def test_a_part_lost_over_the_infeed_and_gone_from_it_is_on_the_floor(step):
    driver = Driver().to(step)
    driver.send(PartPresent(False))
    driver.send(PartLost("vacuum 3.0 kPa"))
    driver.gripped()
    assert driver.fates() == []
    driver.elapse()
    assert driver.fates()[0].fate == "floor"
    driver.send(PartPresent(True))
    driver.to(Step.LEAVE_BIN)
    assert driver.sequence.serial == ""
    assert [f.serial for f in driver.fates()] == ["c00001", "c00002"]


def test_a_part_lost_over_its_bin_has_fallen_into_it():
    driver = Driver().to(Step.LOWER_TO_BIN)
    driver.send(PartLost("vacuum 3.0 kPa", "accept"))
    assert driver.fates() == [RecordFate("c00001", "accept", "accept", "fell into accept: vacuum 3.0 kPa", 1)]


def test_a_part_lost_over_another_bin_on_the_way_lies_in_that_one():
    driver = Driver().to(Step.TO_BIN)
    driver.send(PartLost("vacuum 3.0 kPa", "rework"))
    assert driver.fates() == [RecordFate("c00001", "rework", "accept", "fell into rework: vacuum 3.0 kPa", 1)]


def test_a_part_left_at_the_infeed_keeps_its_serial():
    driver = Driver()
    driver.sequence.restore_waiting("c00007")
    driver.to(Step.LEAVE_BIN)
    assert [f.serial for f in driver.fates()] == ["c00007"]
    assert not [c for c in driver.log if isinstance(c, RecordEntered)]


def test_losing_vacuum_while_letting_go_is_no_drop():
    driver = Driver().to(Step.RELEASE)
    assert driver.send(PartLost("vacuum 0")) == []
    driver.gripped()
    assert driver.fates()[0].fate == "accept"
