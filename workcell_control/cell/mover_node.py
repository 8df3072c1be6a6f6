"""Plans the moves that the sequence asks for and has the arm carry them out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from rclpy.task import Future

from workcell_control.cell.arm_client_node import ArmClient
from workcell_control.cell.arm_state_node import NS_PER_S
from workcell_control.cell.cell import Cell
from workcell_control.cell.steps import Bin, Event, Move, MoveDone
from workcell_control.cell.task import CellTask, Tuning
from workcell_control.cell.under_way import MoveUnderWay
from workcell_control.execution.drivers import ArmDriver
from workcell_control.execution.margins import MarginWatch
from workcell_control.execution.outcome import TrackingWatch
from workcell_control.execution.path import PathUnderWay
from workcell_control.execution.record import MoveRecord, MoveRecorder
from workcell_control.motion.arrays import FloatArray
from workcell_control.motion.planner import Plan
from workcell_control.motion.trajectory import TrajectoryError
from workcell_ros import convert

SLOWED_MIN_FACTOR = 1.05
SLOWED_MIN_S = 0.2
"""Gentler figures slow a move down only where it makes a difference: by more than that, with more than that left."""
SHARE_STEP = 0.02
"""The rate follows what others allow in steps of this, downwards: not every breath of a person is a new trajectory."""


class Mover:
    """One move at a time; `feed` takes its `MoveDone`, `note` what each came to."""

    def __init__(
        self,
        node: Any,
        task: CellTask,
        driver: ArmDriver,
        feed: Callable[[Event], None],
        note: Callable[[MoveRecord], None],
    ) -> None:
        self._node = node
        self._task = task
        self._feed = feed
        self._cell: Cell | None = None
        self._pending_move: Move | None = None
        self._pending_since_ns = 0
        self._under_way: MoveUnderWay | None = None
        self._note = note
        self._override = self._share = 1.0
        self._speed_allowed_m_s = np.inf
        self._watch = TrackingWatch(task.arm.joint_names, node.values.tracking_error_max_rad)
        self.recorder = MoveRecorder(task.torque_max_n_m)
        self.margins = MarginWatch(task.holds_m_s2, task.torque_max_n_m)
        self._arm = ArmClient(node, driver, task.arm.joint_names, self._on_joints, self._watch)

    def begin(self, cell: Cell, allows: Callable[[Move], bool]) -> None:
        """Tell `cell` of the arm from now on; no move begins that `allows` refuses."""
        self._cell, self._allows = cell, allows

    def move(self, move: Move) -> None:
        """Plan and send a move as soon as the arm stands, unless it is on its way there already."""
        under_way = self._under_way
        if under_way is not None and under_way.continues_with(move):
            under_way.asked, under_way.is_claimed = move, True
            if under_way.is_ended:
                self._on_ended(True, "")
            return
        self._pending_move = move
        self._pending_since_ns = self._node.now_ns()
        self._begin_pending_move()

    def cancel(self) -> Future | None:
        """Brake on the path and forget the move."""
        self._pending_move = None
        self._under_way = None
        self._record(False, "braked on request")
        return self._arm.cancel()

    def check_stall(self, stall_s: float) -> None:
        """Give up a move that cannot begin, or has no result though the arm stands still."""
        self._arm.check(stall_s)
        move = self._pending_move
        if self._arm.is_paused:
            self._pending_since_ns = self._node.now_ns()
        elif move is not None and self._node.now_ns() - self._pending_since_ns > stall_s * NS_PER_S:
            self._pending_move = None
            self._on_moved(move.token, False, f"the arm is moving or its controller is not there after {stall_s:g} s")

    def bin_below(self, time_ns: int) -> Bin | None:
        """The bin that the tool was over at a time not long ago, None where it was over none."""
        position = self._arm.state.position_at(time_ns)
        return None if position is None else self._task.bin_below(position)

    def follow_tuning(self) -> None:
        """Slow the move under way down where the figures in force have become gentler; faster waits for the next."""
        under_way, cell = self._under_way, self._cell
        if under_way is None or cell is None or cell.tuning == under_way.tuning or not self._arm.is_executing:
            return
        under_way.tuning = cell.tuning
        try:
            wanted_s = self._plan(under_way.start, under_way.move, cell.tuning).trajectory.duration_s
        except TrajectoryError:
            return  # it is fit to be finished as it was begun
        left_s = under_way.path.duration_s - self._arm.state.time_on(under_way.path)
        if wanted_s < SLOWED_MIN_FACTOR * under_way.duration_s or left_s < SLOWED_MIN_S:
            return
        under_way.rate *= under_way.duration_s / wanted_s
        under_way.duration_s = wanted_s
        self._follow_rate()

    def set_speed(self, override: float, allowed_m_s: float) -> None:
        """Live bounds of every move: a share 0..1 of its planned rate, and a speed of the tool; 0 pauses it. The move
        under way is slowed, too, where the grip or a torque as measured would not bear the rest of it."""
        before = self._override, self._speed_allowed_m_s, self.margins.rate
        under_way = self._under_way
        if under_way is not None and self._arm.is_executing:
            time_on = self._arm.state.time_on
            self.margins.follow(self._arm.state.effort, lambda: time_on(under_way.path), self._share)
        self._override, self._speed_allowed_m_s = override, allowed_m_s
        if before != (override, allowed_m_s, self.margins.rate):
            self._follow_rate()

    def _follow_rate(self) -> None:
        under_way = self._under_way
        share = self._override
        if under_way is not None:
            share = min(share, under_way.rate, self.margins.rate)
            if under_way.speed_max_m_s > self._speed_allowed_m_s:
                share = min(share, self._speed_allowed_m_s / under_way.speed_max_m_s)
        elif self._speed_allowed_m_s <= 0.0:
            share = 0.0
        self._share = share if share in (0.0, 1.0) else max(share // SHARE_STEP * SHARE_STEP, 0.0)
        self._arm.set_rate(self._share)

    def destroy(self) -> None:
        """Free what was created on the node."""
        self._arm.destroy()

    def _on_joints(self) -> None:
        if self._cell is not None:
            self._cell.on_joint_states(self._node.now_ns())
            if self.recorder.is_open:
                self.recorder.on_effort(self._arm.state.effort)
            self._tell_of_passing()
            self._begin_pending_move()

    def _tell_of_passing(self) -> None:
        """Answers a move whose end the arm passes without stopping; brakes where the sequence then wants another."""
        under_way = self._under_way
        if under_way is None or not under_way.corners or not self._arm.is_executing:
            return
        if not under_way.is_claimed:
            self._under_way = None
            self._record(True, "left for another move")
            self._arm.cancel()
            return
        passed_s = under_way.corner_s
        # The arm is never further than the time since it was sent: only then is it worth looking where it is.
        is_early = self._node.now_ns() - under_way.sent_ns < passed_s * NS_PER_S
        if is_early or self._arm.state.time_on(under_way.path) < passed_s:
            return
        self._pass_corner(under_way)

    def _pass_corner(self, under_way: MoveUnderWay) -> None:
        under_way.pass_corner()
        self._feed(MoveDone(under_way.asked.token, True))

    def _on_ended(self, is_ok: bool, reason: str) -> None:
        """The arm has come to the end of the whole way, or failed on it."""
        under_way = self._under_way
        assert under_way is not None
        self._record(is_ok, reason)
        if is_ok and under_way.corners:
            under_way.is_ended = True
            self._pass_corner(under_way)
        elif is_ok and not under_way.is_claimed:
            self._under_way = None  # the sequence wants something else from here
        else:
            self._on_moved(under_way.asked.token, is_ok, reason)

    def _record(self, is_ok: bool, reason: str) -> None:
        record = self.recorder.end(is_ok, reason, self._watch.error_max_rad, self._node.now_ns())
        if record is not None:
            if self._cell is not None:
                self._cell.on_tracking_error(max(record.tracking_error_max_rad))
            self._note(record)
            if not is_ok:
                self._node.publish_status(self._node.status("motion", convert.WARN, reason))

    def _begin_pending_move(self) -> None:
        move, cell = self._pending_move, self._cell
        if move is None or cell is None or not self._arm.is_ready:
            return
        start = self._arm.start
        if start is None:
            return
        if not self._allows(move):
            self._pending_since_ns = self._node.now_ns()  # a person takes the time that it takes
            return
        self._pending_move = None
        done = partial(self._on_moved, move.token)
        try:
            plan = self._plan(start, move, cell.tuning)
        except TrajectoryError as error:
            done(False, f"to {move.waypoint}: {error}")
            return
        if move.is_held:
            cell.on_move_held(plan.tool_acceleration_max_m_s2)
        if plan.trajectory.duration_s == 0.0:
            done(True, "")
            return
        trajectory = plan.trajectory
        now_ns = self._node.now_ns()
        self._under_way = MoveUnderWay(
            move=move,
            start=start,
            path=PathUnderWay(trajectory),
            duration_s=trajectory.duration_s,
            tuning=cell.tuning,
            corners=list(trajectory.states_at(np.array(plan.passed_s))[0]),
            sent_ns=now_ns,
            asked=move,
            speed_max_m_s=self._task.tool_speed_max(trajectory),
        )
        self.recorder.begin(trajectory.duration_s, now_ns)
        loads = partial(self._task.loads, trajectory, is_held=move.is_held)
        self.margins.begin(plan.tool_acceleration_max_m_s2, loads, is_held=move.is_held)
        self._follow_rate()
        excess = partial(self._task.excess, tuning=cell.tuning, is_held=move.is_held)
        self._arm.move(trajectory, excess, self._on_ended)

    def _plan(self, start: FloatArray, move: Move, tuning: Tuning) -> Plan:
        kinds = {"is_straight": move.is_straight, "is_held": move.is_held}
        return self._task.plan(start, move.waypoint, **kinds, tuning=tuning, onward=move.onward)

    def _on_moved(self, token: int, is_ok: bool, reason: str) -> None:
        self._under_way = None
        if not is_ok:
            self._node.get_logger().warning(f"motion failed: {reason}")
        self._feed(MoveDone(token, is_ok, reason))
