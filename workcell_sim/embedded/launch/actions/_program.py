"""What a running program is to the launch system, whatever executes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

# Called with the file descriptor (1 or 2) and the data that the program wrote to it.
OutputCallback = Callable[[int, bytes], None]
# Called with the program's return code when it has ended.
ExitCallback = Callable[[int], None]


class Program(Protocol):
    """A program that was started and can be sent signals."""

    @property
    def pid(self) -> int:
        """Its number."""

    def send_signal(self, signal_number: int) -> None:
        """Send it a signal; nothing happens if it has ended."""
