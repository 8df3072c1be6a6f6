"""Which kernel and which process the calling code belongs to."""

from __future__ import annotations

import threading
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any

from greenlet import getcurrent

from .process import Fiber, Process

if TYPE_CHECKING:
    from .kernel import Kernel

_entered: ContextVar[Kernel | None] = ContextVar("workcell_kernel", default=None)
_default: Kernel | None = None
_default_lock = threading.Lock()


def current_kernel() -> Kernel:
    """The innermost kernel entered here, else that of the process or thread, else the default wall clock kernel."""
    kernel = _entered.get()
    if kernel is not None:
        return kernel
    fiber = getcurrent()
    if isinstance(fiber, Fiber):
        return fiber.kernel
    tag: tuple[Kernel, Any] | None = getattr(threading.current_thread(), "_workcell_origin", None)
    if tag is not None:
        return tag[0]
    return default_kernel()


def current_process() -> Process | None:
    """The process whose code is running, ``None`` outside of every process."""
    fiber = getcurrent()
    if isinstance(fiber, Fiber):
        # Code that entered another kernel from within a process stands at the root of that kernel.
        kernel = _entered.get()
        return fiber.process if kernel is None or kernel is fiber.kernel else None
    tag = getattr(threading.current_thread(), "_workcell_origin", None)
    return tag[1] if tag is not None else None


def process_globals() -> dict[str, Any]:
    """Per-process storage of the ROS library for the calling code."""
    process = current_process()
    return process.globals if process is not None else current_kernel().globals


def default_kernel() -> Kernel:
    global _default
    with _default_lock:
        if _default is None or _default.closed:
            from .kernel import Kernel

            _default = Kernel()
        return _default


def explicit_default() -> Kernel | None:
    """The default kernel, if somebody has asked for it or set it."""
    return _default


def set_default_kernel(kernel: Kernel | None) -> None:
    """Make ``kernel`` the one that code outside every kernel and process gets (``None``: a fresh wall clock kernel)."""
    global _default
    _default = kernel


class Use:
    """Makes a kernel current for a while and leaves it open."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._token: Token[Kernel | None] | None = None

    def __enter__(self) -> Kernel:
        self._token = _entered.set(self._kernel)
        return self._kernel

    def __exit__(self, *exc_info: object) -> None:
        if self._token is not None:
            _entered.reset(self._token)
