"""Handlers for log records: Python's own, and one that follows the current standard output."""

from __future__ import annotations

import sys
from logging import FileHandler, Handler, StreamHandler
from typing import TextIO

__all__ = ["FileHandler", "Handler", "ScreenHandler", "StreamHandler"]


class ScreenHandler(StreamHandler[TextIO]):
    """Writes to what ``sys.stdout`` is at that moment: tests and programs redirect it."""

    def __init__(self) -> None:
        super().__init__(sys.stdout)

    @property
    def stream(self) -> TextIO:
        """Standard output."""
        return sys.stdout

    @stream.setter
    def stream(self, stream: TextIO) -> None:
        """Accept what the base class sets at construction; it is never used."""
