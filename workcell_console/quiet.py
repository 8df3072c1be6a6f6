"""Keeps what a running cell prints out of the terminal: it goes to a log file, and the terminal stays calm."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def printed_to(path: Path) -> Iterator[TextIO]:
    """Sends all that is printed, by threads and libraries too, to a file; yields a stream to the terminal itself."""
    _flush()
    kept = [os.dup(number) for number in (1, 2)]
    with path.open("ab") as log, os.fdopen(os.dup(2), "w", encoding="utf-8", buffering=1) as terminal:
        for number in (1, 2):
            os.dup2(log.fileno(), number)
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                # Who watches the log sees each line as it is printed.
                stream.reconfigure(line_buffering=True)
        try:
            yield terminal
        finally:
            _flush()
            for number, copy in zip((1, 2), kept, strict=True):
                os.dup2(copy, number)
                os.close(copy)


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()


class LogTail:
    """Reads what is new in a log file, whole lines only."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def lines(self) -> list[str]:
        """Returns the lines that came since the last call."""
        if not self._path.is_file():
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        return whole.decode("utf-8", errors="replace").splitlines()
