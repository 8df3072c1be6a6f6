"""What the mover keeps of the move that the arm carries out."""

from __future__ import annotations

from dataclasses import dataclass

from workcell_control.cell.steps import Move, Way
from workcell_control.cell.task import Tuning
from workcell_control.execution.path import PathUnderWay
from workcell_control.motion.arrays import FloatArray


@dataclass
class MoveUnderWay:
    """The move that the arm carries out."""

    move: Move
    start: FloatArray
    path: PathUnderWay
    duration_s: float
    """That the whole move takes with the figures in force."""
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
    rate: float = 1.0
    """Share of the planned rate that figures in force leave."""
    speed_max_m_s: float = 0.0
    """Largest speed of the tool on the way."""
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

    def continues_with(self, move: Move) -> bool:
        """Whether `move` is what the arm is going on with already."""
        return not self.is_claimed and self.asked.onward[:1] == (Way(move.waypoint, move.is_straight),)
