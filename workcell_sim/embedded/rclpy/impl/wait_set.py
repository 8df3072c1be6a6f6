"""Wait sets: waiting for bare handles, as custom waitables do."""

from __future__ import annotations

from typing import Any

from workcell_sim.embedded._kernel import Waiter
from workcell_sim.embedded._kernel.entity import Destroyable
from workcell_sim.embedded._kernel.ready import Port, ReadyQueue

_KINDS = ("subscription", "guard_condition", "timer", "client", "service", "event")


class WaitSet(Destroyable):
    """A set of handles by kind, and which of them were ready when :meth:`wait` returned."""

    def __init__(
        self,
        num_subscriptions: int = 0,
        num_guard_conditions: int = 0,
        num_timers: int = 0,
        num_clients: int = 0,
        num_services: int = 0,
        num_events: int = 0,
        context: Any = None,
    ) -> None:
        super().__init__()
        self._context = context
        self._handles: dict[str, list[Any]] = {kind: [] for kind in _KINDS}
        self._ready: dict[str, list[Any]] = {kind: [] for kind in _KINDS}

    def clear_entities(self) -> None:
        for handles in (*self._handles.values(), *self._ready.values()):
            handles.clear()

    def _add(self, kind: str, handle: Any) -> int:
        self._handles[kind].append(handle)
        return len(self._handles[kind]) - 1

    def add_subscription(self, handle: Any) -> int:
        return self._add("subscription", handle)

    def add_guard_condition(self, handle: Any) -> int:
        return self._add("guard_condition", handle)

    def add_timer(self, handle: Any) -> int:
        return self._add("timer", handle)

    def add_client(self, handle: Any) -> int:
        return self._add("client", handle)

    def add_service(self, handle: Any) -> int:
        return self._add("service", handle)

    def add_event(self, handle: Any) -> int:
        return self._add("event", handle)

    def handles(self) -> list[Any]:
        """All handles of the set."""
        return [handle for handles in self._handles.values() for handle in handles]

    def is_ready(self, kind: str, index: int) -> bool:
        """Whether the handle added at ``index`` was ready.

        Raises:
            IndexError: there is none.
        """
        handles = self._handles[kind]
        if index >= len(handles):
            raise IndexError(f"wait set index too big: there are {len(handles)} of kind {kind!r}")
        return handles[index] in self._ready[kind]

    def get_ready_entities(self, kind: str) -> list[int]:
        """Pointers of the ready handles of a kind."""
        return [handle.pointer for handle in self._ready[kind]]

    def check(self) -> bool:
        """Find out what is ready now; guard conditions are reset by that."""
        found = False
        for kind, handles in self._handles.items():
            ready = [handle for handle in handles if handle is not None and handle.is_ready()]
            self._ready[kind] = ready
            found = found or bool(ready)
        for guard in self._ready["guard_condition"]:
            guard.take_trigger()
        return found

    def wait(self, timeout_ns: int) -> None:
        """Block until something is ready or a time has passed (negative: no limit)."""
        kernel = self._context.kernel
        waiter = Waiter(kernel)
        port = Port()
        port.attach(ReadyQueue(waiter))
        end = None if timeout_ns < 0 else kernel.now_ns() + timeout_ns
        for handle in self.handles():
            handle.join(port)
        self._context.on_invalid(waiter.wake)
        kernel.poll()
        try:
            while not self.check() and self._context.ok():
                if end is not None and kernel.now_ns() >= end:
                    return
                kernel.wait(waiter, end)
        finally:
            self._context.forget_listener(waiter.wake)
            for handle in self.handles():
                handle.queued = False
