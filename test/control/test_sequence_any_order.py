"""What must never happen to a part, whatever comes in whatever order."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sequence_driver import Driver

from workcell_control.cell.steps import (
    Elapsed,
    Grip,
    GripDone,
    HoldAsked,
    HoldReleased,
    Inspect,
    Move,
    MoveDone,
    PartLost,
    PartPresent,
    RecordEntered,
    RecordFate,
    RecordPicked,
    RecordPlacing,
    ResetAsked,
    RobotReady,
    RobotStopped,
    StartAsked,
    State,
    Step,
    StopAsked,
    VerdictCame,
    Wake,
)


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


SequenceMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=60)
TestSequence = SequenceMachine.TestCase
