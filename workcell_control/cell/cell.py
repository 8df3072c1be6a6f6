"""The cell without ROS: sequence, guards, drop detection, ledger and KPIs joined.

What the node hears goes in; commands for arm, gripper, inspection and clock come out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from workcell_control.cell.cell_parameters import (
    CellParameters,
    governed_tuning,
    safe_tuning,
    sequence_settings,
)
from workcell_control.cell.drop import DropDetector
from workcell_control.cell.guards import GuardAction, GuardedSource, Guards, GuardVerdict
from workcell_control.cell.kpi import CycleRecord, KpiTracker, ShiftFigures
from workcell_control.cell.ledger import PartLedger
from workcell_control.cell.sequence import Sequence
from workcell_control.cell.steps import (
    Bin,
    Command,
    Event,
    HoldAsked,
    HoldReleased,
    PartLost,
    PartPresent,
    RecordEntered,
    RecordFate,
    RecordPicked,
    RecordPlacing,
    RobotReady,
    RobotStopped,
    StartAsked,
    Step,
    StopAsked,
)
from workcell_control.cell.task import Tuning
from workcell_control.execution.drivers.driver import ENDS_BY_ITSELF, NEEDS_A_PERSON, Condition
from workcell_sensors.reading import Quality

VACUUM = "gripper/vacuum"
PART_PRESENT = "infeed/part_present"
GRIP_LOST = "arm/grip_lost"
PROTECTIVE_STOP = "arm/protective_stop"
POWER = "cell/power"
ALWAYS_WATCHED = frozenset({VACUUM, PART_PRESENT, GRIP_LOST, POWER})
"""Tags that a cell looks at besides those it requires."""
_CARRYING = frozenset({Step.LIFT, Step.TO_CAMERA, Step.SETTLE, Step.INSPECT, Step.TO_BIN, Step.LOWER_TO_BIN})
_READINGS = "readings"
_JOINT_STATES = "joint_states"
_ROBOT = "robot"


class Cell:
    """Hears everything, decides, books.

    Args:
        values: Gives the parameters in force.
        ledger: The parts' ledger, maybe with parts that a former process left open.
        now_ns: Node clock.
        bin_below: Gives the bin that the tool was over at a time in [ns], None where it was over none.
    """

    def __init__(
        self,
        values: Callable[[], CellParameters],
        ledger: PartLedger,
        now_ns: int,
        bin_below: Callable[[int], Bin | None],
    ) -> None:
        self._values = values
        self.ledger = ledger
        self._bin_below = bin_below
        fixed = values()
        self._safe = safe_tuning(fixed)
        self._guards = Guards(_sources(fixed), fixed.resume_after_s)
        self._guard_verdict = GuardVerdict(GuardAction.RUN, ())
        self._drop = DropDetector(fixed.hold_vacuum_pa)
        self._kpi = KpiTracker(fixed.planned_run_time_per_item_s)
        self._required_tags = frozenset(filter(None, fixed.required_tags))
        self.watched_tags = self._required_tags | ALWAYS_WATCHED
        self.sequence = Sequence(lambda: sequence_settings(self._values(), self.tuning), ledger.next_serial)
        self._is_restored = False
        self._is_start_wanted = fixed.autostart
        self._first_vacuum_pa: float | None = None
        self._first_presence: bool | None = None
        # What keeps the arm from moving; None before it was heard.
        self._robot_fault: str | None = None
        self._carrying_since_ns: int | None = None
        self._cycles: list[CycleRecord] = []
        self.shift_start_ns = now_ns
        self._resume_shift(now_ns)

    @property
    def tuning(self) -> Tuning:
        """The governed figures in force: the governor's, or the safe set where it is quiet.

        A part that took all its pick attempts is carried with the safe set as well: it may be too heavy, or badly
        sealed, for what is in force, and would be tried so for ever.
        """
        values = self._values()
        is_struggling = self.sequence.pick_attempts >= values.pick_attempts
        if self._guard_verdict.action is GuardAction.RUN and not is_struggling:
            return governed_tuning(values)
        return self._safe

    @property
    def guard_verdict(self) -> GuardVerdict:
        """What the guards last demanded."""
        return self._guard_verdict

    @property
    def is_carrying(self) -> bool:
        """Whether a part is held and not about to be let go."""
        return self.sequence.is_holding and self.sequence.step in _CARRYING

    @property
    def state_text(self) -> str:
        """State and reason as published on `cell/state`."""
        reason = self.sequence.reason
        return f"{self.sequence.state};reason={reason}" if reason else str(self.sequence.state)

    def take_cycles(self) -> list[CycleRecord]:
        """Records of the parts that ended since the last call."""
        cycles, self._cycles = self._cycles, []
        return cycles

    def shift(self, now_ns: int) -> ShiftFigures:
        """The cumulative figures."""
        return self._kpi.shift(now_ns)

    def handle(self, event: Event, now_ns: int) -> list[Command]:
        """Let the sequence take an event; books what it decides and returns the rest.

        A start is put off until it is known what a former process left on the tool.
        """
        if not self._is_restored and isinstance(event, StartAsked | StopAsked):
            self._is_start_wanted = isinstance(event, StartAsked)
            return []
        if isinstance(event, StartAsked):
            self._kpi.begin(self.sequence.state, now_ns)
        state = self.sequence.state
        commands = self.sequence.handle(event, now_ns)
        others = [command for command in commands if not self._book(command, now_ns)]
        if self.sequence.state is not state:
            self._kpi.on_state(self.sequence.state, now_ns)
        if self.sequence.is_holding and self.sequence.step is not Step.RELEASE:
            self._drop.arm(now_ns)
        else:
            self._drop.disarm()
        if not self.is_carrying:
            self._carrying_since_ns = None
        elif self._carrying_since_ns is None:
            self._carrying_since_ns = now_ns
        return others

    def on_reading(self, tag: str, value: float, quality: int, stamp_ns: int, now_ns: int) -> list[Command]:
        """One of `watched_tags` was read."""
        if tag in self._required_tags:
            self._guards.hear(tag, now_ns, _fault_of(tag, value, quality))
        if quality >= Quality.BAD:
            return []
        if tag == VACUUM:
            self._first_vacuum_pa = value if self._first_vacuum_pa is None else self._first_vacuum_pa
            return self._restored(now_ns) + self._on_vacuum(value, stamp_ns, now_ns)
        if tag == PART_PRESENT and quality == Quality.GOOD:
            is_present = value >= 0.5
            self._first_presence = is_present if self._first_presence is None else self._first_presence
            return self.handle(PartPresent(is_present), now_ns) + self._restored(now_ns)
        if tag == GRIP_LOST:
            self._drop.on_grip_lost(value >= 0.5, stamp_ns)
        if tag == POWER:
            self._kpi.on_power(value, stamp_ns)
        return []

    def on_readings_message(self, now_ns: int) -> None:
        """Some readings came."""
        self._guards.hear(_READINGS, now_ns)

    def on_joint_states(self, now_ns: int) -> None:
        """The arm reported its joints."""
        self._guards.hear(_JOINT_STATES, now_ns)

    def on_heartbeat(self, node: str, state: str, now_ns: int) -> None:
        """A node's heartbeat came; any state but active is a fault."""
        self._guards.hear(node, now_ns, "" if state == "active" else f"is {state}")

    def on_robot_state(self, condition: Condition, reason: str, now_ns: int) -> list[Command]:
        """What the arm reports of itself, and why."""
        if condition is Condition.READY:
            self._robot_fault = ""
            return self.handle(RobotReady(), now_ns) + self.tick(now_ns)
        self._robot_fault = f"{condition}: {reason}" if reason else str(condition)
        stopped = RobotStopped(
            self._robot_fault, needs_person=condition in NEEDS_A_PERSON, ends_by_itself=condition in ENDS_BY_ITSELF
        )
        return self.handle(stopped, now_ns) + self.tick(now_ns)

    def on_audit(self, serial: str, outfeed: str, is_defective: bool) -> None:
        """The end-of-line audit's truth on one part."""
        self._kpi.on_audit(serial, outfeed, is_defective)

    def on_move_held(self, acceleration_max_m_s2: float) -> None:
        """A move with a held part was sent."""
        self._kpi.on_move_held(acceleration_max_m_s2)

    def on_tracking_error(self, error_rad: float) -> None:
        """The controller reported its largest joint error."""
        self._kpi.on_tracking_error(error_rad)

    def tick(self, now_ns: int) -> list[Command]:
        """Ask the guards; call it several times a second."""
        if self._robot_fault is not None:
            self._guards.hear(_ROBOT, now_ns, self._robot_fault)
        before, self._guard_verdict = self._guard_verdict, self._guards.verdict(now_ns)
        verdict = self._guard_verdict
        if verdict.action is GuardAction.HOLD:
            return self.handle(HoldAsked(verdict.reason), now_ns) if verdict != before else []
        if before.action is GuardAction.HOLD:
            return self.handle(HoldReleased(), now_ns)
        return []

    def _on_vacuum(self, vacuum_pa: float, stamp_ns: int, now_ns: int) -> list[Command]:
        if self._carrying_since_ns is not None and stamp_ns >= self._carrying_since_ns:
            # A slow device still tells of the time in which the vacuum built up.
            self._kpi.on_vacuum_held(vacuum_pa)
        return self._lost(self._drop.on_vacuum(vacuum_pa, stamp_ns), now_ns)

    def _lost(self, reason: str, now_ns: int) -> list[Command]:
        return self.handle(PartLost(reason, self._bin_below(self._drop.lost_ns)), now_ns) if reason else []

    def _restored(self, now_ns: int) -> list[Command]:
        is_known = self._first_vacuum_pa is not None and self._first_presence is not None
        return self._restore(now_ns) if is_known and not self._is_restored else []

    def _restore(self, now_ns: int) -> list[Command]:
        """Before anything is done: what became of the parts that a former process left open?"""
        assert self._first_vacuum_pa is not None
        self._is_restored = True
        left_open = list(self.ledger.open_parts)
        if self._first_vacuum_pa >= self._values().hold_vacuum_pa:
            self.sequence.restore_held(self._found_on_tool(left_open.pop().serial if left_open else "", now_ns))
        for part in left_open:
            if part.placing is not None:
                self.ledger.end(part.serial, part.placing, now_ns, reason="let go over the bin before a restart")
            elif part.picked_ns is None and self._first_presence and part is left_open[-1]:
                self.sequence.restore_waiting(part.serial)
            else:
                reason = "its fate is unknown after a restart of the cell; a person must look"
                self.ledger.end(part.serial, "void", now_ns, reason=reason)
        return self.handle(StartAsked(), now_ns) if self._is_start_wanted else []

    def _found_on_tool(self, serial: str, now_ns: int) -> str:
        if not serial:
            serial = self.ledger.next_serial()
            self.ledger.enter(serial, now_ns)
        return serial

    def _book(self, command: Command, now_ns: int) -> bool:
        """Enter what the sequence decided into ledger and KPIs; False for commands to others."""
        match command:
            case RecordEntered(serial):
                self.ledger.enter(serial, now_ns)
            case RecordPicked(serial):
                self.ledger.pick(serial, now_ns)
            case RecordPlacing(serial, outfeed):
                self.ledger.place(serial, outfeed, now_ns)
            case RecordFate(serial, fate, verdict, reason, attempts):
                self.ledger.end(serial, fate, now_ns, verdict=verdict, reason=reason)
                self._cycles.append(self._kpi.on_part_ended(serial, fate, verdict, attempts, now_ns))
            case _:
                return False
        return True

    def _resume_shift(self, now_ns: int) -> None:
        parts = self.ledger.parts
        if parts:
            self.shift_start_ns = parts[0].entered_ns
            last_ns = max(part.ended_ns or part.entered_ns for part in parts)
            self._kpi.resume(self.ledger.counts(), parts[0].entered_ns, last_ns, now_ns)


def _fault_of(tag: str, value: float, quality: int) -> str:
    """What is wrong with a required reading; a stop that the field reports holds the cell as long as it lasts."""
    if quality >= Quality.BAD:
        return f"is {Quality(quality).name}"
    return "is reported" if tag == PROTECTIVE_STOP and value >= 0.5 else ""


def _sources(values: CellParameters) -> Iterable[GuardedSource]:
    hold = GuardAction.HOLD
    yield GuardedSource(_READINGS, values.readings_timeout_s, hold)
    yield GuardedSource(_JOINT_STATES, values.joint_states_timeout_s, hold)
    # The robot's state is latched, not repeated: silence is no fault once it was heard.
    yield GuardedSource(_ROBOT, float("inf"), hold)
    yield from (GuardedSource(tag, values.tag_timeout_s, hold) for tag in values.required_tags if tag)
    yield from (GuardedSource(node, values.heartbeat_timeout_s, hold) for node in values.required_nodes if node)
    if values.governor_node:
        action = hold if values.hold_without_governor else GuardAction.SAFE_PARAMETERS
        yield GuardedSource(values.governor_node, values.governor_timeout_s, action)
