"""rclpy on the embedded runtime: the API of ROS 2 Jazzy on one deterministic event kernel.

A program initializes (:func:`init`), makes nodes, spins (:func:`spin`, :func:`spin_once`,
:func:`spin_until_future_complete`) and shuts down (:func:`shutdown`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rclpy.context import Context
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions, install_signal_handlers, uninstall_signal_handlers
from rclpy.task import Future
from rclpy.utilities import (
    get_available_rmw_implementations,
    get_default_context,
    get_rmw_implementation_identifier,
    ok,
    try_shutdown,
)
from rclpy.utilities import shutdown as _shutdown

from workcell_sim.embedded._kernel import process_globals

if TYPE_CHECKING:
    from rclpy.executors import Executor
    from rclpy.node import Node

__all__ = [
    "Context",
    "Future",
    "Parameter",
    "SignalHandlerOptions",
    "create_node",
    "get_available_rmw_implementations",
    "get_default_context",
    "get_global_executor",
    "get_rmw_implementation_identifier",
    "init",
    "ok",
    "shutdown",
    "spin",
    "spin_once",
    "spin_until_future_complete",
    "try_shutdown",
]

_GLOBAL_EXECUTOR = "rclpy.global_executor"


def init(
    *,
    args: list[str] | None = None,
    context: Context | None = None,
    domain_id: int | None = None,
    signal_handler_options: SignalHandlerOptions | None = None,
) -> None:
    """Initialize a context, by default the default one.

    Args:
        args: command line, default that of the program.
        context: context to initialize.
        domain_id: only nodes of one domain see each other.
        signal_handler_options: which signals shut down; by default all, if it is the default context.
    """
    default = get_default_context()
    context = default if context is None else context
    if signal_handler_options is None:
        signal_handler_options = SignalHandlerOptions.ALL if context is default else SignalHandlerOptions.NO
    context.init(args, domain_id=domain_id)
    install_signal_handlers(signal_handler_options)


def get_global_executor() -> Executor:
    """The executor that the global spin functions use; one per process."""
    from rclpy.executors import SingleThreadedExecutor

    state = process_globals()
    executor: Executor | None = state.get(_GLOBAL_EXECUTOR)
    if executor is None:
        executor = state[_GLOBAL_EXECUTOR] = SingleThreadedExecutor()

        def reset() -> None:
            found = state.pop(_GLOBAL_EXECUTOR, None)
            if found is not None:
                found.shutdown()

        get_default_context().on_shutdown(reset)
    return executor


def shutdown(*, context: Context | None = None, uninstall_handlers: bool | None = None) -> None:
    """Shut down a context, by default the default one, and with it the global executor.

    Args:
        context: context to shut down.
        uninstall_handlers: remove signal handlers; by default if it is the default context.
    """
    is_default = context is None or context is get_default_context()
    _shutdown(context=context)
    if uninstall_handlers or (uninstall_handlers is None and is_default):
        uninstall_signal_handlers()


def create_node(node_name: str, **kwargs: Any) -> Node:
    """Make a :class:`rclpy.node.Node`; takes its arguments."""
    from rclpy.node import Node

    return Node(node_name, **kwargs)


def spin_once(node: Node, *, executor: Executor | None = None, timeout_sec: float | None = None) -> None:
    """Run one callback of a node, or wait for a time at most if none is ready."""
    executor = get_global_executor() if executor is None else executor
    try:
        executor.add_node(node)
        executor.spin_once(timeout_sec=timeout_sec)
    finally:
        executor.remove_node(node)


def spin(node: Node, executor: Executor | None = None) -> None:
    """Run the callbacks of a node until shutdown.

    Raises:
        ExternalShutdownException: the context was shut down by somebody else while nothing ran.
    """
    executor = get_global_executor() if executor is None else executor
    try:
        executor.add_node(node)
        executor.spin()
    finally:
        executor.remove_node(node)


def spin_until_future_complete(
    node: Node, future: Future, executor: Executor | None = None, timeout_sec: float | None = None
) -> None:
    """Run the callbacks of a node until a future is done, a time has passed, or shutdown."""
    executor = get_global_executor() if executor is None else executor
    added = False
    try:
        added = executor.add_node(node)
        executor.spin_until_future_complete(future, timeout_sec)
    finally:
        if added:
            executor.remove_node(node)
