"""The event of data on one of a process's standard streams."""

from __future__ import annotations

from typing import Any

from .running_process_event import RunningProcessEvent


class ProcessIO(RunningProcessEvent):
    """Data passed over one of the standard streams; `fd` is 0, 1 or 2."""

    name = "launch.events.process.ProcessIO"

    def __init__(self, *, text: bytes, fd: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.__text = text
        self.__from_fd = fd

    @property
    def text(self) -> bytes:
        """The data."""
        return self.__text

    @property
    def from_stdin(self) -> bool:
        """Whether the data went into standard input."""
        return self.__from_fd == 0

    @property
    def from_stdout(self) -> bool:
        """Whether the data came from standard output."""
        return self.__from_fd == 1

    @property
    def from_stderr(self) -> bool:
        """Whether the data came from standard error."""
        return self.__from_fd == 2
