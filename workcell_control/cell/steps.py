"""What the sequence knows and says: states, steps, the events that come in and the commands that go out."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Literal, TypeAlias


class State(enum.StrEnum):
    """What the cell is doing, as published on `cell/state`."""

    IDLE = "idle"
    APPROACH = "approach"
    PICK = "pick"
    TRANSFER = "transfer"
    SETTLE = "settle"
    INSPECT = "inspect"
    PLACE = "place"
    RECOVER = "recover"
    HOLD = "hold"
    STOPPED = "stopped"


class Step(enum.Enum):
    """One thing the cell waits for; a state is one or more steps."""

    STANDBY = "standby"
    RAISE = "raise"
    TO_INFEED = "to_infeed"
    AWAIT_PART = "await_part"
    LOWER = "lower"
    GRIP = "grip"
    DWELL = "dwell"
    LIFT = "lift"
    TO_CAMERA = "to_camera"
    SETTLE = "settle"
    INSPECT = "inspect"
    TO_BIN = "to_bin"
    LOWER_TO_BIN = "lower_to_bin"
    RELEASE = "release"
    LEAVE_BIN = "leave_bin"
    LET_GO = "let_go"
    LOOK = "look"
    BACK_OFF = "back_off"


STATE_OF_STEP: dict[Step, State] = {
    Step.STANDBY: State.IDLE,
    Step.RAISE: State.RECOVER,
    Step.TO_INFEED: State.APPROACH,
    Step.AWAIT_PART: State.IDLE,
    Step.LOWER: State.PICK,
    Step.GRIP: State.PICK,
    Step.DWELL: State.PICK,
    Step.LIFT: State.PICK,
    Step.TO_CAMERA: State.TRANSFER,
    Step.SETTLE: State.SETTLE,
    Step.INSPECT: State.INSPECT,
    Step.TO_BIN: State.PLACE,
    Step.LOWER_TO_BIN: State.PLACE,
    Step.RELEASE: State.PLACE,
    Step.LEAVE_BIN: State.PLACE,
    Step.LET_GO: State.RECOVER,
    Step.LOOK: State.RECOVER,
    Step.BACK_OFF: State.RECOVER,
}

CLEAR = "clear"
"""Waypoint name of the place straight above the tool at the station's safe height."""


@dataclass(frozen=True, slots=True)
class Way:
    """Where a step moves the tool; `{bin}` in the waypoint stands for the part's destination."""

    waypoint: str
    is_straight: bool = False


WAY_OF_STEP: dict[Step, Way] = {
    Step.RAISE: Way(CLEAR, True),
    Step.TO_INFEED: Way("infeed_above"),
    Step.LOWER: Way("infeed_pick", True),
    Step.LIFT: Way("infeed_above", True),
    Step.TO_CAMERA: Way("camera_inspect"),
    Step.TO_BIN: Way("{bin}_above"),
    Step.LOWER_TO_BIN: Way("{bin}_place", True),
    Step.LEAVE_BIN: Way(CLEAR, True),
}
STEP_AFTER_MOVE: dict[Step, Step] = {
    Step.TO_INFEED: Step.AWAIT_PART,
    Step.LOWER: Step.GRIP,
    Step.LIFT: Step.TO_CAMERA,
    Step.TO_CAMERA: Step.SETTLE,
    Step.TO_BIN: Step.LOWER_TO_BIN,
    Step.LOWER_TO_BIN: Step.RELEASE,
    Step.LEAVE_BIN: Step.TO_INFEED,
}
"""What follows a finished move; after `RAISE` the recovery decides."""

STEP_AHEAD: dict[Step, Step] = {
    Step.TO_BIN: Step.LOWER_TO_BIN,
    Step.LEAVE_BIN: Step.TO_INFEED,
    Step.TO_INFEED: Step.LOWER,
}
"""The move that follows a move if all goes well: the arm need not stop in between.

After lifting it does: a part too heavy for its grip lets go while it is lifted, and falls back on its nest, where it
can be taken again. Moved off at once it would fall on the floor.
"""

Bin: TypeAlias = Literal["accept", "rework", "reject"]
Fate: TypeAlias = Literal["accept", "rework", "reject", "floor", "void"]
BINS: tuple[Bin, ...] = ("accept", "rework", "reject")
FATES: tuple[Fate, ...] = ("accept", "rework", "reject", "floor", "void")


