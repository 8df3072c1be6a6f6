"""The one seam between the historian and where it writes."""

from __future__ import annotations

from typing import Protocol

from workcell_ros.errors import WorkcellError
from workcell_sensors.historian.records import Batch


class StoreDownError(WorkcellError):
    """The store cannot be written now; the same batch may well be written later."""


class Store(Protocol):
    """Writes batches, each exactly once: one that was written already, wholly or in part, is completed, not repeated.

    Called from one thread at a time, but for `abandon`.
    """

    def last_number(self) -> int:
        """Returns a number that no record in the store exceeds, 0 for an empty one.

        Raises:
            StoreDownError: it cannot be asked now.
        """

    def write(self, batch: Batch) -> None:
        """Writes a batch; when this returns it outlives a loss of power.

        Raises:
            StoreDownError: nothing may be taken as written.
        """

    def maintain(self, now_ns: int) -> None:
        """Merges small files, removes what is older than its retention.

        Raises:
            StoreDownError: it cannot be done now.
        """

    def abandon(self) -> None:
        """From another thread: makes a call that waits for the store fail with StoreDownError, if that can be."""

    def close(self) -> None:
        """Gives up its connection or lock."""
