"""The cutting of a program's output into lines for its logger."""

from __future__ import annotations

import logging
from typing import Any


class OutputLines:
    """Takes one stream of a program: logs each line by `output_format`, keeps all if `cached`."""

    def __init__(self, logger: logging.Logger, output_format: str, action: Any, cached: bool) -> None:
        self._logger = logger
        self._format = output_format
        self._action = action
        self._cached = cached
        self._rest = ""
        self._text: list[str] = []

    @property
    def text(self) -> str:
        """All that came so far; empty unless cached."""
        return "".join(self._text)

    def feed(self, data: bytes) -> None:
        """Take data and log the lines that it completes."""
        text = data.decode(errors="replace")
        if self._cached:
            self._text.append(text)
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._log(line.removesuffix("\r"))

    def flush(self) -> None:
        """Log what came after the last line end."""
        if self._rest:
            self._log(self._rest)
            self._rest = ""

    def _log(self, line: str) -> None:
        self._logger.info("%s", self._format.format(line=line, this=self._action))
