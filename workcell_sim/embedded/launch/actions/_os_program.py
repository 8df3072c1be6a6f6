"""Programs that run as processes of the operating system."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import subprocess
import threading
from collections.abc import Callable
from typing import Any

from ._program import ExitCallback, OutputCallback

_CHUNK_BYTES_MAX = 65_536
# Grandchildren may keep the pipes open after the process itself has ended.
_LAST_OUTPUT_TIMEOUT_S = 0.5


class OsProgram:
    """A child process whose output and end are told to an event loop.

    Three threads wait for it (one for each pipe, one for its end): an event loop on a kernel
    watches no file descriptors.
    """

    def __init__(
        self,
        cmd: list[str],
        *,
        cwd: str | None,
        env: dict[str, str] | None,
        shell: bool,
        emulate_tty: bool,
        loop: asyncio.AbstractEventLoop,
        on_output: OutputCallback,
        on_exit: ExitCallback,
    ) -> None:
        self._loop = loop
        self._on_output = on_output
        self._on_exit = on_exit
        pipes = [_open_terminal() if emulate_tty else os.pipe() for _ in range(2)]
        try:
            self._process = subprocess.Popen(
                " ".join(cmd) if shell else cmd,
                cwd=cwd,
                env=env,
                shell=shell,
                stdin=subprocess.PIPE,
                stdout=pipes[0][1],
                stderr=pipes[1][1],
            )
        except BaseException:
            for read_end, _ in pipes:
                os.close(read_end)
            raise
        finally:
            for _, write_end in pipes:
                os.close(write_end)
        readers = [
            threading.Thread(target=self._read, args=(fd, read_end), daemon=True)
            for fd, (read_end, _) in enumerate(pipes, start=1)
        ]
        for reader in readers:
            reader.start()
        threading.Thread(target=self._wait, args=(readers,), daemon=True).start()

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def send_signal(self, signal_number: int) -> None:
        """Send a signal; nothing happens if the process has ended."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal_number)

    def _read(self, fd: int, read_end: int) -> None:
        with os.fdopen(read_end, "rb", buffering=0) as pipe:
            while True:
                try:
                    data = pipe.read(_CHUNK_BYTES_MAX)
                except OSError:
                    # How a pseudo-terminal says that its other end was closed.
                    return
                if not data:
                    return
                self._tell(self._on_output, fd, data)

    def _wait(self, readers: list[threading.Thread]) -> None:
        returncode = self._process.wait()
        for reader in readers:
            reader.join(_LAST_OUTPUT_TIMEOUT_S)
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        self._tell(self._on_exit, returncode)

    def _tell(self, callback: Callable[..., None], *args: Any) -> None:
        # The loop is closed where a program outlives its launch service.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(callback, *args)


def _open_terminal() -> tuple[int, int]:
    """Return the reading and the writing end of a pseudo-terminal."""
    master, slave = pty.openpty()
    return master, slave
