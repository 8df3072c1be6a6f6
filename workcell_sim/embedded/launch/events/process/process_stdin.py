"""The event of data for standard input of a process."""

from __future__ import annotations

from typing import Any

from .process_io import ProcessIO


class ProcessStdin(ProcessIO):
    """Data for standard input."""

    name = "launch.events.process.ProcessStdin"

    def __init__(self, *, text: bytes, **kwargs: Any) -> None:
        super().__init__(text=text, fd=0, **kwargs)
