"""Names of an action's topics and services, and the parts that report to the executor one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.waitable import Waitable

from workcell_sim.embedded._kernel.entity import Destroyable, Entity

from .node_handle import NodeHandle

SEND_GOAL, CANCEL_GOAL, GET_RESULT = "send_goal", "cancel_goal", "get_result"
FEEDBACK, STATUS = "feedback", "status"


def resolve_action_name(node: NodeHandle, action_name: str) -> str:
    """Expand and remap the name of an action."""
    return node.resolve(action_name, is_service=False)


def part_name(action_name: str, part: str) -> str:
    """Name of one of the topics and services of an action."""
    return f"{action_name}/_action/{part}"


class ActionPart:
    """One endpoint of an action client or server, as the executor sees it."""

    _is_async = True
    _rank = 0

    def __init__(self, handle: Entity, callback_group: Any, take: Callable[[], Any], run: Callable[..., Any]) -> None:
        self.handle = handle
        self.callback_group = callback_group
        self._take_data = take
        self._run = run
        handle.owner = self
        callback_group.add_entity(self)

    def _take(self) -> tuple[Any, tuple[Any, ...]] | None:
        data = self._take_data()
        if self.handle.is_ready():
            self.handle.report()
        return None if data is None else (self._run, (data,))


class HandleGroup(Destroyable):
    """All handles of an action client or server; they are destroyed together."""

    def __init__(self, handles: list[Any]) -> None:
        super().__init__()
        self.handles = handles

    def destroyed(self) -> None:
        for handle in self.handles:
            handle.destroy_quietly()


class ActionWaitable(Waitable):
    """What the two ends of an action have in common: each waits for all of its parts."""

    _parts: list[ActionPart]
    _kept: Destroyable
    """Handle that is not destroyed while the end is in use."""

    def _handles(self) -> list[Any]:
        return [part.handle for part in self._parts]

    def is_ready(self, wait_set: Any) -> bool:
        return any(handle.is_ready() for handle in self._handles())

    def take_data(self) -> list[Any]:
        return [work for work in (part._take() for part in self._parts) if work is not None]

    async def execute(self, taken_data: list[Any]) -> None:
        for run, args in taken_data:
            await run(*args)

    def __enter__(self) -> Any:
        return self._kept.__enter__()

    def __exit__(self, exc_type: Any, exc: Any, trace: Any) -> None:
        self._kept.__exit__(exc_type, exc, trace)
