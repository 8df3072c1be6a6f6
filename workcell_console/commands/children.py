"""Processes that a command starts beside itself: none outlives it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO

STOP_TIMEOUT_S = 20.0


def virtual_run(*options: str) -> list[str]:
    """Returns the command line of a quiet shift on virtual time, in a process of its own that starts from nothing.

    Args:
        options: further ones of `workcell run`.
    """
    command = [sys.executable, "-m", "workcell_console.main", "run"]
    return [*command, "--clock", "virtual", "--quiet", "--no-compare", *options]


def start(command: Sequence[str], log: IO[bytes] | None = None) -> subprocess.Popen[bytes]:
    """Starts a process that hears Ctrl-C from `stop` alone: from the terminal as well it would hear it twice."""
    errors = subprocess.STDOUT if log is not None else None
    return subprocess.Popen(command, stdout=log, stderr=errors, start_new_session=True)


def stop(*processes: subprocess.Popen[bytes]) -> None:
    """Asks processes to stop safely and waits until they have; one that does not is killed."""
    with _deaf():
        running = [process for process in processes if process.poll() is None]
        for process in running:
            process.send_signal(signal.SIGINT)
        for process in running:
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def _deaf() -> Iterator[None]:
    """Lets no impatient second Ctrl-C leave a process behind."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
