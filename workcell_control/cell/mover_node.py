"""Plans the moves that the sequence asks for and has the arm carry them out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from rclpy.task import Future

from workcell_control.cell.arm_client_node import NS_PER_S, ArmClient
from workcell_control.cell.cell import Cell
from workcell_control.cell.slowing import PathUnderWay
from workcell_control.cell.steps import Bin, Event, Move, MoveDone, Way
from workcell_control.cell.task import CellTask, Tuning
from workcell_control.motion.arrays import FloatArray
from workcell_control.motion.planner import Plan
from workcell_control.motion.trajectory import TrajectoryError

SLOWED_MIN_FACTOR = 1.05
SLOWED_MIN_S = 0.2
"""A move under way is slowed down only where it makes a difference: by more than that, with more than that left."""


@dataclass
class _UnderWay:
    """The move that the arm carries out."""

    move: Move
    start: FloatArray
    path: PathUnderWay
    duration_s: float
    """That the whole move takes with the figures it is carried out with."""
    tuning: Tuning
    """Figures it was last compared with."""
    corners: list[FloatArray]
    """Where the moves begin that it goes on with without a stop."""
    sent_ns: int
    asked: Move
    """The move of it that the sequence last asked for."""
    is_claimed: bool = True
    """Whether the sequence has asked for the move that it is going on with."""
    is_ended: bool = False
    _corner_s: float | None = None

    @property
    def corner_s(self) -> float:
        """When the arm passes the next corner, by the path's own time; asked with every joint state, found once."""
        if self._corner_s is None:
            self._corner_s = self.path.time_at(self.corners[0])
        return self._corner_s

    def pass_corner(self) -> None:
        """The next corner lies behind."""
        self.corners.pop(0)
        self._corner_s = None
        self.is_claimed = False

    def go_on_along(self, path: PathUnderWay, duration_s: float, now_ns: int) -> None:
        """Another path leads to the same end."""
        self.path, self.duration_s, self.sent_ns = path, duration_s, now_ns
        self._corner_s = None

    def continues_with(self, move: Move) -> bool:
        """Whether `move` is what the arm is going on with already."""
        return not self.is_claimed and self.asked.onward[:1] == (Way(move.waypoint, move.is_straight),)


class Mover:
    """One move at a time; `feed` takes its `MoveDone`."""

    def __init__(self, node: Any, task: CellTask, feed: Callable[[Event], None]) -> None:
        self._node = node
        self._task = task
        self._feed = feed
        self._cell: Cell | None = None
        self._pending_move: Move | None = None
        self._pending_since_ns = 0
        self._under_way: _UnderWay | None = None
        self._arm = ArmClient(node, task.arm.joint_names, self._on_joints, self._on_tracking_error)

    def begin(self, cell: Cell) -> None:
        """Tell `cell` of the arm from now on."""
        self._cell = cell

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
        return self._arm.cancel()

    def check_stall(self, stall_s: float) -> None:
        """Give up a move that cannot begin, or has no result though the arm stands still."""
        self._arm.check_stall(stall_s)
        move = self._pending_move
        if move is not None and self._node.now_ns() - self._pending_since_ns > stall_s * NS_PER_S:
            self._pending_move = None
            self._on_moved(move.token, False, f"the arm is moving or its controller is not there after {stall_s:g} s")

    def bin_below(self, time_ns: int) -> Bin | None:
        """The bin that the tool was over at a time not long ago, None where it was over none."""
        position = self._arm.position_at(time_ns)
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
        path = under_way.path
        now_s = self._arm.time_on(path)
        factor = wanted_s / under_way.duration_s
        if factor < SLOWED_MIN_FACTOR or path.duration_s - now_s < SLOWED_MIN_S:
            return
        slowed = self._task.slowed(path, now_s, factor)
        under_way.go_on_along(PathUnderWay(slowed), wanted_s, self._node.now_ns())
        self._arm.move(slowed, self._on_ended)

    def destroy(self) -> None:
        """Free what was created on the node."""
        self._arm.destroy()

    def _on_joints(self) -> None:
        if self._cell is not None:
            self._cell.on_joint_states(self._node.now_ns())
            self._tell_of_passing()
            self._begin_pending_move()

    def _tell_of_passing(self) -> None:
        """Answers a move whose end the arm passes without stopping; brakes where the sequence then wants another."""
        under_way = self._under_way
        if under_way is None or not under_way.corners or not self._arm.is_executing:
            return
        if not under_way.is_claimed:
            self._under_way = None
            self._arm.cancel()
            return
        passed_s = under_way.corner_s
        # The arm is never further than the time since it was sent: only then is it worth looking where it is.
        is_early = self._node.now_ns() - under_way.sent_ns < passed_s * NS_PER_S
        if is_early or self._arm.time_on(under_way.path) < passed_s:
            return
        self._pass_corner(under_way)

    def _pass_corner(self, under_way: _UnderWay) -> None:
        under_way.pass_corner()
        self._feed(MoveDone(under_way.asked.token, True))

    def _on_ended(self, is_ok: bool, reason: str) -> None:
        """The arm has come to the end of the whole way, or failed on it."""
        under_way = self._under_way
        assert under_way is not None
        if is_ok and under_way.corners:
            under_way.is_ended = True
            self._pass_corner(under_way)
        elif is_ok and not under_way.is_claimed:
            self._under_way = None  # the sequence wants something else from here
        else:
            self._on_moved(under_way.asked.token, is_ok, reason)

    def _on_tracking_error(self, error_rad: float) -> None:
        if self._cell is not None:
            self._cell.on_tracking_error(error_rad)

    def _begin_pending_move(self) -> None:
        move, cell = self._pending_move, self._cell
        if move is None or cell is None or not self._arm.is_ready:
            return
        start = self._arm.start
        if start is None:
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
        corners = list(trajectory.states_at(np.array(plan.passed_s))[0])
        self._under_way = _UnderWay(
            move,
            start,
            PathUnderWay(trajectory),
            plan.trajectory.duration_s,
            cell.tuning,
            corners,
            self._node.now_ns(),
            move,
        )
        self._arm.move(trajectory, self._on_ended)

    def _plan(self, start: FloatArray, move: Move, tuning: Tuning) -> Plan:
        return self._task.plan(
            start,
            move.waypoint,
            is_straight=move.is_straight,
            is_held=move.is_held,
            tuning=tuning,
            onward=move.onward,
        )

    def _on_moved(self, token: int, is_ok: bool, reason: str) -> None:
        self._under_way = None
        if not is_ok:
            self._node.get_logger().warning(f"motion failed: {reason}")
        self._feed(MoveDone(token, is_ok, reason))
