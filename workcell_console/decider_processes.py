"""The processes of a replay's deciders: each can be killed and made to stand still, and none outlives the replay."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Sequence
from functools import partial

from workcell_console.commands import children


class DeciderProcesses:
    """Programs by name."""

    def __init__(self) -> None:
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._stalled: set[subprocess.Popen[bytes]] = set()

    @property
    def awake(self) -> dict[str, subprocess.Popen[bytes]]:
        """Those that do not stand still."""
        return {name: process for name, process in self._running.items() if process not in self._stalled}

    def start(self, name: str, command: Sequence[str]) -> subprocess.Popen[bytes]:
        """Starts a program."""
        process = self._running[name] = children.start(command)
        return process

    def kill(self, name: str) -> None:
        """Ends one without warning, also while it stands still."""
        process = self._running.pop(name)
        self._stalled.discard(process)
        process.kill()
        process.wait()

    def stall(self, name: str) -> Callable[[], None]:
        """Lets one stand still; returns what lets it go on, and does nothing where it was killed meanwhile."""
        process = self._running[name]
        self._stalled.add(process)
        process.send_signal(signal.SIGSTOP)
        return partial(self._go_on, process)

    def stop(self, *others: subprocess.Popen[bytes]) -> None:
        """Ends all and waits until they have ended; `others` too."""
        for process in list(self._stalled):
            self._go_on(process)
        children.stop(*self._running.values(), *others)

    def _go_on(self, process: subprocess.Popen[bytes]) -> None:
        if process in self._stalled:
            self._stalled.remove(process)
            process.send_signal(signal.SIGCONT)
