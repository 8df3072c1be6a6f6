"""The node `cell`: hears readings, arm, inspection and people; moves arm and gripper as the cell decides."""

from __future__ import annotations

from collections import deque
from functools import partial
from pathlib import Path
from typing import Any

from rclpy.task import Future
from std_msgs.msg import String

from workcell_control.cell.arm_driver_node import ArmDriverLink, SeparationLink
from workcell_control.cell.assembly import build_task
from workcell_control.cell.cell import Cell
from workcell_control.cell.cell_parameters import CellParameters, separation_parameters
from workcell_control.cell.hearing_node import Hearing
from workcell_control.cell.kpi_publisher_node import KpiPublisher
from workcell_control.cell.ledger import PartLedger
from workcell_control.cell.mover_node import Mover
from workcell_control.cell.people_node import PeopleLink
from workcell_control.cell.steps import (
    CancelMotion,
    Command,
    Elapsed,
    Event,
    Grip,
    GripDone,
    Inspect,
    InspectRefused,
    Move,
    ReleaseProtectiveStop,
    StopAsked,
    Wake,
)
from workcell_control.cell.tool_clients_node import GripperClient, TriggerClient
from workcell_control.execution.drivers import driver_of
from workcell_control.execution.drivers.driver import Condition
from workcell_control.motion.kinematics import KinematicsError
from workcell_ros import convert, qos
from workcell_ros.errors import ConfigError
from workcell_ros.lifecycle import WorkcellNode, run_node

TICK_PERIOD_S = 0.1
SHIFT_PERIOD_S = 10.0
NO_TOKEN = -1


