"""Drives a sequence by hand: feeds it events and remembers what it said."""

from __future__ import annotations

import itertools

from workcell_control.cell.sequence import Sequence
from workcell_control.cell.sequence_settings import SequenceSettings
from workcell_control.cell.steps import (
    Elapsed,
    Grip,
    GripDone,
    Move,
    MoveDone,
    PartPresent,
    RecordFate,
    StartAsked,
    Step,
    VerdictCame,
    Wake,
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
