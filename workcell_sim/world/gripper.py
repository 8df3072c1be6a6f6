"""The gripper as its controller sees it: a command to grip or let go, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass

ON_POSITION = 0.5


@dataclass(frozen=True)
class GripperConfig:
    """When a command counts as done: part detected above one level, released below another, or no success in time."""

    part_detect_pa: float = 18e3
    released_pa: float = 2.5e3
    timeout_s: float = 1.0


@dataclass(frozen=True)
class GripEnd:
    """The end of a command. `position` is 1 with a part at the cup, else 0; `effort_pa` the vacuum."""

    goal_id: str
    reached_goal: bool
    stalled: bool
    is_preempted: bool
    position: float
    effort_pa: float


@dataclass
class GripperState:
    """The command in force."""

    goal_id: str = ""
    is_on: bool = False
    waited_s: float = 0.0


class Gripper:
    """Follows one command at a time; a new one preempts."""

    def __init__(self, config: GripperConfig) -> None:
        self._config = config
        self._ended: list[GripEnd] = []
        self.state = GripperState()

    def start(self, goal_id: str, is_on: bool, level_pa: float) -> None:
        """Begins a command."""
        self._finish(level_pa, reached=False, stalled=False, preempted=True)
        self.state = GripperState(goal_id=goal_id, is_on=is_on)

    def cancel(self, goal_id: str) -> bool:
        """Forgets a command; the vacuum stays as it is. False if it is not the active one."""
        if not goal_id or goal_id != self.state.goal_id:
            return False
        self.state.goal_id = ""
        return True

    def check(self, level_pa: float, is_sealed: bool, dt_s: float) -> None:
        """Ends the command if its level is reached, or the time is up."""
        state, config = self.state, self._config
        if not state.goal_id:
            return
        state.waited_s += dt_s
        done = (is_sealed and level_pa >= config.part_detect_pa) if state.is_on else level_pa <= config.released_pa
        if done:
            self._finish(level_pa, reached=True, stalled=False)
        elif state.waited_s >= config.timeout_s:
            self._finish(level_pa, reached=False, stalled=True)

    def take_ended(self) -> list[GripEnd]:
        """Commands that ended since the last call."""
        ended, self._ended = self._ended, []
        return ended

    def restore(self, state: GripperState) -> None:
        """Takes over a state, as read from a snapshot."""
        self.state = state
        self._ended = []

    def _finish(self, level_pa: float, *, reached: bool, stalled: bool, preempted: bool = False) -> None:
        if not self.state.goal_id:
            return
        position = 1.0 if self.state.is_on and reached else 0.0
        self._ended.append(GripEnd(self.state.goal_id, reached, stalled, preempted, position, level_pa))
        self.state.goal_id = ""
