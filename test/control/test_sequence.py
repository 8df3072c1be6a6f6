"""The sequence: a part's way through the cell, what goes wrong on it, and what must never happen."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from workcell_control.cell.sequence import Sequence
from workcell_control.cell.sequence_settings import SequenceSettings
from workcell_control.cell.steps import (
    CancelMotion,
    Elapsed,
    Grip,
    GripDone,
    HoldAsked,
    HoldReleased,
    Inspect,
    InspectRefused,
    Move,
    MoveDone,
    PartLost,
    PartPresent,
    RecordEntered,
    RecordFate,
    RecordPicked,
    RecordPlacing,
    ReleaseProtectiveStop,
    ResetAsked,
    RobotReady,
    RobotStopped,
    StartAsked,
    State,
    Step,
    StopAsked,
    VerdictCame,
    Wake,
    Way,
)

SETTINGS = SequenceSettings()


class Driver:
    """Feeds a sequence and remembers what it said; answers the newest command on demand."""

    def __init__(self, settings: SequenceSettings = SETTINGS) -> None:
        serials = itertools.count(1)
        self.settings = settings
        self.sequence = Sequence(lambda: self.settings, lambda: f"c{next(serials):05d}")
        self.log: list = []
        self.last: list = []
        self.now_ns = 0

    def send(self, event) -> list:
        self.now_ns += 1_000_000
        self.last = self.sequence.handle(event, self.now_ns)
        self.log += self.last
        return self.last

    def newest(self, kind):
        return next((c for c in reversed(self.log) if isinstance(c, kind)), None)

    def arrive(self):
        return self.send(MoveDone(self.newest(Move).token, True))

    def fail_move(self, reason="path tolerance violated"):
        return self.send(MoveDone(self.newest(Move).token, False, reason))

    def gripped(self, is_reached=True):
        return self.send(GripDone(self.newest(Grip).token, is_reached))

    def elapse(self):
        return self.send(Elapsed(self.newest(Wake).token))

    def decide(self, verdict):
        return self.send(VerdictCame(verdict, self.now_ns + 1))

    def to(self, step: Step) -> Driver:
        """Drive the undisturbed way until `step` begins."""
        if self.sequence.step is Step.STANDBY:
            self.send(PartPresent(True))
            self.send(StartAsked())
        for _ in range(40):
            if self.sequence.step is step:
                return self
            self.answer()
        raise AssertionError(f"never came to {step}, is in {self.sequence.step}")

    def answer(self) -> None:
        step = self.sequence.step
        if step in (Step.GRIP, Step.RELEASE, Step.LET_GO):
            self.gripped()
        elif step in (Step.DWELL, Step.SETTLE, Step.LOOK, Step.BACK_OFF):
            self.elapse()
        elif step is Step.INSPECT:
            self.decide("accept")
        elif step is Step.AWAIT_PART:
            self.send(PartPresent(True))
        else:
            self.arrive()

    def fates(self) -> list[RecordFate]:
        return [c for c in self.log if isinstance(c, RecordFate)]


def moves(driver: Driver) -> list[str]:
    return [c.waypoint for c in driver.log if isinstance(c, Move)]


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


class CheckedDriver(Driver):
    """Checks every command against what went before it."""

    def __init__(self) -> None:
        super().__init__()
        self.entered: set[str] = set()
        self.ended: dict[str, str] = {}
        self.is_held_up = False
        self.is_stopped = True

    def send(self, event) -> list:
        said = super().send(event)
        for command in said:
            self.check(command)
        return said

    def check(self, command) -> None:
        match command:
            case RecordEntered(serial):
                assert serial not in self.entered
                assert len(self.entered) == len(self.ended), "a part entered before the last one ended"
                self.entered.add(serial)
            case RecordPicked(serial) | RecordPlacing(serial):
                assert serial in self.entered - set(self.ended)
            case RecordFate(serial, fate):
                assert serial in self.entered - set(self.ended)
                self.ended[serial] = fate
            case Move() | Inspect() | Grip():
                assert not self.is_held_up, "acted during a hold"
                assert not self.is_stopped, "acted while stopped"
                assert not isinstance(command, Move) or command.is_held == self.sequence.is_holding


class SequenceMachine(RuleBasedStateMachine):
    """Any events in any order: what must hold whatever comes."""

    def __init__(self) -> None:
        super().__init__()
        self.driver = CheckedDriver()

    def send(self, event) -> None:
        self.driver.send(event)

    @rule()
    def start(self):
        self.driver.is_stopped = False
        self.send(StartAsked())

    @rule()
    def stop(self):
        self.driver.is_stopped = True
        self.send(StopAsked("asked"))

    @rule()
    def reset(self):
        self.send(ResetAsked())

    @rule()
    def hold(self):
        self.driver.is_held_up = True
        self.send(HoldAsked("quiet"))

    @rule()
    def release(self):
        self.driver.is_held_up = False
        self.send(HoldReleased())

    @rule(is_present=st.booleans())
    def part_present(self, is_present):
        self.send(PartPresent(is_present))

    @rule(over=st.sampled_from([None, "accept", "rework", "reject"]))
    def lose_part(self, over):
        self.send(PartLost("vacuum", over))

    @rule(is_stopped=st.booleans())
    def robot(self, is_stopped):
        self.send(RobotStopped("protective stop") if is_stopped else RobotReady())

    @precondition(lambda self: self.driver.newest(Move))
    @rule(is_ok=st.booleans())
    def move_done(self, is_ok):
        self.send(MoveDone(self.driver.newest(Move).token, is_ok, "why"))

    @precondition(lambda self: self.driver.newest(Grip))
    @rule(is_ok=st.booleans())
    def grip_done(self, is_ok):
        self.send(GripDone(self.driver.newest(Grip).token, is_ok))

    @precondition(lambda self: self.driver.newest(Wake))
    @rule()
    def elapsed(self):
        self.send(Elapsed(self.driver.newest(Wake).token))

    @rule(verdict=st.sampled_from(["accept", "reject", "unsure"]))
    def verdict(self, verdict):
        self.send(VerdictCame(verdict, self.driver.now_ns + 10))

    @precondition(lambda self: self.driver.sequence.state not in (State.HOLD, State.STOPPED))
    @precondition(lambda self: self.driver.sequence.step is not Step.STANDBY)
    @rule(count=st.integers(1, 8))
    def go_well(self, count):
        for _ in range(count):
            self.driver.answer()

    def teardown(self):
        """Whatever came before: once nothing stands in the way, parts are finished again."""
        driver, finished = self.driver, len(self.driver.ended)
        driver.is_held_up = driver.is_stopped = False
        for event in (HoldReleased(), RobotReady(), ResetAsked(), StartAsked(), PartPresent(True)):
            driver.send(event)
        for _ in range(60):
            if driver.sequence.state is State.HOLD:
                driver.elapse()  # a motion that failed is about to be tried again
            driver.answer()
        assert driver.sequence.state not in (State.HOLD, State.STOPPED)
        assert len(driver.ended) >= finished + 2

    @invariant()
    def holds_and_stops_show(self):
        state = self.driver.sequence.state
        if self.driver.is_stopped and self.driver.sequence.step is not Step.STANDBY:
            assert state in (State.STOPPED, State.HOLD)
        if self.driver.is_held_up:
            assert state in (State.HOLD, State.STOPPED)
        if state in (State.HOLD, State.STOPPED):
            assert self.driver.sequence.reason

    @invariant()
    def a_held_part_is_an_open_part(self):
        if self.driver.sequence.is_holding:
            assert self.driver.sequence.serial in self.driver.entered - set(self.driver.ended)


SequenceMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
TestSequence = SequenceMachine.TestCase
