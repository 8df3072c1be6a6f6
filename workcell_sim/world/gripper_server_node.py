"""The gripper's action server: GripperCommand to and from the world."""

from __future__ import annotations

from typing import Any, Protocol

from control_msgs.action import GripperCommand
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.task import Future

from workcell_sim.world.gripper import ON_POSITION, GripEnd

RESULT_KEPT_S = 10.0
"""As the rclcpp servers of ros2_control keep results: every status message lists all goals still kept."""
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


class GripperServer:
    """Position 1 grips with `max_effort` as vacuum set point in [Pa] below ambient, position 0 lets go.

    A command that did not reach its vacuum in time succeeds with `stalled`, as gripper controllers that allow
    stalling do; one that a new command replaced is aborted.
    """

    def __init__(self, node: Any, world: Gripping) -> None:
        self._node = node
        self._world = world
        self._is_open = False
        self._ends: dict[str, Any] = {}
        self._server = ActionServer(
            node,
            GripperCommand,
            ACTION,
            execute_callback=self._execute,
            goal_callback=self._on_goal,
            handle_accepted_callback=self._on_accepted,
            cancel_callback=self._on_cancel,
            result_timeout=RESULT_KEPT_S,
        )

    def open(self) -> None:
        """Starts to accept goals."""
        self._is_open = True

    def close(self) -> None:
        """Accepts no more goals."""
        self._is_open = False

    def destroy(self) -> None:
        """Takes the server off the graph."""
        self._server.destroy()

    def report(self, ends: list[GripEnd]) -> None:
        """Hands each end to the goal that waits for it."""
        for end in ends:
            self._resolve(end.goal_id, end)

    def _on_goal(self, request: Any) -> Any:
        command = request.command
        if not self._is_open:
            self._node.get_logger().error("gripper command refused: the gripper is not active")
            return GoalResponse.REJECT
        if command.position >= ON_POSITION and not command.max_effort > 0.0:
            self._node.get_logger().error(
                f"gripper command refused: max_effort {command.max_effort} is no vacuum; valid: above 0 Pa"
            )
            return GoalResponse.REJECT
        return GoalResponse.ACCEPT

    def _on_accepted(self, handle: Any) -> None:
        goal_id = bytes(handle.goal_id.uuid).hex()
        command = handle.request.command
        self._ends[goal_id] = Future()
        self._world.command_gripper(goal_id, command.position >= ON_POSITION, command.max_effort)
        handle.execute()

    def _on_cancel(self, handle: Any) -> Any:
        goal_id = bytes(handle.goal_id.uuid).hex()
        if self._world.cancel_gripper(goal_id):
            self._resolve(goal_id, None)
        return CancelResponse.ACCEPT

    def _resolve(self, goal_id: str, end: GripEnd | None) -> None:
        future = self._ends.get(goal_id)
        if future is not None and not future.done():
            future.set_result(end)

    async def _execute(self, handle: Any) -> Any:
        # The end may have come before this began: only here it is taken away.
        goal_id = bytes(handle.goal_id.uuid).hex()
        end: GripEnd | None = await self._ends[goal_id]
        del self._ends[goal_id]
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
