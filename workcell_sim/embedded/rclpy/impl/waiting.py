"""Blocking until a future is done or the graph has changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workcell_sim.embedded._kernel import Kernel, Waiter


def wait_for_future(kernel: Kernel, future: Any, timeout_sec: float | None) -> bool:
    """Block until ``future`` is done; returns whether it was in time. ``None`` and negative mean no limit."""
    waiter = Waiter(kernel)
    future.add_done_callback(lambda _: waiter.wake())
    return wait_until(kernel, waiter, future.done, timeout_sec)


def wait_for_graph(handle: Any, context: Any, condition: Callable[[], bool], timeout_sec: float | None) -> bool:
    """Block until ``condition`` holds, looking whenever the graph changes; returns whether it holds."""
    kernel, graph = handle.kernel, handle.node.graph
    waiter = Waiter(kernel)
    graph.listen(waiter.wake)
    context._on_shutdown_while_waiting(waiter.wake)
    try:
        wait_until(kernel, waiter, lambda: condition() or not context.ok(), timeout_sec)
    finally:
        graph.unlisten(waiter.wake)
        context._forget_shutdown_while_waiting(waiter.wake)
    return condition()


def wait_until(kernel: Kernel, waiter: Waiter, condition: Callable[[], bool], timeout_sec: float | None) -> bool:
    """Block until ``condition`` holds, looking whenever ``waiter`` is woken; returns whether it held in time."""
    end = None if timeout_sec is None or timeout_sec < 0 else kernel.now_ns() + int(min(timeout_sec, 9e9) * 1e9)
    while not condition():
        if end is not None and kernel.now_ns() >= end:
            return False
        kernel.wait(waiter, end)
    return True
