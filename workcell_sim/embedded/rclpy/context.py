"""Contexts: the scope of ``init`` and ``shutdown``."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from inspect import ismethod
from types import TracebackType
from typing import Any, Self
from weakref import WeakMethod

from rclpy.impl.context_handle import RCL_DEFAULT_DOMAIN_ID, ContextHandle


class Context:
    """Life of a ROS program or of a part of it; a context manager that initializes and shuts down."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._callbacks: list[Any] = []
        self._waiting: list[Callable[[], Any]] = []
        self._logging_initialized = False
        self._handle: ContextHandle | None = None

    @property
    def handle(self) -> ContextHandle | None:
        return self._handle

    def destroy(self) -> None:
        if self._handle:
            self._handle.destroy_when_not_in_use()

    def init(
        self, args: list[str] | None = None, *, initialize_logging: bool = True, domain_id: int | None = None
    ) -> None:
        """Initialize with command line arguments (default: those of the program).

        Raises:
            RuntimeError: initialized before, or a bad domain id.
        """
        with self._lock:
            if domain_id is not None and domain_id < 0:
                raise RuntimeError(f"Domain id ({domain_id}) should not be lower than zero.")
            if self._handle is not None:
                raise RuntimeError("Context.init() must only be called once")
            handle = ContextHandle(
                sys.argv if args is None else args, RCL_DEFAULT_DOMAIN_ID if domain_id is None else domain_id
            )
            self._handle = handle
            handle.on_invalid(self._wake_waiting)
            if initialize_logging and not self._logging_initialized:
                from rclpy.impl import log_output

                log_output.configure(handle.arguments)
                self._logging_initialized = True

    def ok(self) -> bool:
        """Whether the context is initialized and not shut down."""
        handle = self._handle
        return handle is not None and handle.ok()

    def shutdown(self) -> None:
        """Shut down and call the shutdown callbacks.

        Raises:
            RuntimeError: not initialized, or shut down before.
        """
        if self._handle is None:
            raise RuntimeError("Context must be initialized before it can be shutdown")
        with self._handle, self._lock:
            self._handle.shutdown()
            self._call_on_shutdown_callbacks()

    def try_shutdown(self) -> None:
        """Shut down if there is something to shut down."""
        if self._handle is None:
            return
        with self._handle, self._lock:
            if self._handle.ok():
                self._handle.shutdown()
                self._call_on_shutdown_callbacks()

    def on_shutdown(self, callback: Callable[[], Any]) -> None:
        """Call ``callback()`` at shutdown; bound methods are held weakly."""
        if not callable(callback):
            raise TypeError("callback should be a callable, got {}", type(callback))
        with self._lock:
            if self._handle is not None and not self._handle.ok():
                callback()
            elif ismethod(callback):
                self._callbacks.append(WeakMethod(callback, self._remove_callback))
            else:
                self._callbacks.append(callback)

    def _remove_callback(self, weak_method: Any) -> None:
        if weak_method in self._callbacks:
            self._callbacks.remove(weak_method)

    def _call_on_shutdown_callbacks(self) -> None:
        callbacks, self._callbacks = self._callbacks, []
        for entry in callbacks:
            callback = entry() if isinstance(entry, WeakMethod) else entry
            if callback is not None:
                callback()

    def _on_shutdown_while_waiting(self, wake: Callable[[], Any]) -> None:
        """Call ``wake`` when the context becomes invalid, also by a signal."""
        self._waiting.append(wake)

    def _forget_shutdown_while_waiting(self, wake: Callable[[], Any]) -> None:
        if wake in self._waiting:
            self._waiting.remove(wake)

    def _wake_waiting(self) -> None:
        for wake in tuple(self._waiting):
            wake()

    def get_domain_id(self) -> int:
        """The domain id in use.

        Raises:
            RuntimeError: not initialized.
        """
        if self._handle is None:
            raise RuntimeError("Context must be initialized before it can have a domain id")
        with self._handle, self._lock:
            return self._handle.get_domain_id()

    def __enter__(self) -> Self:
        self.init()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.try_shutdown()
