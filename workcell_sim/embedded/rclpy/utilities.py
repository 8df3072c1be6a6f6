"""Helpers around contexts and arguments."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence

from rclpy.constants import S_TO_NS
from rclpy.context import Context

from workcell_sim.embedded._kernel import process_globals

_lock = threading.RLock()
_DEFAULT_CONTEXT = "rclpy.default_context"
RMW_IDENTIFIER = "rmw_workcell_embedded"


def get_default_context(*, shutting_down: bool = False) -> Context:
    """The default context of the calling process; made on first use and after each shutdown."""
    with _lock:
        state = process_globals()
        context: Context | None = state.get(_DEFAULT_CONTEXT)
        if context is None:
            context = state[_DEFAULT_CONTEXT] = Context()
        if shutting_down:
            del state[_DEFAULT_CONTEXT]
        return context


def remove_ros_args(args: Sequence[str] | None = None) -> list[str]:
    """The arguments (default: of the program) without ``--ros-args ... --``."""
    from rclpy.impl.arguments import remove_ros_args as remove

    return remove(sys.argv if args is None else args)


def ok(*, context: Context | None = None) -> bool:
    """Whether a context (default: the default one) is initialized and not shut down."""
    return (get_default_context() if context is None else context).ok()


def shutdown(*, context: Context | None = None) -> None:
    """Shut a context down; a new default context is made when needed."""
    (get_default_context(shutting_down=True) if context is None else context).shutdown()


def try_shutdown(*, context: Context | None = None) -> None:
    """Shut a context down if it is initialized."""
    if context is not None:
        context.try_shutdown()
        return
    with _lock:
        default = get_default_context()
        default.try_shutdown()
        if not default.ok():
            process_globals().pop(_DEFAULT_CONTEXT, None)


def get_rmw_implementation_identifier() -> str:
    return RMW_IDENTIFIER


def get_available_rmw_implementations() -> set[str]:
    """The middlewares to choose from: the embedded one alone.

    Raises:
        RuntimeError: ``RMW_IMPLEMENTATIONS`` asks for others.
    """
    available = {RMW_IDENTIFIER}
    asked = os.environ.get("RMW_IMPLEMENTATIONS")
    if asked:
        missing = set(asked.split(os.pathsep)) - available
        if missing:
            raise RuntimeError(
                f"The RMW implementations {missing} specified in 'RMW_IMPLEMENTATIONS' are not available "
                f"({', '.join(sorted(available))})"
            )
    return available


def timeout_sec_to_nsec(timeout_sec: float | None) -> int:
    """Convert a timeout; ``None`` and negative mean "forever" and give -1."""
    if timeout_sec is None or timeout_sec < 0:
        return -1
    return int(float(timeout_sec) * S_TO_NS)
