"""What the rclpy conformance tests share: nodes on whichever runtime is active, and spinning until something is so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import rclpy
from rclpy.executors import SingleThreadedExecutor

TIMEOUT_S = 20.0


class Ros:
    """Makes nodes in one context and spins them together."""

    def __init__(self) -> None:
        if not rclpy.ok():
            rclpy.init(args=[])
        self.executor = SingleThreadedExecutor()
        self.nodes: list[Any] = []

    def node(self, name: str = "node", node_class: Callable[..., Any] | None = None, **kwargs: Any) -> Any:
        node = rclpy.create_node(name, **kwargs) if node_class is None else node_class(name, **kwargs)
        self.nodes.append(node)
        self.executor.add_node(node)
        return node

    def until(self, condition: Callable[[], Any], timeout_s: float = TIMEOUT_S) -> bool:
        """Spin until the condition holds; returns whether it did."""
        clock = rclpy.clock.Clock(clock_type=rclpy.clock.ClockType.STEADY_TIME)
        end = clock.now() + rclpy.duration.Duration(seconds=timeout_s)
        while not condition():
            if clock.now() >= end:
                return False
            self.executor.spin_once(timeout_sec=0.02)
        return True

    def result(self, future: Any, timeout_s: float = TIMEOUT_S) -> Any:
        self.executor.spin_until_future_complete(future, timeout_sec=timeout_s)
        assert future.done(), "no answer in time"
        return future.result()

    def spin_for(self, seconds: float) -> None:
        self.until(lambda: False, seconds)

    def close(self) -> None:
        self.executor.shutdown()
        for node in self.nodes:
            node.destroy_node()
        rclpy.try_shutdown()


@contextmanager
def running_ros() -> Iterator[Ros]:
    ros = Ros()
    try:
        yield ros
    finally:
        ros.close()
