"""The error of a file that cannot be launched."""

from __future__ import annotations

from collections.abc import Sequence


class InvalidLaunchFileError(Exception):
    """A launch file is of an unknown kind, or loading its content failed."""

    def __init__(self, extension: str = "", *, likely_errors: Sequence[Exception] | None = None) -> None:
        self._extension = extension
        self._likely_errors = list(likely_errors or [])
        super().__init__(self._message())
        if self._likely_errors:
            self.__cause__ = self._likely_errors[0]

    def _message(self) -> str:
        if not self._extension or not self._likely_errors:
            return "The launch file may have a syntax error, or its format is unknown"
        many = len(self._likely_errors) > 1
        lines = [
            f"Caught {'multiple exceptions' if many else 'exception'} "
            f"when trying to load file of format [{self._extension}]:"
        ]
        lines += [f" - {type(error).__name__}: {error}" for error in self._likely_errors]
        return "\n".join(lines)
