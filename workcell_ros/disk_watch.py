"""What a node does without where the disk takes nothing. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class DiskWatch:
    """Lets a node live on where what it keeps for its convenience cannot be written, and says so once.

    What must not be lost (ledger, audit log) is no convenience: there the node has to stop.

    Args:
        warn: says that something is not kept.
        tell: says that it is kept again.
    """

    def __init__(self, warn: Callable[[str], object], tell: Callable[[str], object]) -> None:
        self._warn = warn
        self._tell = tell
        self._unkept: set[str] = set()

    @contextmanager
    def without(self, what: str) -> Iterator[None]:
        """Does without what is written within, named `what` for a person, where the disk does not take it."""
        try:
            yield
        except OSError as error:
            if what not in self._unkept:
                self._unkept.add(what)
                self._warn(f"{what} cannot be kept: {error}")
            return
        if what in self._unkept:
            self._unkept.remove(what)
            self._tell(f"{what} is kept again")
