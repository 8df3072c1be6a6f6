"""Writes a bag: a directory with storage files and ``metadata.yaml``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from workcell_console.bag.errors import BagError
from workcell_console.bag.metadata import FileSummary, bag_information, metadata_text, storage_metadata_text
from workcell_console.bag.storage import COMPRESSED, STORAGES, SUFFIXES, StorageFile
from workcell_console.bag.topics import Topic

METADATA_FILE: Final = "metadata.yaml"
NAMES_BAG_ELSEWHERE: Final = "name another directory or remove this one"


@dataclass(frozen=True)
class BagLimits:
    """Where a bag is cut; 0 is no limit.

    Attributes:
        file_bytes_max: A file that holds as many bytes of messages is followed by the next one.
        file_duration_ns_max: A file that spans as much time is followed by the next one.
    """

    file_bytes_max: int = 0
    file_duration_ns_max: int = 0


class BagWriter:
    """Writes one bag; a context manager that closes it, and removes nothing on errors.

    The same topics and messages in the same order give the same bytes.

    Args:
        path: Directory to make.
        storage_id: ``mcap`` or ``sqlite3``.
        limits: Where to cut.
        compress: Whether to compress, which only ``mcap`` can.

    Raises:
        BagError: The directory exists already or cannot be made, or the storage is not known.
    """

    def __init__(
        self, path: Path, storage_id: str = "mcap", limits: BagLimits | None = None, compress: bool = False
    ) -> None:
        known = COMPRESSED if compress else STORAGES
        if storage_id not in known:
            raise BagError(path, f"unknown storage {storage_id!r}", f"choose one of {', '.join(known)}")
        self._make_file = known[storage_id]
        self._path = path
        self._storage_id = storage_id
        self._limits = limits or BagLimits()
        self._topics: dict[str, Topic] = {}
        self._files: list[FileSummary] = []
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            raise BagError(path, "exists already", NAMES_BAG_ELSEWHERE) from None
        except OSError as error:
            raise BagError(path, f"cannot be made ({error.strerror})", NAMES_BAG_ELSEWHERE) from None
        self._file = self._next_file()
        self._is_open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def message_count(self) -> int:
        """Messages written so far."""
        return sum(item.message_count for item in self._files)

    def add_topic(self, topic: Topic) -> None:
        """Announces a topic; announcing it again changes nothing."""
        if topic.name not in self._topics:
            self._topics[topic.name] = topic
            self._file.add_topic(topic)

    def write(self, topic: str, stamp_ns: int, data: bytes) -> None:
        """Records a message.

        Args:
            topic: Name of an announced topic.
            stamp_ns: When it was received.
            data: The message as CDR, header included.

        Raises:
            BagError: The topic was not announced, or the bag is closed.
        """
        if not self._is_open:
            raise BagError(self._path, "is closed", "open another bag")
        if topic not in self._topics:
            raise BagError(self._path, f"topic {topic} was not announced", "call add_topic first")
        if self._is_full(stamp_ns):
            self._split()
        self._file.write(topic, stamp_ns, data)
        self._files[-1].note(topic, stamp_ns)

    def close(self) -> None:
        """Completes the bag; a second call does nothing."""
        if not self._is_open:
            return
        self._is_open = False
        information = bag_information(self._storage_id, self._files, list(self._topics.values()))
        self._file.close(storage_metadata_text(information))
        (self._path / METADATA_FILE).write_text(metadata_text(information), encoding="utf-8")

    def _is_full(self, stamp_ns: int) -> bool:
        current = self._files[-1]
        if not current.message_count:
            return False
        limits = self._limits
        too_large = 0 < limits.file_bytes_max <= self._file.size_bytes()
        too_long = 0 < limits.file_duration_ns_max <= stamp_ns - current.start_ns
        return too_large or too_long

    def _split(self) -> None:
        information = bag_information(self._storage_id, self._files[-1:], list(self._topics.values()))
        self._file.close(storage_metadata_text(information))
        self._file = self._next_file()
        for topic in self._topics.values():
            self._file.add_topic(topic)

    def _next_file(self) -> StorageFile:
        name = f"{self._path.name}_{len(self._files)}{SUFFIXES[self._storage_id]}"
        self._files.append(FileSummary(name))
        return self._make_file(self._path / name)
