"""The one family of errors that workcell raises for what a person can put right."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


class WorkcellError(Exception):
    """Base of every error workcell raises; its text is one line that names a remedy."""


class ConfigError(WorkcellError):
    """A configured value cannot be used.

    Args:
        file: where the value stands.
        key: the dotted key, tag or line inside the file.
        problem: what is wrong with it, with the offending value.
        valid: what would have been accepted.
    """

    def __init__(self, file: str | Path, key: str, problem: str, valid: str | Iterable[str]) -> None:
        self.file = str(file)
        self.key = key
        self.problem = problem
        self.valid = valid if isinstance(valid, str) else ", ".join(map(str, valid))
        super().__init__(f"{self.file}: {key}: {problem}; valid: {self.valid}")


class PortError(WorkcellError):
    """A port cannot be bound; names the port, its user and the remedy."""

    def __init__(self, what: str, host: str, port: int, reason: str) -> None:
        self.port = port
        super().__init__(
            f"{what}: cannot listen on {host}:{port} ({reason}); free the port or set another "
            "(0 picks a free one), at an address of this machine"
        )
