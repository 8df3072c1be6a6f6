"""The worker's process: a Python module with pipes for input and output, started anew or as a copy of this process."""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import IO, Protocol


class Worker(Protocol):
    """What is needed of a process, as `subprocess.Popen` has it."""

    @property
    def pid(self) -> int:
        """Its number, and that of its session."""

    @property
    def stdin(self) -> IO[bytes] | None:
        """What it reads."""

    @property
    def stdout(self) -> IO[bytes] | None:
        """What it writes."""

    def poll(self) -> int | None:
        """Its exit code, None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, once it has ended.

        Raises:
            subprocess.TimeoutExpired: it did not end in time.
        """


def start_process(command: Sequence[str], environment: Mapping[str, str]) -> Worker:
    """Starts `python -m command` with `environment` laid over this process' own."""
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **environment},
        # A Ctrl-C in the terminal is for the cell, which then ends its worker in order.
        start_new_session=True,
    )


def can_copy() -> bool:
    """Returns whether this process can be copied: it has no threads that the copy would lack."""
    return threading.active_count() == 1 and hasattr(os, "pidfd_open")


def start_copy(command: Sequence[str], environment: Mapping[str, str]) -> Worker:
    """Calls the `main(arguments)` of the module in a copy of this process; see `can_copy`."""
    requests, stdin = os.pipe()
    stdout, answers = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            _become(requests, answers, environment)
            import_module(command[0]).main(command[1:])
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        except BaseException:
            # Straight to the descriptor: what sys.stderr stands for in the parent may be closed here.
            os.write(2, traceback.format_exc().encode())
        finally:
            # Nothing of the parent's may be cleaned up or flushed here.
            os._exit(code)
    os.close(requests)
    os.close(answers)
    return _Copy(pid, os.fdopen(stdin, "wb"), os.fdopen(stdout, "rb"))


def _become(requests: int, answers: int, environment: Mapping[str, str]) -> None:
    """Makes the copy a process of its own, with nothing open but its pipes and what it says to the terminal."""
    os.setsid()
    os.dup2(requests, 0)
    os.dup2(answers, 1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:
            # Not closed, so that the numbers stay taken: the parent's files, once collected here, close theirs.
            with contextlib.suppress(OSError):
                os.dup2(nothing, int(name))
    os.environ.update(environment)
    tempfile.tempdir = None


class _Copy:
    """A copy of this process, as a worker."""

    def __init__(self, pid: int, stdin: IO[bytes], stdout: IO[bytes]) -> None:
        self.pid = pid
        self.stdin: IO[bytes] | None = stdin
        self.stdout: IO[bytes] | None = stdout
        self._code: int | None = None

    def poll(self) -> int | None:
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        if self._code is None:
            # Not by sleeping: in virtual time that would take none.
            handle = os.pidfd_open(self.pid)
            try:
                if not select.select([handle], [], [], timeout)[0]:
                    raise subprocess.TimeoutExpired(f"copy {self.pid}", timeout or 0.0)
            finally:
                os.close(handle)
            self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._code
