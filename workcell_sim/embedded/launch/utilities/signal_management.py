"""Signals, handled within an event loop rather than at any instant."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from types import FrameType
from typing import Any


class AsyncSafeSignalManager:
    """Calls signal handlers from an event loop while it is entered as a context manager."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.__loop = loop
        self.__handlers: dict[int, Callable[[int], Any]] = {}
        self.__replaced: dict[int, Any] = {}
        self.__entered = False

    def __enter__(self) -> AsyncSafeSignalManager:
        self.__entered = True
        for signum in self.__handlers:
            self.__install(signum)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.__entered = False
        for signum in list(self.__replaced):
            self.__restore(signum)

    def handle(self, signum: signal.Signals | int, handler: Callable[[int], Any] | None) -> Callable[[int], Any] | None:
        """Set the handler of a signal, or with None remove it; return the one before."""
        number = int(signum)
        previous = self.__handlers.pop(number, None)
        if handler is not None:
            self.__handlers[number] = handler
            if self.__entered and previous is None:
                self.__install(number)
        elif self.__entered and previous is not None:
            self.__restore(number)
        return previous

    def __install(self, signum: int) -> None:
        self.__replaced[signum] = signal.signal(signum, self.__on_signal)

    def __restore(self, signum: int) -> None:
        signal.signal(signum, self.__replaced.pop(signum))

    def __on_signal(self, signum: int, frame: FrameType | None) -> None:
        # Python may run this between any two steps of the loop, so it only leaves word.
        self.__loop.call_soon_threadsafe(self.__deliver, signum)

    def __deliver(self, signum: int) -> None:
        handler = self.__handlers.get(signum)
        if handler is not None:
            handler(signal.Signals(signum))
