"""Nodes that run as processes of the kernel."""

from __future__ import annotations

import asyncio
import io
import sys
import threading
from collections.abc import Mapping, Sequence

from launch.actions._program import ExitCallback, OutputCallback

from workcell_sim.embedded._kernel import Kernel, Process

from .._executables import PythonProgram


class KernelProgram:
    """A program in a process of the kernel, whose output and end are told to an event loop."""

    def __init__(
        self,
        program: PythonProgram,
        arguments: Sequence[str],
        *,
        name: str,
        env: Mapping[str, str],
        loop: asyncio.AbstractEventLoop,
        on_output: OutputCallback,
        on_exit: ExitCallback,
    ) -> None:
        self._loop = loop
        self._on_exit = on_exit
        streams = [_OutputStream(fd, loop, on_output) for fd in (1, 2)]
        self._stdout, self._stderr = streams
        self._saved = (sys.stdout, sys.stderr)
        self._process: Process = Kernel.current().spawn(program.main, [program.path, *arguments], name=name, env=env)
        self._process.on_switch_in = self._redirect
        self._process.on_switch_out = self._restore
        self._process.on_exit(self._ended)

    @property
    def pid(self) -> int:
        """The process's number within the kernel."""
        return self._process.pid

    def send_signal(self, signal_number: int) -> None:
        """Send a signal; nothing happens if the process has ended."""
        self._process.signal(signal_number)

    def _redirect(self) -> None:
        self._saved = (sys.stdout, sys.stderr)
        sys.stdout, sys.stderr = self._stdout, self._stderr

    def _restore(self) -> None:
        sys.stdout, sys.stderr = self._saved

    def _ended(self, process: Process) -> None:
        self._loop.call_soon(self._on_exit, process.exit_code)


class _OutputStream(io.TextIOBase):
    """What a program in the kernel has for standard output or standard error."""

    def __init__(self, fd: int, loop: asyncio.AbstractEventLoop, on_output: OutputCallback) -> None:
        super().__init__()
        self._fd = fd
        self._loop = loop
        self._on_output = on_output
        self._thread = threading.get_ident()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """How text becomes bytes."""
        return "utf-8"

    def writable(self) -> bool:
        """Whether it can be written to."""
        return True

    def write(self, text: str) -> int:
        """Hand text to the event loop: what it is logged to must not be this stream itself."""
        if self._loop.is_closed():
            return len(text)
        in_loop_thread = threading.get_ident() == self._thread
        call = self._loop.call_soon if in_loop_thread else self._loop.call_soon_threadsafe
        call(self._on_output, self._fd, text.encode(errors="replace"))
        return len(text)