# Events. A token names the command that an answer belongs to; answers to older commands are ignored.


@dataclass(frozen=True, slots=True)
class StartAsked:
    """A person or the configuration wants production."""


@dataclass(frozen=True, slots=True)
class StopAsked:
    """Come to rest and stay there until started again."""

    reason: str


@dataclass(frozen=True, slots=True)
class ResetAsked:
    """A person has looked: forget the counted faults, release a protective stop."""


@dataclass(frozen=True, slots=True)
class HoldAsked:
    """The guards forbid motion."""

    reason: str


@dataclass(frozen=True, slots=True)
class HoldReleased:
    """The guards allow motion again."""


@dataclass(frozen=True, slots=True)
class RobotStopped:
    """The arm does not move when it is told to: a protective or emergency stop, no power, no program."""

    reason: str
    needs_person: bool = False
    """Never left without a person's acknowledgement."""
    ends_by_itself: bool = False
    """Nothing has to be done about it."""


@dataclass(frozen=True, slots=True)
class RobotReady:
    """The arm moves again when it is told to."""


@dataclass(frozen=True, slots=True)
class PartPresent:
    """What a trustworthy reading says about the infeed."""

    is_present: bool


@dataclass(frozen=True, slots=True)
class MoveDone:
    """Answer to `Move`."""

    token: int
    is_ok: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class GripDone:
    """Answer to `Grip`: whether vacuum, or release, was reached."""

    token: int
    is_reached: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Elapsed:
    """The time of a `Wake` has come."""

    token: int


@dataclass(frozen=True, slots=True)
class InspectRefused:
    """The inspection could not be called."""

    token: int
    reason: str


@dataclass(frozen=True, slots=True)
class VerdictCame:
    """The inspection has decided on the image taken at `stamp_ns`."""

    verdict: str
    stamp_ns: int


@dataclass(frozen=True, slots=True)
class PartLost:
    """The part is no longer on the tool."""

    reason: str
    over: Bin | None = None
    """The bin that the tool was over when it was lost; None over anything else."""


Event: TypeAlias = (
    StartAsked
    | StopAsked
    | ResetAsked
    | HoldAsked
    | HoldReleased
    | RobotStopped
    | RobotReady
    | PartPresent
    | MoveDone
    | GripDone
    | Elapsed
    | InspectRefused
    | VerdictCame
    | PartLost
)


# Commands.


@dataclass(frozen=True, slots=True)
class Move:
    """Move the tool to a waypoint, answered by `MoveDone`."""

    token: int
    waypoint: str
    is_straight: bool
    is_held: bool
    onward: tuple[Way, ...] = ()
    """The moves that will be asked for next if all goes well, so that the way need not stop before them."""


@dataclass(frozen=True, slots=True)
class Grip:
    """Switch the vacuum, answered by `GripDone`."""

    token: int
    is_on: bool


@dataclass(frozen=True, slots=True)
class Wake:
    """Send `Elapsed` after a time; a new Wake replaces the former one."""

    token: int
    after_s: float


@dataclass(frozen=True, slots=True)
class Inspect:
    """Ask for a verdict on a new image, answered by `VerdictCame` or `InspectRefused`."""

    token: int


@dataclass(frozen=True, slots=True)
class CancelMotion:
    """Brake on the path; the vacuum stays as it is."""


@dataclass(frozen=True, slots=True)
class ReleaseProtectiveStop:
    """Ask the arm's driver to leave its stop."""

    is_acknowledged: bool = False
    """Whether a person has looked and asked for it."""


@dataclass(frozen=True, slots=True)
class RecordEntered:
    """A part is about to be taken."""

    serial: str


@dataclass(frozen=True, slots=True)
class RecordPicked:
    """A part is on the tool."""

    serial: str


@dataclass(frozen=True, slots=True)
class RecordPlacing:
    """A part is about to be let go over a bin."""

    serial: str
    outfeed: Bin


@dataclass(frozen=True, slots=True)
class RecordFate:
    """A part has ended; `verdict` is what the inspection said, "none" where it was not asked."""

    serial: str
    fate: Fate
    verdict: str
    reason: str
    pick_attempts: int


Command: TypeAlias = (
    Move
    | Grip
    | Wake
    | Inspect
    | CancelMotion
    | ReleaseProtectiveStop
    | RecordEntered
    | RecordPicked
    | RecordPlacing
    | RecordFate
)
