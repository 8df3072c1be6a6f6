"""Entities that wait for a period of ROS time to pass."""

from __future__ import annotations

from launch.actions import TimerAction
from launch.launch_context import LaunchContext

from ..ros_adapters import get_ros_node


class ROSTimer(TimerAction):
    """A TimerAction by ROS time: that of ``/clock`` where SetUseSimTime asks for it."""

    def _start(self, context: LaunchContext, period_s: float) -> None:
        timer = get_ros_node(context).create_timer(period_s, lambda: self.__on_timer(context, timer))

    def __on_timer(self, context: LaunchContext, timer: object) -> None:
        timer.destroy()  # type: ignore[attr-defined]
        if context.asyncio_loop is not None:
            context.asyncio_loop.call_soon_threadsafe(self._fire, context)

    def describe(self) -> str:
        """Return a description for people."""
        return f"ROSTimer(period={self.period}, actions=<actions>)"


# Older launch files spell it so.
RosTimer = ROSTimer
