"""The launch service's own node."""

from __future__ import annotations

import rclpy
from launch.event_handlers import OnShutdown
from launch.launch_context import LaunchContext
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node

from workcell_sim.embedded._kernel import Kernel, Process

_KEY = "ros_adapter"


class ROSAdapter:
    """A node in a process of its own, which spins until `shutdown`."""

    def __init__(self, *, argv: list[str] | None = None) -> None:
        self.__argv = list(argv or [])
        self.__context = Context()
        rclpy.init(args=self.__argv, context=self.__context)
        kernel = Kernel.current()
        self.__node = Node("launch_ros", context=self.__context, enable_rosout=False)
        self.__executor = SingleThreadedExecutor(context=self.__context)
        self.__executor.add_node(self.__node)
        self.__process: Process = kernel.spawn(self.__spin, name="launch_ros")

    def __spin(self) -> None:
        try:
            self.__executor.spin()
        except ExternalShutdownException:
            return

    @property
    def argv(self) -> list[str]:
        """The arguments of the node's context."""
        return self.__argv

    @property
    def ros_context(self) -> Context:
        """The node's context."""
        return self.__context

    @property
    def ros_node(self) -> Node:
        """The node."""
        return self.__node

    @property
    def ros_executor(self) -> SingleThreadedExecutor:
        """The executor that spins the node."""
        return self.__executor

    def shutdown(self) -> None:
        """Destroy the node and end its process."""
        self.__node.destroy_node()
        self.__context.try_shutdown()
        self.__process.kill()


def get_ros_adapter(context: LaunchContext) -> ROSAdapter:
    """Return the adapter of a launch context; made on first use, shut down with the launch."""
    known = context.get_locals_as_dict().get(_KEY)
    if isinstance(known, ROSAdapter):
        return known
    adapter = ROSAdapter()
    context.extend_globals({_KEY: adapter})
    context.register_event_handler(OnShutdown(on_shutdown=lambda event, _: adapter.shutdown()))
    return adapter


def get_ros_node(context: LaunchContext) -> Node:
    """Return the launch service's node; made on first use."""
    return get_ros_adapter(context).ros_node
