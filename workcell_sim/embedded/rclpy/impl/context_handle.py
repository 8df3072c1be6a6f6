"""An initialized context: parsed arguments, its graph, and its nodes."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from workcell_sim.embedded._kernel import Kernel, current_process
from workcell_sim.embedded._kernel.entity import Destroyable

from .arguments import parse
from .errors import RCLError

if TYPE_CHECKING:
    from .node_handle import NodeHandle

RCL_DEFAULT_DOMAIN_ID = 2**64 - 1
_DOMAIN_ID_MAX = 232


class ContextHandle(Destroyable):
    """What stands behind :class:`rclpy.context.Context` between ``init`` and ``shutdown``.

    Raises:
        RCLError: the domain id is not valid.
        RCLInvalidROSArgsError, UnknownROSArgsError: bad command line.
    """

    def __init__(self, args: Sequence[str], domain_id: int = RCL_DEFAULT_DOMAIN_ID) -> None:
        super().__init__()
        self.arguments = parse(args)
        self.kernel = Kernel.current()
        self.domain_id = _resolve_domain_id(domain_id)
        self.graph = self.kernel.graph(self.domain_id)
        self.process = current_process()
        self._valid = True
        self._nodes: list[NodeHandle] = []
        self._invalid_listeners: list[Callable[[], None]] = []
        if self.process is not None:
            self.process.add_teardown(self.vanish)
        _remember(self)

    def ok(self) -> bool:
        return self._valid and not self.kernel.closed

    def get_domain_id(self) -> int:
        return self.domain_id

    def add_node(self, node: NodeHandle) -> None:
        self._nodes.append(node)

    def remove_node(self, node: NodeHandle) -> None:
        if node in self._nodes:
            self._nodes.remove(node)

    def on_invalid(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` when the context becomes invalid, by whatever way."""
        self._invalid_listeners.append(listener)

    def forget_listener(self, listener: Callable[[], None]) -> None:
        if listener in self._invalid_listeners:
            self._invalid_listeners.remove(listener)

    def shutdown(self) -> None:
        """Make the context invalid and take its nodes out of the graph.

        Raises:
            RCLError: it was shut down before.
        """
        if not self._valid:
            raise RCLError("failed to shutdown: rcl_shutdown already called on the given context")
        self.invalidate()

    def invalidate(self) -> None:
        """Shut down without complaint, as a signal does."""
        if not self._valid:
            return
        self._valid = False
        for node in tuple(self._nodes):
            node.withdraw()
        listeners, self._invalid_listeners = self._invalid_listeners, []
        for listener in listeners:
            listener()

    def vanish(self) -> None:
        """Leave the graph without a trace: the process has ended."""
        self.invalidate()
        for node in tuple(self._nodes):
            node.destroy_quietly()

    def destroyed(self) -> None:
        self.invalidate()


def _resolve_domain_id(domain_id: int) -> int:
    if domain_id == RCL_DEFAULT_DOMAIN_ID:
        text = os.environ.get("ROS_DOMAIN_ID", "") or "0"
        if not text.isdigit():
            raise RCLError(f"ROS_DOMAIN_ID is not an integral number: {text!r}")
        domain_id = int(text)
    if domain_id > _DOMAIN_ID_MAX:
        raise RCLError(f"failed to initialize rcl: domain id {domain_id} is out of range: 0 to {_DOMAIN_ID_MAX}")
    return domain_id


_contexts: weakref.WeakSet[ContextHandle] = weakref.WeakSet()


def _remember(handle: ContextHandle) -> None:
    _contexts.add(handle)


def contexts_of(process: object | None) -> list[ContextHandle]:
    """Valid contexts that were initialized by a process (``None``: outside of every process)."""
    return [handle for handle in _contexts if handle.process is process and handle.ok()]
