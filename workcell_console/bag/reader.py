"""Reads a bag, whoever wrote it: MCAP or sqlite3, one file or many, with or without ``metadata.yaml``."""

from __future__ import annotations

import heapq
import sqlite3
import struct
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import apsw
from rosbags.interfaces import Qos
from rosbags.rosbag2 import Reader, ReaderError

from workcell_console.bag.errors import BagError
from workcell_console.bag.index import BagIndex, find_files
from workcell_console.bag.integrity import find_fault
from workcell_console.bag.topics import NS_PER_S, QosRecord

RECOVER: Final = {
    ".mcap": "save what is left with 'mcap recover', or record it again",
    ".db3": "save what is left with 'sqlite3 BAG .recover', or record it again",
}
_LIBRARY_ERRORS: Final = (
    ReaderError,
    apsw.Error,
    sqlite3.Error,
    struct.error,
    KeyError,
    ValueError,
    TypeError,
    EOFError,
    OSError,
    MemoryError,
    OverflowError,
)
"""What the libraries raise on content that is damaged in a way no checksum covers; a length, too, may be any number."""


class BagMessage(NamedTuple):
    """One recorded message; ``data`` is CDR with its header."""

    topic: str
    type: str
    stamp_ns: int
    data: bytes


@dataclass(frozen=True)
class RecordedTopic:
    """A topic of a bag."""

    name: str
    type: str
    message_count: int
    type_hash: str
    definition: str
    qos: tuple[QosRecord, ...]


class BagReader:
    """An open bag; a context manager that closes it.

    All storage files are checked from end to end before the first message is given, so that a damaged bag is refused
    as a whole.

    Args:
        path: A bag's directory, or one storage file.

    Raises:
        BagError: There is no bag, or it is damaged; the text names file, place and remedy.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        index = find_files(path)
        self._stack = ExitStack()
        try:
            self._readers = self._open(index)
            self.topics: tuple[RecordedTopic, ...] = self._told_topics(index)
        except BaseException:
            self._stack.close()
            raise

    def _open(self, index: BagIndex) -> list[Reader]:
        # Compressed bags are unpacked by the library, which needs the whole directory for that.
        paths = [self._path] if index.compression else list(index.files)
        readers = []
        for path in paths:
            if not index.compression:
                _refuse_damaged(path)
            try:
                readers.append(self._stack.enter_context(Reader(path)))
            except _LIBRARY_ERRORS as error:
                raise _unreadable(path, error) from None
        return readers

    def _told_topics(self, index: BagIndex) -> tuple[RecordedTopic, ...]:
        try:
            return tuple(_collect(self._readers, index))
        except _LIBRARY_ERRORS as error:
            # The library takes the quality of service for what it says, a number or not.
            raise _unreadable(self._path, error) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes all files."""
        self._stack.close()

    @property
    def message_count(self) -> int:
        """Messages in the bag."""
        return sum(topic.message_count for topic in self.topics)

    @property
    def start_ns(self) -> int:
        """Stamp of the earliest message, 0 without any."""
        return min((reader.start_time for reader in self._readers if reader.message_count), default=0)

    @property
    def end_ns(self) -> int:
        """Stamp of the latest message, 0 without any."""
        # The library gives the first instant after it.
        return max((reader.end_time - 1 for reader in self._readers if reader.message_count), default=0)

    def messages(
        self, topics: Collection[str] | None = None, start_ns: int | None = None, stop_ns: int | None = None
    ) -> Iterator[BagMessage]:
        """Yields messages in the order of their stamps, of several files as well.

        Args:
            topics: Topics to read, all where not given.
            start_ns: First stamp.
            stop_ns: Stamp before which to end.

        Raises:
            BagError: A topic is not in the bag, or a message cannot be read.
        """
        self._refuse_unknown(topics)
        streams = [self._of_file(reader, topics, start_ns, stop_ns) for reader in self._readers]
        return heapq.merge(*streams, key=lambda message: message.stamp_ns)

    def _refuse_unknown(self, topics: Collection[str] | None) -> None:
        known = [topic.name for topic in self.topics]
        for name in topics or ():
            if name not in known:
                raise BagError(self._path, f"has no topic {name}", f"it has {', '.join(sorted(known)) or 'none'}")

    @staticmethod
    def _of_file(
        reader: Reader, topics: Collection[str] | None, start_ns: int | None, stop_ns: int | None
    ) -> Iterator[BagMessage]:
        connections = [item for item in reader.connections if topics is None or item.topic in topics]
        if not connections:
            return
        try:
            for connection, stamp_ns, data in reader.messages(connections, start_ns, stop_ns):
                yield BagMessage(connection.topic, connection.msgtype, stamp_ns, bytes(data))
        except _LIBRARY_ERRORS as error:
            raise _unreadable(Path(str(reader.path)), error) from None


def _refuse_damaged(path: Path) -> None:
    try:
        fault = find_fault(path)
    except OSError as error:
        raise BagError(path, f"cannot be opened ({error.strerror})", "check its permissions") from None
    if fault is not None:
        raise BagError(path, f"damaged at byte {fault.offset_bytes}: {fault.reason}", RECOVER[path.suffix])


def _unreadable(path: Path, error: Exception) -> BagError:
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    return BagError(path, f"cannot be read ({reason})", RECOVER.get(path.suffix, "record it again"))


def _collect(readers: list[Reader], index: BagIndex) -> Iterator[RecordedTopic]:
    """Sums the topics up over all files, in the order they first come up."""
    connections: dict[str, list[Any]] = {}
    for reader in readers:
        for connection in reader.connections:
            connections.setdefault(connection.topic, []).append(connection)
    for name, parts in connections.items():
        definition = next((part.msgdef.data for part in parts if part.msgdef.data), "")
        profiles = next((part.ext.offered_qos_profiles for part in parts if part.ext.offered_qos_profiles), ())
        yield RecordedTopic(
            name,
            parts[0].msgtype,
            sum(part.msgcount for part in parts),
            next((part.digest for part in parts if part.digest), index.type_hashes.get(name, "")),
            definition,
            tuple(_qos(profile) for profile in profiles),
        )


def _qos(profile: Qos) -> QosRecord:
    return QosRecord(
        profile.history.name.lower(),
        int(profile.depth),
        profile.reliability.name.lower(),
        profile.durability.name.lower(),
        _nanoseconds(profile.deadline),
        _nanoseconds(profile.lifespan),
        profile.liveliness.name.lower(),
        _nanoseconds(profile.liveliness_lease_duration),
    )


def _nanoseconds(duration: Any) -> int:
    return int(duration.sec) * NS_PER_S + int(duration.nsec)
