"""What the world's action servers share: goals are accepted while open, and end when the world says how."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Generic, Protocol, TypeVar

from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.task import Future

RESULT_KEPT_S = 10.0
"""As the rclcpp servers of ros2_control keep results: every status message lists all goals still kept."""


class End(Protocol):
    """How a goal ended."""

    @property
    def goal_id(self) -> str:
        """The goal's identity, as hexadecimal digits."""


AnyEnd = TypeVar("AnyEnd", bound=End)


class GoalServer(Generic[AnyEnd]):
    """An action server of a node; what an action means is its subclass's."""

    closed_refusal = "goal refused: the server is not active"

    def __init__(self, node: Any, action_type: Any, name: str) -> None:
        self.node = node
        self.handles: dict[str, Any] = {}
        """Goals that have not ended, by identity."""
        self._is_open = False
        self._ends: dict[str, Any] = {}
        self._server = ActionServer(
            node,
            action_type,
            name,
            execute_callback=self._execute,
            goal_callback=self._on_goal,
            handle_accepted_callback=self._on_accepted,
            cancel_callback=self._on_cancel,
            result_timeout=RESULT_KEPT_S,
        )

    def refusal(self, request: Any) -> str | None:
        """Why a request is refused; None where it is not."""
        raise NotImplementedError

    def start(self, goal_id: str, request: Any) -> None:
        """Hands an accepted goal to the world."""
        raise NotImplementedError

    def cancel(self, goal_id: str) -> bool:
        """Asks the world to end a goal; True where it ends at once and the world reports nothing more of it."""
        raise NotImplementedError

    def finish(self, handle: Any, end: AnyEnd | None) -> Any:
        """Sets the state of a goal that ended and returns its result; `end` is None after such a cancel."""
        raise NotImplementedError

    def open(self) -> None:
        """Starts to accept goals."""
        self._is_open = True

    def close(self) -> None:
        """Accepts no more goals."""
        self._is_open = False

    def destroy(self) -> None:
        """Takes the server off the graph."""
        self._server.destroy()

    def report(self, ends: Iterable[AnyEnd]) -> None:
        """Hands each end to the goal that waits for it."""
        for end in ends:
            self._resolve(end.goal_id, end)

    def _on_goal(self, request: Any) -> Any:
        refusal = self.refusal(request) if self._is_open else self.closed_refusal
        if refusal is None:
            return GoalResponse.ACCEPT
        self.node.get_logger().error(refusal)
        return GoalResponse.REJECT

    def _on_accepted(self, handle: Any) -> None:
        goal_id = _id(handle)
        self._ends[goal_id] = Future()
        self.handles[goal_id] = handle
        self.start(goal_id, handle.request)
        handle.execute()

    def _on_cancel(self, handle: Any) -> Any:
        if self.cancel(_id(handle)):
            self._resolve(_id(handle), None)
        return CancelResponse.ACCEPT

    def _resolve(self, goal_id: str, end: AnyEnd | None) -> None:
        future = self._ends.get(goal_id)
        if future is not None and not future.done():
            future.set_result(end)

    async def _execute(self, handle: Any) -> Any:
        # The end may have come before this began: only here it is taken away.
        goal_id = _id(handle)
        end: AnyEnd | None = await self._ends[goal_id]
        del self._ends[goal_id], self.handles[goal_id]
        return self.finish(handle, end)


def _id(handle: Any) -> str:
    return bytes(handle.goal_id.uuid).hex()
