"""What holds a sequence up: holds, failed motions, protective stops, stop and start."""

from __future__ import annotations

from dataclasses import replace

from sequence_driver import SETTINGS, Driver, moves

from workcell_control.cell.steps import (
    CancelMotion,
    Elapsed,
    Grip,
    HoldAsked,
    HoldReleased,
    Move,
    MoveDone,
    PartLost,
    PartPresent,
    RecordFate,
    ReleaseProtectiveStop,
    ResetAsked,
    RobotReady,
    RobotStopped,
    StartAsked,
    State,
    Step,
    StopAsked,
    Wake,
)


def test_a_hold_brakes_keeps_the_part_and_goes_on_with_the_same_step():
    driver = Driver().to(Step.TO_CAMERA)
    before = driver.newest(Move)
    assert driver.send(HoldAsked("readings quiet")) == [CancelMotion()]
    assert (driver.sequence.state, driver.sequence.reason) == (State.HOLD, "readings quiet")
    assert driver.send(MoveDone(before.token, False, "canceled")) == []
    again = driver.send(HoldReleased())
    assert again == [replace(before, token=again[0].token)]
    assert again[0].token > before.token


def test_an_inspection_held_up_settles_again_before_a_new_image():
    driver = Driver().to(Step.INSPECT)
    driver.send(HoldAsked("inspection quiet"))
    assert driver.decide("accept") == []
    driver.send(HoldReleased())
    assert driver.sequence.step is Step.SETTLE


def test_a_part_lost_during_a_hold_is_booked_at_once_and_left_after_it():
    driver = Driver().to(Step.TO_CAMERA)
    driver.send(HoldAsked("readings quiet"))
    driver.send(PartLost("vacuum"))
    assert driver.fates()[0].fate == "floor"
    assert driver.sequence.state is State.HOLD
    assert isinstance(driver.send(HoldReleased())[0], Grip)


def test_a_refused_motion_is_tried_again_a_bounded_number_of_times():
    driver = Driver().to(Step.TO_CAMERA)
    for attempt in (2, 3, 4):
        driver.fail_move()
        assert driver.sequence.state is State.HOLD
        assert driver.sequence.reason == f"motion failed (path tolerance violated); try {attempt} of 4"
        driver.elapse()
    driver.fail_move()
    assert driver.sequence.state is State.STOPPED
    assert "failed 4 times" in driver.sequence.reason
    driver.send(StartAsked())
    assert "reset before starting" in driver.sequence.reason
    driver.send(ResetAsked())
    driver.send(StartAsked())
    assert driver.newest(Move).waypoint == "camera_inspect"
    driver.to(Step.LEAVE_BIN)
    assert driver.fates()[0].fate == "accept"


def test_a_hold_during_the_wait_for_a_retry_ends_the_wait():
    driver = Driver().to(Step.TO_CAMERA)
    driver.fail_move()
    wake = driver.newest(Wake)
    driver.send(HoldAsked("readings quiet"))
    driver.send(Elapsed(wake.token))
    assert driver.send(HoldReleased())[0].waypoint == "camera_inspect"


def test_a_motion_that_failed_by_a_protective_stop_does_not_count():
    driver = Driver(replace(SETTINGS, motion_attempts_max=2)).to(Step.TO_CAMERA)
    for _ in range(3):
        driver.fail_move("protective stop")
        driver.send(RobotStopped("protective stop"))
        driver.elapse()
        assert driver.send(RobotReady())[0].waypoint == "camera_inspect"


def test_what_arrives_at_the_infeed_long_after_the_loss_is_another_part():
    driver = Driver().to(Step.LIFT)
    driver.send(PartPresent(False))
    driver.send(PartLost("vacuum 3.0 kPa"))
    driver.send(HoldAsked("readings quiet"))
    driver.now_ns += 1_000_000_000
    driver.send(PartPresent(True))
    driver.send(HoldReleased())
    driver.to(Step.LEAVE_BIN)
    assert [(f.serial, f.fate) for f in driver.fates()] == [("c00001", "floor"), ("c00002", "accept")]


def test_a_good_motion_forgives_the_failed_ones():
    driver = Driver(replace(SETTINGS, motion_attempts_max=2)).to(Step.TO_CAMERA)
    for _ in range(3):
        driver.fail_move()
        driver.elapse()
        driver.arrive()
        assert driver.sequence.state is not State.STOPPED
        driver.to(Step.TO_BIN)
        driver.fail_move()
        driver.elapse()
        driver.to(Step.TO_CAMERA)


def test_a_part_that_will_not_let_go_stops_the_cell_with_the_part_still_open():
    driver = Driver().to(Step.RELEASE)
    for _ in range(3):
        driver.gripped(False)
    assert driver.sequence.state is State.STOPPED
    assert driver.fates() == []
    driver.send(ResetAsked())
    driver.send(StartAsked())
    driver.gripped()
    assert driver.fates()[0].fate == "accept"


def test_a_protective_stop_is_released_by_itself_only_so_often():
    driver = Driver().to(Step.TO_CAMERA)
    driver.send(RobotStopped("protective stop: joint 2"))
    for _ in range(3):
        assert driver.sequence.state is State.HOLD
        assert ReleaseProtectiveStop() in driver.elapse()
    assert driver.sequence.reason == "protective stop: joint 2; a person must look and reset"
    assert driver.send(ResetAsked()) == [ReleaseProtectiveStop(is_acknowledged=True)]
    driver.send(RobotReady())
    assert driver.newest(Move).waypoint == "camera_inspect"


def test_without_auto_reset_only_a_person_releases_a_protective_stop():
    driver = Driver(replace(SETTINGS, is_auto_reset=False)).to(Step.TO_BIN)
    assert driver.send(RobotStopped("protective stop")) == [CancelMotion()]
    assert "a person must look" in driver.sequence.reason


def test_a_guard_still_holds_after_the_protective_stop_has_ended():
    driver = Driver().to(Step.TO_BIN)
    driver.send(RobotStopped("protective stop"))
    driver.send(HoldAsked("robot not ready"))
    driver.send(RobotReady())
    assert driver.sequence.state is State.HOLD
    assert isinstance(driver.send(HoldReleased())[0], Move)


def test_stop_and_start_go_on_with_the_part():
    driver = Driver().to(Step.TO_BIN)
    assert driver.send(StopAsked("a person asked")) == [CancelMotion()]
    assert (driver.sequence.state, driver.sequence.reason) == (State.STOPPED, "a person asked")
    assert driver.sequence.is_holding
    assert driver.send(StartAsked())[0].waypoint == "accept_above"


def test_a_part_found_on_the_tool_at_start_goes_to_rework_uninspected():
    driver = Driver()
    driver.sequence.restore_held("c00041")
    driver.send(StartAsked())
    driver.to(Step.LEAVE_BIN)
    assert moves(driver) == ["clear", "rework_above", "rework_place", "clear"]
    assert driver.fates() == [RecordFate("c00041", "rework", "none", "found on the tool at start", 1)]
