"""Two functions of the standard library that must know of kernels: starting threads and sleeping.

A thread belongs to the kernel and process of the code that starts it, as with processes of an operating system. In
virtual time there are no threads, so one that only spins an executor (the usual ``Thread(target=executor.spin)``)
becomes a fiber.
``time.sleep`` in a process, and at the root of a kernel in paced or virtual time, lets kernel time pass.
"""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from greenlet import getcurrent

from .current import _entered, current_kernel, current_process, explicit_default
from .process import Fiber, Process
from .waiter import Waiter

if TYPE_CHECKING:
    from .kernel import Kernel

_real_start = threading.Thread.start
_real_sleep = time.sleep


def install_hooks() -> None:
    """Install both hooks; doing it twice is harmless."""
    threading.Thread.start = _start  # type: ignore[method-assign,assignment]
    time.sleep = _sleep  # type: ignore[assignment]


def _start(thread: threading.Thread) -> None:
    origin = _origin()
    if origin is not None:
        kernel, process = origin
        if kernel.is_virtual and process is not None and _only_spins(thread):
            _start_as_fiber(thread, kernel, process)
            return
    thread._workcell_origin = origin  # type: ignore[attr-defined]
    _real_start(thread)


def _origin() -> tuple[Kernel, Process | None] | None:
    """What a thread started here inherits; ``None`` where it would find the default kernel by itself."""
    if _entered.get() is not None or isinstance(getcurrent(), Fiber):
        return current_kernel(), current_process()
    return getattr(threading.current_thread(), "_workcell_origin", None)


def _only_spins(thread: threading.Thread) -> bool:
    target = getattr(thread, "_target", None)
    while isinstance(target, partial):
        target = target.func
    module = getattr(target, "__module__", None) or ""
    return module.split(".")[0] == "rclpy" and "spin" in getattr(target, "__name__", "")


def _start_as_fiber(thread: Any, kernel: Kernel, process: Process) -> None:
    """Run a thread object in a fiber; ``is_alive`` and ``join`` work as on a thread."""
    finished: list[Waiter] = []

    def run() -> None:
        try:
            thread.run()
        finally:
            for waiter in finished:
                waiter.wake()

    fiber = process.start_fiber(run)

    def join(timeout: float | None = None) -> None:
        waiter = Waiter(kernel)
        finished.append(waiter)
        end_ns = None if timeout is None else kernel.now_ns() + int(timeout * 1e9)
        while not fiber.dead and (end_ns is None or kernel.now_ns() < end_ns):
            kernel.wait(waiter, end_ns)

    thread.is_alive = lambda: not fiber.dead
    thread.join = join


def _sleep(seconds: float) -> None:
    kernel = _kernel_to_sleep_on()
    if kernel is None:
        _real_sleep(seconds)
    else:
        kernel.sleep(int(seconds * 1e9))


def _kernel_to_sleep_on() -> Kernel | None:
    entered = _entered.get()
    fiber = getcurrent()
    if isinstance(fiber, Fiber):
        kernel: Kernel | None = fiber.kernel if entered is None else entered
    else:
        kernel = explicit_default() if entered is None else entered
        if kernel is not None and not kernel.kernel_is_clock:
            return None
    if kernel is None or kernel.closed or not kernel.may_wait():
        return None
    return kernel
