"""Processes of a kernel: programs whose ``main()`` runs in its own greenlet."""

from __future__ import annotations

import os
import signal as signal_module
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextvars import Context, copy_context
from functools import partial
from typing import TYPE_CHECKING, Any

from greenlet import greenlet

from .errors import ProcessKilledError
from .waiter import Waiter

if TYPE_CHECKING:
    from .kernel import Kernel

SIGINT = int(signal_module.SIGINT)
SIGTERM = int(signal_module.SIGTERM)
SIGKILL = int(signal_module.SIGKILL)


class Fiber(greenlet):
    """A greenlet that belongs to a process; blocking calls inside it switch to the kernel."""

    def __init__(self, process: Process, run: Callable[[], object]) -> None:
        super().__init__(run)
        self.process = process
        self.kernel = process.kernel
        self.waiter: Waiter | None = None
        self.pending_exception: BaseException | None = None


class Process:
    """One program: own argv, environment, module-level ROS state, nodes and exit code.

    Attributes:
        pid: number unique in the kernel.
        exit_code: ``None`` while it runs; negative signal number if a signal ended it, as in :mod:`subprocess`.
        globals: what the ROS library keeps once per process (default context, global executor, log levels).
        on_switch_in, on_switch_out: called around every stretch of execution, e.g. to redirect standard output.
    """

    def __init__(
        self,
        kernel: Kernel,
        pid: int,
        main: Callable[[], object],
        argv: Sequence[str],
        name: str,
        env: Mapping[str, str],
    ) -> None:
        self.kernel = kernel
        self.pid = pid
        self.name = name
        self.argv = list(argv)
        self.env = dict(env)
        self.exit_code: int | None = None
        self.globals: dict[str, Any] = {}
        self.on_switch_in: Callable[[], None] | None = None
        self.on_switch_out: Callable[[], None] | None = None
        self.signal_handlers: dict[int, Callable[[int], bool]] = {}
        self._main = main
        self._exit_callbacks: list[tuple[Context, Callable[[Process], object]]] = []
        self._teardowns: list[Callable[[], None]] = []
        self._fibers: set[Fiber] = set()
        self._saved: tuple[list[str], dict[str, str | None]] | None = None
        self._main_fiber = self.start_fiber(self._run_main)

    @property
    def alive(self) -> bool:
        return self.exit_code is None

    def start_fiber(self, run: Callable[[], object]) -> Fiber:
        """Begin another line of execution in this process; it runs when the kernel gets to it."""
        holder: list[Fiber] = []

        def body() -> None:
            try:
                run()
            except ProcessKilledError:
                pass
            except BaseException:
                # As in a thread of its own: nobody is there to catch it.
                traceback.print_exc()
            finally:
                self._fibers.discard(holder[0])

        fiber = Fiber(self, body)
        holder.append(fiber)
        self._fibers.add(fiber)
        waiter = Waiter(self.kernel)
        waiter.fiber = fiber
        fiber.waiter = waiter
        waiter.parked = True
        waiter.wake()
        return fiber

    def on_exit(self, callback: Callable[[Process], object]) -> None:
        """Call ``callback(process)`` when the process has ended (at once if it already has).

        As with the callbacks of an asyncio future, it finds the context variables as they are here: the event that
        calls it may run in any process, and the kernel in use is such a variable.
        """
        context = copy_context()
        if self.exit_code is not None:
            self.kernel.call_soon(partial(context.run, callback, self))
        else:
            self._exit_callbacks.append((context, callback))

    def add_teardown(self, teardown: Callable[[], None]) -> None:
        """Register what removes this process's traces from the graph when it ends or is killed."""
        self._teardowns.append(teardown)

    def signal(self, number: int) -> None:
        """Deliver a signal: SIGINT interrupts with ``KeyboardInterrupt`` after registered handlers, SIGKILL kills."""
        if not self.alive:
            return
        if number == SIGKILL:
            self.kill()
            return
        handler = self.signal_handlers.get(number)
        handled = handler(number) if handler is not None else False
        if number == SIGINT:
            self._interrupt(KeyboardInterrupt())
        elif not handled:
            self._end(-number)
            self._throw_into_fibers()

    def kill(self) -> None:
        """End at once: nodes vanish from the graph and no clean-up of the program has any effect."""
        if self.alive:
            self._end(-SIGKILL)
            self._throw_into_fibers()

    def _interrupt(self, error: BaseException) -> None:
        fiber = self._main_fiber
        fiber.pending_exception = error
        if fiber.waiter is not None:
            fiber.waiter.wake()

    def _throw_into_fibers(self) -> None:
        for fiber in list(self._fibers):
            if fiber.dead or not fiber:
                # Never started: nothing to unwind.
                self._fibers.discard(fiber)
                continue
            fiber.pending_exception = ProcessKilledError()
            if fiber.waiter is not None:
                fiber.waiter.wake()

    def _run_main(self) -> None:
        try:
            self._main()
            code = 0
        except SystemExit as error:
            code = _exit_code_of(error)
        except KeyboardInterrupt:
            traceback.print_exc()
            code = -SIGINT
        except ProcessKilledError:
            return
        except Exception:
            traceback.print_exc()
            code = 1
        if self.alive:
            self._end(code)
            self._throw_into_fibers()

    def _end(self, code: int) -> None:
        self.exit_code = code
        for teardown in reversed(self._teardowns):
            teardown()
        self._teardowns.clear()
        callbacks, self._exit_callbacks = self._exit_callbacks, []
        for context, callback in callbacks:
            self.kernel.call_soon(partial(context.run, callback, self))
        self.kernel.process_ended(self)

    def enter(self) -> None:
        """Make argv and environment those of this process (called by the kernel before it runs a fiber)."""
        saved_env = {key: os.environ.get(key) for key in self.env}
        self._saved = (sys.argv, saved_env)
        sys.argv = self.argv
        os.environ.update(self.env)
        if self.on_switch_in is not None:
            self.on_switch_in()

    def leave(self) -> None:
        """Put argv and environment of the surrounding program back."""
        if self.on_switch_out is not None:
            self.on_switch_out()
        if self._saved is None:
            return
        argv, saved_env = self._saved
        self.argv, sys.argv = sys.argv, argv
        for key, value in saved_env.items():
            if value is None:
                os.environ.pop(key, None)
            else:
                os.environ[key] = value
        self._saved = None


def _exit_code_of(error: SystemExit) -> int:
    if error.code is None:
        return 0
    if isinstance(error.code, int):
        return error.code
    print(error.code, file=sys.stderr)
    return 1