class CellNode(WorkcellNode[CellParameters]):
    """Converts messages for the `Cell` and carries out what it commands."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("cell", CellParameters, **kwargs)
        self._state_pub = self.create_publisher(String, "cell/state", qos.STATE)
        self._kpi_pub = KpiPublisher(self)
        self._events: deque[Event] = deque()
        self._is_draining = False
        self._wake_timer: Any = None
        self._last_state = ""
        self.parameters.on_change(self._on_parameters)
        self.add_status_source(self._statuses)

    def configure(self) -> None:
        """Builds the arm's model and task and opens the ledger."""
        values = self.values
        try:
            task = build_task(values)
        except KinematicsError as error:
            raise ConfigError(values.station_file, "poses", str(error), "poses within the arm's reach") from error
        self._ledger = PartLedger(Path(values.ledger_file) if values.ledger_file else None)
        self._driver = driver_of(values.arm_driver, values.arm_driver_file)
        self._mover = Mover(self, task, self._driver, self._feed, self._kpi_pub.move)
        self._gripper = GripperClient(self)
        self._inspect = TriggerClient(self, "inspection/inspect")

    def activate(self) -> None:
        """Opens the inputs; production begins with the first trustworthy readings."""
        self._cell = Cell(lambda: self.values, self._ledger, self.now_ns(), self._mover.bin_below)
        self._people = PeopleLink(self, self._feed, lambda: self._cell.state_text)
        self._hearing = Hearing(self, self._cell, self._mover.recorder, self._mover.margins, self._do, self._feed)
        self._separation = SeparationLink(self, separation_parameters(self.values), self._follow_speed)
        self._mover.begin(self._cell, self._people.allows)
        self._arm = ArmDriverLink(self, self._driver, self._on_condition)
        self._ticking = [
            self.create_timer(TICK_PERIOD_S, self._tick),
            self.create_timer(SHIFT_PERIOD_S, self._on_shift_timer),
        ]
        self._tick()

    def deactivate(self) -> None:
        """Brakes, keeps what is held, closes the inputs."""
        self.safe_stop()
        for timer in self._ticking:
            self.destroy_timer(timer)
        for link in (self._hearing, self._separation, self._arm, self._people):
            link.destroy()
        self._set_wake(None)
        self._ledger.sync()

    def cleanup(self) -> None:
        """Closes ledger and clients."""
        self._ledger.close()
        for client in (self._mover, self._gripper, self._inspect):
            client.destroy()

    def safe_stop(self) -> Future | None:
        """Brakes on the path; the vacuum stays as it is."""
        if not self.is_active:
            return None
        future = self._mover.cancel()
        self._feed(StopAsked("the cell is shut down"))
        return future

    def _on_parameters(self, old: CellParameters, new: CellParameters) -> None:
        if not self.is_active:
            return
        if old.grip_vacuum_pa != new.grip_vacuum_pa and self._cell.is_carrying:
            self._grip(Grip(NO_TOKEN, True))  # a stronger or weaker grip acts on the part already held
        self._mover.follow_tuning()
        self._follow_speed()

    def _follow_speed(self) -> None:
        self._mover.set_speed(self._people.speed_override, self._separation.speed_m_s)

    def _on_condition(self, condition: Condition, reason: str) -> None:
        self._do(self._cell.on_robot_state(condition, reason, self.now_ns()))

    def _tick(self) -> None:
        before = self._cell.guard_verdict
        self._do(self._cell.tick(self.now_ns()))
        if self._cell.guard_verdict != before:
            # Not only with the next heartbeat: a short fault has its reason on diagnostics too.
            self.publish_status(self._safety())
        self._arm.tick()
        self._follow_speed()
        self._mover.follow_tuning()
        self._mover.check_stall(self.values.motion_stall_s)

    # What goes out.

    def _feed(self, event: Event) -> None:
        """Give an event to the cell; one that comes up meanwhile waits until its commands are carried out."""
        self._events.append(event)
        if not self._is_draining:
            self._do([])

    def _do(self, commands: list[Command]) -> None:
        self._is_draining = True
        try:
            for command in commands:
                self._carry_out(command)
            while self._events:
                for command in self._cell.handle(self._events.popleft(), self.now_ns()):
                    self._carry_out(command)
        finally:
            self._is_draining = False
        self._publish()

    def _carry_out(self, command: Command) -> None:
        match command:
            case Move():
                self._mover.move(self._people.shaped(command))
            case Grip():
                self._grip(command)
            case Wake():
                self._set_wake(command)
            case Inspect(token):
                self._inspect.call(partial(self._on_inspect_answer, token))
            case CancelMotion():
                self._mover.cancel()
            case ReleaseProtectiveStop(is_acknowledged):
                self._arm.recover(is_acknowledged)
            case _:
                raise AssertionError(f"no way to carry out {command}")

    def _grip(self, command: Grip) -> None:
        def done(is_reached: bool, reason: str) -> None:
            self._feed(GripDone(command.token, is_reached, reason))

        self._gripper.command(command.is_on, self._cell.tuning.grip_vacuum_pa, done)

    def _on_inspect_answer(self, token: int, is_ok: bool, message: str) -> None:
        if not is_ok:
            self._feed(InspectRefused(token, message))

    def _set_wake(self, wake: Wake | None) -> None:
        if self._wake_timer is not None:
            self.destroy_timer(self._wake_timer)
            self._wake_timer = None
        if wake is not None:
            self._wake_timer = self.create_timer(max(wake.after_s, 1e-3), partial(self._on_wake, wake.token))

    def _on_wake(self, token: int) -> None:
        self._set_wake(None)
        self._feed(Elapsed(token))

    # What is told.

    def _publish(self) -> None:
        text = self._cell.state_text
        if text != self._last_state:
            self._last_state = text
            self._state_pub.publish(String(data=text))
            self.get_logger().debug(text)
        for record in self._cell.take_cycles():
            self.get_logger().info(f"part {record.serial}: {record.fate} in {record.cycle_time_s:.2f} s")
            self._kpi_pub.cycle(record)
            self._publish_shift()

    def _on_shift_timer(self) -> None:
        self._publish_shift()
        self._ledger.sync()

    def _publish_shift(self) -> None:
        now_ns = self.now_ns()
        self._kpi_pub.shift(self._cell.shift(now_ns), self._cell.shift_start_ns, now_ns)

    def _statuses(self) -> list[Any]:
        if not self.is_active:
            return []
        sequence = self._cell.sequence
        counts = self._ledger.counts()
        figures: dict[str, Any] = {str(fate): count for fate, count in counts.items()}
        ledger = self.status("ledger", convert.OK, f"{len(self._ledger.open_parts)} open", **figures)
        work = self.status("sequence", convert.OK, self._cell.state_text, serial=sequence.serial)
        return [self._safety(), ledger, work, *self._people.statuses()]

    def _safety(self) -> Any:
        guard = self._cell.guard_verdict
        level = (convert.OK, convert.WARN, convert.ERROR)[guard.action]
        return self.status("safety", level, guard.reason or "all is well", action=guard.action.name.lower())


def main(args: list[str] | None = None) -> None:
    """Runs the cell until it is told to stop."""
    run_node(CellNode, args)
