"""Base of everything that can be destroyed and that can become ready."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Any, Self

from .ready import Port

_lock = threading.Lock()


class InvalidHandle(RuntimeError):  # noqa: N818 - name of the ROS API
    """The entity behind a handle has been destroyed."""


class Destroyable:
    """Something that stays alive while in use (``with handle:``) and is destroyed once nobody uses it."""

    def __init__(self) -> None:
        self._uses = 0
        self._destroy_asked = False
        self._destroyed = False

    @property
    def pointer(self) -> int:
        """A number that identifies the handle."""
        return id(self)

    def __enter__(self) -> Self:
        with _lock:
            if self._destroy_asked:
                raise InvalidHandle("cannot use Destroyable because destruction was requested")
            self._uses += 1
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        with _lock:
            self._uses -= 1
            last = self._uses == 0 and self._destroy_asked
        if last:
            self._destroy_now()

    def destroy_when_not_in_use(self) -> None:
        with _lock:
            if self._destroy_asked:
                return
            self._destroy_asked = True
            idle = self._uses == 0
        if idle:
            self._destroy_now()

    def destroy_quietly(self) -> None:
        """Destroy if not destroyed yet."""
        with _lock:
            if self._destroy_asked:
                return
            self._destroy_asked = True
        self._destroy_now()

    def _destroy_now(self) -> None:
        if not self._destroyed:
            self._destroyed = True
            self.destroyed()

    def destroyed(self) -> None:
        """Release what the entity holds; called once."""


class Entity(Destroyable):
    """Something an executor can run: it reports to a port once when it becomes ready.

    Attributes:
        port: where readiness is reported; ``None`` until somebody waits for the entity.
        queued: whether it is in a ready queue; whoever takes it from there clears the flag.
        owner: the API object that knows what to run, ``None`` for bare handles.
    """

    def __init__(self, port: Port | None) -> None:
        super().__init__()
        self.port = port
        self.queued = False
        self.owner: Any = None

    def is_ready(self) -> bool:
        """Whether there is something to take."""
        raise NotImplementedError

    def report(self) -> None:
        """Queue the entity for its executor."""
        if not self.queued and self.port is not None:
            self.queued = True
            self.port.push(self)

    def join(self, port: Port) -> None:
        """Report to ``port`` from now on, at once if already ready."""
        if self.port is not port:
            self.port = port
            self.queued = False
        if not self.queued and self.is_ready():
            self.report()
