"""The seam to the storage formats: what a storage file must be able to do, and which ones there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from mcap.writer import CompressionType

from workcell_console.bag.mcap_storage import McapFile
from workcell_console.bag.sqlite_storage import SqliteFile
from workcell_console.bag.topics import Topic


class StorageFile(Protocol):
    """One file being written."""

    def add_topic(self, topic: Topic) -> None:
        """Announces a topic; once, before its first message."""

    def write(self, topic: str, stamp_ns: int, data: bytes) -> None:
        """Appends a message of an announced topic."""

    def size_bytes(self) -> int:
        """Returns about how large the file would be now."""

    def close(self, metadata: str) -> None:
        """Completes the file with the bag's metadata inside."""


STORAGES: Final[Mapping[str, Callable[[Path], StorageFile]]] = {"mcap": McapFile, "sqlite3": SqliteFile}
COMPRESSED: Final[Mapping[str, Callable[[Path], StorageFile]]] = {
    "mcap": partial(McapFile, compression=CompressionType.ZSTD)
}
"""Those that can be compressed, chunk by chunk, in a way that all of ROS 2's tools read."""
SUFFIXES: Final[Mapping[str, str]] = {"mcap": ".mcap", "sqlite3": ".db3"}
