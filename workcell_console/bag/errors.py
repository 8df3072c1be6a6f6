"""What can be wrong with a bag."""

from __future__ import annotations

from pathlib import Path

from workcell_ros.errors import WorkcellError


class BagError(WorkcellError):
    """A bag cannot be read or written; one line that names file, place and remedy."""

    def __init__(self, path: str | Path, problem: str, remedy: str) -> None:
        self.path = str(path)
        super().__init__(f"{path}: {problem}; {remedy}")
