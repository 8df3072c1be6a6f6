"""The cell's sequence as a pure state machine: events in, commands out, every state with its reason.

    raise -> to_infeed -> await_part -> lower -> grip -> dwell -> lift -> to_camera -> settle -> inspect
                 ^                        ^        |                                                |
                 |                        |        v no vacuum                                      v
                 |                        +-- let_go, raise, back_off          to_bin -> lower -> release -> leave
                 +-----------------------------------------------------------------------------------+

A hold, a stop or a refused motion leaves the step where it is; going on enters the same step again, so that
the way is planned anew from where the arm then stands. A lost part ends its way on the floor at any moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from workcell_control.cell.protective_stop import ProtectiveStop
from workcell_control.cell.sequence_settings import SequenceSettings
from workcell_control.cell.steps import (
    BINS,
    STATE_OF_STEP,
    STEP_AFTER_MOVE,
    STEP_AHEAD,
    WAY_OF_STEP,
    Bin,
    CancelMotion,
    Command,
    Elapsed,
    Event,
    Fate,
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

NS_PER_S = 1_000_000_000
NO_VERDICT = "none"
BIN_OF_VERDICT: dict[str, Bin] = {"accept": "accept", "reject": "reject"}
"""Every other verdict (rework, unsure, none) goes to rework."""


@dataclass
class _Part:
    serial: str
    pick_attempts: int = 0
    verdict: str = NO_VERDICT
    why: str = ""
    was_picked: bool = False

    @property
    def destination(self) -> Bin:
        return BIN_OF_VERDICT.get(self.verdict, "rework")


class Sequence:
    """Feed it events with `handle`; do what the commands it returns say.

    Args:
        settings: Gives the settings in force, asked anew at every step.
        new_serial: Gives the next part's serial.
    """

    def __init__(self, settings: Callable[[], SequenceSettings], new_serial: Callable[[], str]) -> None:
        self._settings = settings
        self._new_serial = new_serial
        self._step = Step.STANDBY
        self._reason = "not started"
        self._token = 0
        self._part: _Part | None = None
        self._is_part_present = False
        self._is_holding = False
        self._is_running = False
        self._latched_fault = ""
        self._hold_reason = ""
        self._stop_reason = ""
        self._after_raise = Step.TO_INFEED
        self._after_let_go = Step.RAISE
        self._is_retrying_motion = False
        self._motion_attempts = 0
        self._release_attempts = 0
        self._protective = ProtectiveStop()
        self._release_token = -1
        self._now_ns = 0
        self._inspect_since_ns = 0
        self._nest_until_ns = 0
        self._fell_back = False
        self._out: list[Command] = []

    @property
    def state(self) -> State:
        """What the cell is doing."""
        if self._stop_reason:
            return State.STOPPED
        if self._is_paused:
            return State.HOLD
        return STATE_OF_STEP[self._step]

    @property
    def reason(self) -> str:
        """Why it is doing that; empty where the state says all."""
        return self._stop_reason or self._protective.reason or self._hold_reason or self._reason

    @property
    def step(self) -> Step:
        """The step in work, or the one that is gone on with after a hold."""
        return self._step

    @property
    def is_holding(self) -> bool:
        """Whether a part is on the tool as far as the sequence knows."""
        return self._is_holding

    @property
    def serial(self) -> str:
        """Serial of the part in work, empty where there is none."""
        return "" if self._part is None else self._part.serial

    @property
    def pick_attempts(self) -> int:
        """How often the part in work was picked or missed, 0 where there is none."""
        return 0 if self._part is None else self._part.pick_attempts

    @property
    def _is_paused(self) -> bool:
        return bool(self._hold_reason or self._protective.reason or self._is_retrying_motion)

    def restore_held(self, serial: str) -> None:
        """Before the start, take over a part found on the tool; it goes to rework uninspected."""
        self._part = _Part(serial, pick_attempts=1, why="found on the tool at start", was_picked=True)
        self._is_holding = True

    def restore_waiting(self, serial: str) -> None:
        """Before the start, take over a part that lies at the infeed and has a serial already."""
        self._part = _Part(serial)

    def handle(self, event: Event, now_ns: int) -> list[Command]:
        """Take one event in; returns the commands it leads to, in order."""
        self._out = []
        self._now_ns = now_ns
        match event:
            case StartAsked():
                self._on_start()
            case StopAsked(reason):
                self._stop(reason)
            case ResetAsked():
                self._on_reset()
            case HoldAsked(reason):
                self._on_hold(reason)
            case HoldReleased():
                self._hold_reason = ""
                self._go_on()
            case RobotStopped():
                self._on_robot_stopped(event)
            case RobotReady():
                self._on_robot_ready()
            case PartPresent(is_present):
                self._is_part_present = is_present
                if is_present and now_ns < self._nest_until_ns:
                    self._fell_back = True
                if self._step is Step.AWAIT_PART and self._may_act:
                    self._take_part_if_present()
            case PartLost(reason, over):
                self._on_part_lost(reason, over)
            case Elapsed(token) if token == self._release_token and self._protective.reason:
                self._release_if_allowed()
            case Elapsed(token) if token == self._token and self._may_act_after_wait:
                self._on_elapsed()
            case MoveDone(token, is_ok, reason) if token == self._token and self._may_act:
                self._on_move_done(is_ok, reason)
            case GripDone(token, is_reached, reason) if token == self._token and self._may_act:
                self._on_grip_done(is_reached, reason)
            case InspectRefused(token, reason) if token == self._token and self._may_act:
                self._decide(NO_VERDICT, f"inspection refused: {reason}")
            case VerdictCame(verdict, stamp_ns) if self._step is Step.INSPECT and self._may_act:
                if stamp_ns >= self._inspect_since_ns:
                    self._decide(verdict, "")
            case _:
                pass  # an answer to a command that no longer matters
        return self._out

    @property
    def _may_act(self) -> bool:
        return self._is_running and not self._is_paused

    @property
    def _may_act_after_wait(self) -> bool:
        return self._is_running and not (self._hold_reason or self._protective.reason)

    # Starting, stopping, holding.

    def _on_start(self) -> None:
        if self._latched_fault:
            self._stop_reason = f"{self._latched_fault}; reset before starting"
            return
        if self._is_running:
            return
        self._is_running = True
        self._stop_reason = ""
        if self._step is Step.STANDBY:
            # The vacuum may still be on from a former process.
            self._step = Step.RAISE if self._is_holding else Step.LET_GO
            self._after_raise = Step.TO_BIN if self._is_holding else Step.TO_INFEED
        self._go_on()

    def _stop(self, reason: str) -> None:
        self._is_running = False
        self._stop_reason = reason
        self._is_retrying_motion = False
        self._token += 1
        self._out.append(CancelMotion())

    def _fault(self, reason: str) -> None:
        self._latched_fault = reason
        self._stop(reason)

    def _on_reset(self) -> None:
        self._motion_attempts = 0
        self._release_attempts = 0
        self._protective.forgive()
        if self._protective.reason:
            self._out.append(ReleaseProtectiveStop(is_acknowledged=True))
        if self._latched_fault:
            self._latched_fault = ""
            self._stop_reason = "reset; start to go on"

    def _on_hold(self, reason: str) -> None:
        is_resting = bool(self._hold_reason or self._protective.reason)
        self._hold_reason = reason
        if not is_resting:
            self._brake()

    def _on_robot_stopped(self, stopped: RobotStopped) -> None:
        if self._protective.reason:
            # It may have become worse meanwhile.
            self._protective.begin(stopped.reason, needs_person=stopped.needs_person)
            return
        if self._is_retrying_motion:
            self._motion_attempts -= 1  # the motion failed because of this stop; it is no fault of its own
        if not self._hold_reason:
            self._brake()
        self._protective.begin(stopped.reason, needs_person=stopped.needs_person)
        if not stopped.ends_by_itself:
            self._wait_to_release()

    def _wait_to_release(self) -> None:
        settings = self._settings()
        if self._protective.may_release(settings.is_auto_reset, settings.protective_stop_resets_max):
            self._token += 1
            self._release_token = self._token
            self._out.append(Wake(self._release_token, settings.protective_stop_reset_s))

    def _release_if_allowed(self) -> None:
        if not self._protective.needs_person:
            self._protective.note_release()
            self._out.append(ReleaseProtectiveStop())
        self._wait_to_release()

    def _on_robot_ready(self) -> None:
        if self._protective.reason:
            self._protective.end()
            self._go_on()

    def _brake(self) -> None:
        """Leave the step where it is: nothing that was asked for may answer any more."""
        self._token += 1
        self._is_retrying_motion = False
        self._out.append(CancelMotion())

    def _go_on(self) -> None:
        """Enter the step in work again, unless something still forbids it."""
        if not self._may_act:
            return
        if self._step is Step.INSPECT:
            self._step = Step.SETTLE  # the part may have moved: let it settle before the image is taken
        self._enter(self._step)

    # The steps.

    def _enter(self, step: Step, reason: str = "") -> None:
        self._step = step
        self._reason = reason
        self._token += 1
        token = self._token
        settings = self._settings()
        match step:
            case Step.AWAIT_PART:
                self._take_part_if_present()
            case Step.GRIP:
                self._out += [Grip(token, True), Wake(token, settings.grip_timeout_s)]
            case Step.DWELL:
                self._out.append(Wake(token, settings.grip_dwell_s))
            case Step.SETTLE:
                self._out.append(Wake(token, settings.settle_s))
            case Step.INSPECT:
                self._inspect_since_ns = self._now_ns
                self._out += [Inspect(token), Wake(token, settings.inspection_timeout_s)]
            case Step.RELEASE | Step.LET_GO:
                if step is Step.RELEASE:
                    self._out.append(RecordPlacing(self.serial, self._part_in_work.destination))
                self._out += [Grip(token, False), Wake(token, settings.grip_timeout_s)]
            case Step.LOOK:
                remaining_ns = max(0, self._nest_until_ns - self._now_ns)
                self._out.append(Wake(token, remaining_ns / NS_PER_S))
            case Step.BACK_OFF:
                self._out.append(Wake(token, settings.pick_back_off_s))
            case Step.STANDBY:
                pass
            case _:
                way = self._way_of(step)
                onward = tuple(self._way_of(ahead) for ahead in self._steps_ahead(step))
                self._out.append(Move(token, way.waypoint, way.is_straight, self._is_holding, onward))

    def _way_of(self, step: Step) -> Way:
        way = WAY_OF_STEP[step]
        return Way(way.waypoint.format(bin=self._part.destination if self._part else ""), way.is_straight)

    def _steps_ahead(self, step: Step) -> Iterator[Step]:
        """The moves that follow on a step's move without anything between them but what is known already."""
        while (ahead := STEP_AHEAD.get(step)) is not None:
            if ahead is Step.LOWER and not self._is_part_present:
                return
            yield ahead
            step = ahead

    @property
    def _part_in_work(self) -> _Part:
        if self._part is None:
            raise AssertionError(f"step {self._step.name} without a part")
        return self._part

    def _take_part_if_present(self) -> None:
        if not self._is_part_present:
            if self._part is not None:
                fate: Fate = "floor" if self._part.was_picked else "void"
                self._end_part(fate, "it is gone from the infeed and not on the tool")
            self._reason = "starved: no part at the infeed"
            return
        if self._part is None:
            self._part = _Part(self._new_serial())
            self._out.append(RecordEntered(self._part.serial))
        self._enter(Step.LOWER)

    def _on_move_done(self, is_ok: bool, reason: str) -> None:
        if not is_ok:
            self._on_motion_failed(reason)
            return
        self._motion_attempts = 0
        following = self._after_raise if self._step is Step.RAISE else STEP_AFTER_MOVE.get(self._step)
        if following is not None:
            self._enter(following)

    def _on_motion_failed(self, reason: str) -> None:
        settings = self._settings()
        self._motion_attempts += 1
        if self._motion_attempts >= settings.motion_attempts_max:
            self._fault(f"motion failed {self._motion_attempts} times, at last: {reason}")
            return
        self._token += 1
        self._is_retrying_motion = True
        self._reason = f"motion failed ({reason}); try {self._motion_attempts + 1} of {settings.motion_attempts_max}"
        self._out += [CancelMotion(), Wake(self._token, settings.motion_retry_s)]

    def _on_grip_done(self, is_reached: bool, reason: str) -> None:
        match self._step:
            case Step.GRIP if is_reached:
                self._is_holding = True
                self._part_in_work.pick_attempts += 1
                self._part_in_work.was_picked = True
                self._out.append(RecordPicked(self._part_in_work.serial))
                self._enter(Step.DWELL)
            case Step.GRIP:
                self._part_in_work.pick_attempts += 1
                self._on_pick_failed(reason or "vacuum not reached")
            case Step.RELEASE if is_reached:
                self._release_attempts = 0
                self._is_holding = False
                part = self._part_in_work
                self._end_part(part.destination, part.why)
                self._enter(Step.LEAVE_BIN)
            case Step.LET_GO if is_reached:
                self._release_attempts = 0
                self._enter(self._after_let_go, self._reason)
            case Step.RELEASE | Step.LET_GO:
                self._on_release_failed(reason or "vacuum not released")
            case _:
                pass

    def _on_elapsed(self) -> None:
        if self._is_retrying_motion:
            self._is_retrying_motion = False
            self._enter(self._step)
            return
        match self._step:
            case Step.DWELL:
                self._enter(Step.LIFT)
            case Step.SETTLE:
                self._enter(Step.INSPECT)
            case Step.INSPECT:
                self._decide(NO_VERDICT, f"no verdict within {self._settings().inspection_timeout_s:g} s")
            case Step.GRIP:
                self._on_grip_done(False, f"no vacuum within {self._settings().grip_timeout_s:g} s")
            case Step.RELEASE | Step.LET_GO:
                self._on_grip_done(False, f"not released within {self._settings().grip_timeout_s:g} s")
            case Step.LOOK:
                self._look_at_nest()
            case Step.BACK_OFF:
                self._enter(Step.AWAIT_PART)
            case _:
                pass

    def _decide(self, verdict: str, why: str) -> None:
        part = self._part_in_work
        part.verdict, part.why = verdict, why
        self._enter(Step.TO_BIN, why or f"verdict {verdict}")

    # Recovery.

    def _on_pick_failed(self, reason: str) -> None:
        part = self._part_in_work
        is_spent = part.pick_attempts % self._settings().pick_attempts_max == 0
        self._after_let_go = Step.RAISE
        self._after_raise = Step.BACK_OFF if is_spent else Step.AWAIT_PART
        self._enter(Step.LET_GO, f"pick attempt {part.pick_attempts} failed: {reason}")

    def _on_release_failed(self, reason: str) -> None:
        self._release_attempts += 1
        if self._release_attempts >= self._settings().release_attempts_max:
            self._fault(f"release failed {self._release_attempts} times, at last: {reason}")
            return
        self._enter(self._step, f"release failed: {reason}")

    def _on_part_lost(self, reason: str, over: Bin | None) -> None:
        if not self._is_holding or self._step is Step.RELEASE:
            return
        self._is_holding = False
        self._out.append(CancelMotion())
        self._token += 1
        self._is_retrying_motion = False
        if self._step in (Step.DWELL, Step.LIFT):
            self._after_let_go = Step.LOOK
            self._fell_back = False
            self._nest_until_ns = self._now_ns + round(self._settings().nest_look_s * NS_PER_S)
            reason = f"grip lost over the infeed: {reason}"
        else:
            self._after_let_go = Step.RAISE
            self._after_raise = Step.TO_INFEED
            reason = f"part dropped: {reason}" if over is None else f"fell into {over}: {reason}"
            self._end_part(over or "floor", reason)
        self._step, self._reason = Step.LET_GO, reason
        if self._may_act:
            self._enter(Step.LET_GO, reason)

    def _look_at_nest(self) -> None:
        """A part lost near its nest has fallen back on it, or beside it."""
        if self._fell_back:
            self._after_raise = Step.AWAIT_PART
        else:
            self._after_raise = Step.TO_INFEED
            self._end_part("floor", f"part dropped, {self._reason}")
        self._enter(Step.RAISE, self._reason)

    def _end_part(self, fate: Fate, reason: str) -> None:
        part = self._part_in_work
        self._out.append(RecordFate(part.serial, fate, part.verdict, reason, part.pick_attempts))
        self._part = None
        if fate in BINS:
            self._protective.forgive()
