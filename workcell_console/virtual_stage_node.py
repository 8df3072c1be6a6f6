"""A replay's stage on the embedded runtime: virtual time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Self

import rclpy
from rclpy.executors import SingleThreadedExecutor

from workcell_ros.compose import main as compose
from workcell_sim.embedded._kernel import Kernel, Process


class VirtualStage:
    """Runs every decider as a process of a kernel of its own.

    Args:
        start_ns: when time begins.
        namespace: of the deciders.
    """

    told_elsewhere: frozenset[str] = frozenset()
    discovery_s: float = 0.0

    def __init__(self, start_ns: int, namespace: str) -> None:
        self._namespace = namespace
        self._kernel = Kernel("virtual", 1.0, start_ns)
        self._deciders: dict[str, Process] = {}

    def __enter__(self) -> Self:
        self._kernel.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._kernel.__exit__(None, None, None)

    def spawn(self, name: str, arguments: Sequence[str]) -> None:
        """Starts a node of the cell with ROS arguments."""
        main = partial(compose, [name, *arguments])
        self._deciders[name] = self._kernel.spawn(main, ["compose"], name=name)

    def kill(self, name: str) -> None:
        """Ends a node without warning."""
        self._deciders[name].kill()

    def stall(self, name: str, duration_ns: int) -> None:
        """Lets a node stand still."""
        self._kernel.stall(f"{self._namespace}/{name}", duration_ns)

    def call_later(self, delay_ns: int, call: Callable[[], object]) -> None:
        """Has something done when that time has passed."""
        self._kernel.call_later(delay_ns, call)

    def play_along(self, make_nodes: Callable[[], Sequence[Any]]) -> None:
        """Runs nodes of the replay itself beside the deciders."""
        self._kernel.spawn(partial(_spin, make_nodes), ["player"], name="player")

    def happen(self) -> None:
        """Lets everything happen that follows, at this instant, from what the replay's nodes have just said."""
        self._kernel.run_until(self._kernel.now_ns())

    def run_until(self, now_ns: int) -> None:
        """Lets time pass, and everything happen that is due by then."""
        self._kernel.run_until(now_ns)


def _spin(make_nodes: Callable[[], Sequence[Any]]) -> None:
    rclpy.init(args=[])
    executor = SingleThreadedExecutor()
    for node in make_nodes():
        executor.add_node(node)
    executor.spin()
