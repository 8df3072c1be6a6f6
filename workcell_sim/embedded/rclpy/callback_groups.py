"""Callback groups: which callbacks may run at the same time."""

from __future__ import annotations

import weakref
from collections import deque
from threading import Lock
from typing import Any


class CallbackGroup:
    """Base class: knows its entities and decides whether one of them may run now."""

    def __init__(self) -> None:
        super().__init__()
        self.entities: set[weakref.ref[Any]] = set()
        # Kernel entities that were ready while the group was busy; they are queued again when it is free.
        self._deferred: deque[Any] = deque()

    def add_entity(self, entity: Any) -> None:
        self.entities.add(weakref.ref(entity))

    def has_entity(self, entity: Any) -> bool:
        return weakref.ref(entity) in self.entities

    def can_execute(self, entity: Any) -> bool:
        """Whether ``entity`` may run now."""
        raise NotImplementedError

    def beginning_execution(self, entity: Any) -> bool:
        """Ask to run ``entity``; if granted, :meth:`ending_execution` must follow."""
        raise NotImplementedError

    def ending_execution(self, entity: Any) -> None:
        """Tell that ``entity`` has run."""
        raise NotImplementedError

    def _defer(self, kernel_entity: Any) -> None:
        self._deferred.append(kernel_entity)
        if self._deferred and self.can_execute(kernel_entity.owner):
            # The group became free between the refusal and this call (another thread).
            self._release_deferred()

    def _release_deferred(self) -> None:
        while self._deferred:
            entity = self._deferred.popleft()
            entity.port.push(entity)


class ReentrantCallbackGroup(CallbackGroup):
    """Callbacks may run at the same time without restriction."""

    def can_execute(self, entity: Any) -> bool:
        return True

    def beginning_execution(self, entity: Any) -> bool:
        return True

    def ending_execution(self, entity: Any) -> None:
        pass


class MutuallyExclusiveCallbackGroup(CallbackGroup):
    """At most one callback runs at a time."""

    def __init__(self) -> None:
        super().__init__()
        self._active_entity: Any = None
        self._lock = Lock()

    def can_execute(self, entity: Any) -> bool:
        with self._lock:
            assert weakref.ref(entity) in self.entities
            return self._active_entity is None

    def beginning_execution(self, entity: Any) -> bool:
        with self._lock:
            assert weakref.ref(entity) in self.entities
            if self._active_entity is not None:
                return False
            self._active_entity = entity
            return True

    def ending_execution(self, entity: Any) -> None:
        with self._lock:
            assert self._active_entity == entity
            self._active_entity = None
        if self._deferred:
            self._release_deferred()
