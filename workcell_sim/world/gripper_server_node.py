"""The gripper's action server: GripperCommand to and from the world."""

from __future__ import annotations

from typing import Any, Protocol

from control_msgs.action import GripperCommand

from workcell_sim.world.goal_server_node import GoalServer
from workcell_sim.world.gripper import ON_POSITION, GripEnd

ACTION = "gripper_controller/gripper_cmd"


class Gripping(Protocol):
    """What the server needs of a world."""

    @property
    def vacuum_pa(self) -> float:
        """Vacuum at the cup below ambient."""

    def command_gripper(self, goal_id: str, is_on: bool, set_point_pa: float) -> None:
        """Switches the vacuum on with a set point below ambient, or off."""

    def cancel_gripper(self, goal_id: str) -> bool:
        """Forgets a gripper command; the vacuum stays. False if it is not the active one."""


class GripperServer(GoalServer[GripEnd]):
    """Position 1 grips with `max_effort` as vacuum set point in [Pa] below ambient, position 0 lets go.

    A command that did not reach its vacuum in time succeeds with `stalled`, as gripper controllers that allow
    stalling do; one that a new command replaced is aborted.
    """

    closed_refusal = "gripper command refused: the gripper is not active"

    def __init__(self, node: Any, world: Gripping) -> None:
        self._world = world
        super().__init__(node, GripperCommand, ACTION)

    def refusal(self, request: Any) -> str | None:
        """Why a command is refused: it grips without a vacuum."""
        command = request.command
        if command.position >= ON_POSITION and not command.max_effort > 0.0:
            return f"gripper command refused: max_effort {command.max_effort} is no vacuum; valid: above 0 Pa"
        return None

    def start(self, goal_id: str, request: Any) -> None:
        """Switches the vacuum."""
        command = request.command
        self._world.command_gripper(goal_id, command.position >= ON_POSITION, command.max_effort)

    def cancel(self, goal_id: str) -> bool:
        """Forgets a command; the vacuum stays."""
        return self._world.cancel_gripper(goal_id)

    def finish(self, handle: Any, end: GripEnd | None) -> Any:
        """Tells how the command ended; a cancelled one with the vacuum there is."""
        if end is None:
            handle.canceled()
            return GripperCommand.Result(effort=self._world.vacuum_pa)
        if end.is_preempted:
            handle.abort()
        else:
            handle.succeed()
        return GripperCommand.Result(
            position=end.position, effort=end.effort_pa, stalled=end.stalled, reached_goal=end.reached_goal
        )
