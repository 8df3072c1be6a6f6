"""A bounded, append-only journal of frames on disk that survives a kill at any byte.

It is a row of segment files `<path>.<number>`, see `journal_segment`. What was appended is handed to the operating
system at once, so it outlives the process whenever that is killed; `sync` also makes it outlive the power. Recovery
keeps every record before a damage, counts those that the damage cost, and cuts a torn tail off.

A journal has an epoch, drawn when it is first made, and sequence numbers that rise for ever: they are never given out
twice, not even after a tail was lost, so that what a consumer has acknowledged stays true.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from workcell_ros.errors import ConfigError
from workcell_sensors.frame_codec import Summary, summary
from workcell_sensors.journal_segment import RECORD_OVERHEAD_BYTES, Kind, Record, Segment, files_of, pack, unpack
from workcell_sensors.losses import Losses

SEGMENTS = 8
"""The bound is kept by giving up the oldest segment, so an eighth of it at once."""
RECORD_BYTES_MIN = 512
_READ_BYTES = 1 << 20
_EPOCH_BYTES = 4
_SEQUENCES_LEFT_OUT = 1 << 20
"""At each opening, for a loss of power may have taken a tail whose numbers others have seen."""


@dataclass(frozen=True)
class Recovery:
    """What opening a journal found."""

    pending: int
    """Records never acknowledged."""
    torn_bytes: int
    """Bytes of unfinished or garbled records that were cut off."""
    missing: int
    """Unacknowledged records that were damaged, as far as the numbers of those around them tell."""


@dataclass(frozen=True)
class Entry:
    """One journalled payload, with the head of the segment that it stands in."""

    seq: int
    head: bytes
    payload: bytes


class Journal:
    """Keeps frames until they are acknowledged, at most `bytes_max` of them; beyond, the oldest give way.

    Not safe between threads; the owner locks. One process at a time may have it open.

    Args:
        path: of the segments, without their number.
        bytes_max: bound of all segments together.
        head: what a reader needs to understand the payloads; written into each segment.

    Raises:
        ConfigError: the directory cannot be written, another process has the journal open, `bytes_max` is too small.
    """

    def __init__(self, path: str | Path, bytes_max: int = 16 << 20, head: bytes = b"") -> None:
        self._base = Path(path)
        self._head = head
        self._segment_bytes = bytes_max // SEGMENTS
        bytes_min = 2 * SEGMENTS * (len(head) + RECORD_BYTES_MIN)
        if bytes_max < bytes_min:
            raise ConfigError(path, "bytes_max", f"is {bytes_max}", f"at least {bytes_min} for this tag table")
        self.losses = Losses()
        self.handed_seq = 0
        """Up to here entries were handed to consumers; one given up after that is not lost, only no longer kept."""
        self.given_up_seq = 0
        """The highest sequence that the bound has cost."""
        self.unconfirmed = 0
        """Entries given up that were handed to consumers but never acknowledged."""
        self._acknowledged = 0
        self._seq = 0
        self._epoch = b""
        self._segments: list[Segment] = []
        self._file: BinaryIO | None = None
        self._retired: list[int] = []
        self._size = 0
        self._cursor = (0, 0, 0)  # sequence after which to go on, segment number, offset
        try:
            self._base.parent.mkdir(parents=True, exist_ok=True)
            self._lock: BinaryIO = self._locked()
            self.recovery = self._recover()
            self._open_segment()
        except OSError as error:
            raise ConfigError(path, "journal_file", str(error), "a path in a writable directory") from None

    @property
    def epoch(self) -> str:
        """What tells this journal's sequence numbers from those of another."""
        return self._epoch.hex()

    @property
    def acknowledged(self) -> int:
        """The highest acknowledged sequence."""
        return self._acknowledged

    @property
    def last_seq(self) -> int:
        """The highest sequence given out."""
        return self._seq

    def append(self, payload: bytes) -> int:
        """Writes a record and returns its sequence number.

        Raises:
            ValueError: the record is larger than a segment may hold.
            OSError: the disk does not take it; the journal is as if it had not been tried.
        """
        if len(payload) > self._segment_bytes // 2:
            raise ValueError(f"a record of {len(payload)} bytes does not fit a segment of {self._segment_bytes}")
        if self._size + len(payload) + RECORD_OVERHEAD_BYTES > self._segment_bytes:
            self._roll()
        self._write(Kind.DATA, self._seq + 1, payload)
        self._seq += 1
        self._segments[-1].note(self._seq)
        return self._seq

    def acknowledge(self, seq: int) -> None:
        """Marks every record up to `seq` as done with.

        Raises:
            OSError: the disk does not take it; it holds until the journal is closed.
        """
        if seq > self._acknowledged:
            self._acknowledged = min(seq, self._seq)
            self._write(Kind.ACK, self._acknowledged, b"")

    def read(self, after_seq: int, count_max: int) -> list[Entry]:
        """Returns up to `count_max` entries with a sequence above `after_seq`, in order; empty: there are none."""
        entries: list[Entry] = []
        while not entries and (found := self._segment_after(after_seq)) is not None:
            segment, offset = found
            with segment.path.open("rb") as file:
                offset = self._read_from(file, offset, after_seq, count_max, segment.head, entries)
            if not entries:
                # Nothing more of this segment can be read: the disk has damaged it under us.
                after_seq = segment.last_seq
                if segment is self._segments[-1]:
                    self._roll()
        if entries:
            self._cursor = (entries[-1].seq, segment.number, offset)
        return entries

    def _read_from(
        self, file: BinaryIO, offset: int, after_seq: int, count_max: int, head: bytes, entries: list[Entry]
    ) -> int:
        """Fills `entries` from a segment, in pieces, until there are some or it ends; returns where they end."""
        start = -1
        while not entries and offset > start:
            start = offset
            file.seek(offset)
            for record in unpack(file.read(_READ_BYTES + self._segment_bytes // 2), offset):
                offset = record.end
                if record.kind == Kind.DATA and record.seq > after_seq:
                    entries.append(Entry(record.seq, head, record.payload))
                    if len(entries) == count_max:
                        break
        return offset

    def unsynced(self) -> list[int]:
        """Returns open descriptors of what a loss of power might still take, for the caller to `fsync` and close."""
        found, self._retired = self._retired, []
        if self._file is not None:
            found.append(os.dup(self._file.fileno()))
            found.append(os.open(self._base.parent, os.O_RDONLY))
        return found

    def sync(self) -> None:
        """Makes what was written outlive a loss of power.

        Raises:
            OSError: the disk cannot.
        """
        fsync_all(self.unsynced())

    def close(self) -> None:
        """Closes the journal; it can be opened again."""
        if self._file is not None:
            self._file.close()
            self._file = None
        for descriptor in self._retired:
            os.close(descriptor)
        self._retired.clear()
        self._lock.close()

    def _segment_after(self, seq: int) -> tuple[Segment, int] | None:
        segment = next((item for item in self._segments if item.last_seq > seq), None)
        if segment is None:
            return None
        known_seq, number, offset = self._cursor
        return segment, offset if (known_seq, number) == (seq, segment.number) else 0

    def _write(self, kind: Kind, seq: int, payload: bytes) -> None:
        assert self._file is not None, "the journal is open"
        data = pack(kind, seq, payload)
        try:
            written = self._file.write(data)
        except OSError:
            written = 0
        if written != len(data):
            os.ftruncate(self._file.fileno(), self._size)
            raise OSError(f"{self._segments[-1].path}: the disk takes no more")
        self._size += len(data)

    def _roll(self) -> None:
        self._open_segment()
        given_up = []
        while len(self._segments) > SEGMENTS or self._is_spent(self._segments[0]):
            given_up.append(self._give_up_oldest())
        # First the account, then the deed: recovery removes what the account names and counts it no second time.
        self._write(Kind.LOST, self._segments[0].number, self.losses.to_json())
        for segment in given_up:
            segment.path.unlink(missing_ok=True)

    def _is_spent(self, segment: Segment) -> bool:
        return segment is not self._segments[-1] and segment.last_seq <= self._acknowledged

    def _give_up_oldest(self) -> Segment:
        segment = self._segments.pop(0)
        if segment.last_seq > self._acknowledged:
            kept = max(self._acknowledged, self.handed_seq)
            records = [record for record in unpack(segment.path.read_bytes()) if record.kind == Kind.DATA]
            self.losses.add(_summaries(record for record in records if record.seq > kept))
            self.unconfirmed += sum(self._acknowledged < record.seq <= kept for record in records)
            self.given_up_seq = segment.last_seq
        return segment

    def _open_segment(self) -> None:
        number = self._segments[-1].number + 1 if self._segments else 1
        segment = Segment(Path(f"{self._base}.{number:08d}"), self._head)
        oldest = self._segments[0].number if self._segments else number
        # A new segment says at its head what those removed before it did, for recovery reads only what is left.
        head = pack(Kind.HEAD, self._last_written(), self._epoch + self._head)
        head += pack(Kind.ACK, self._acknowledged, b"") + pack(Kind.LOST, oldest, self.losses.to_json())
        file = segment.path.open("ab", buffering=0)
        if file.write(head) != len(head):
            file.close()
            segment.path.unlink()
            raise OSError(f"{segment.path}: the disk takes no more")
        if self._file is not None:
            self._retired.append(os.dup(self._file.fileno()))
            if len(self._retired) > SEGMENTS:
                # Nobody syncs.
                os.close(self._retired.pop(0))
            self._file.close()
        self._file, self._size = file, len(head)
        self._segments.append(segment)

    def _last_written(self) -> int:
        return max((segment.last_seq for segment in self._segments), default=0)

    def _locked(self) -> BinaryIO:
        lock = Path(f"{self._base}.lock").open("ab")  # noqa: SIM115 - it is held as long as the journal is open
        try:
            # A lock of the process, not of the file description: a forked child must not keep it.
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise OSError("another process has this journal open") from None
        return lock

    def _recover(self) -> Recovery:
        torn_bytes = 0
        before: dict[str, int] = {}  # last sequence before a segment, as that one says
        self._oldest = 0
        for path in files_of(self._base):
            segment = Segment(path)
            content = path.read_bytes()
            end = 0
            for record in unpack(content):
                end = record.end
                self._recall(segment, record, before)
            if end < len(content):
                torn_bytes += len(content) - end
                os.truncate(path, end)
            self._segments.append(segment)
        while self._segments and self._segments[0].number < self._oldest:
            self._segments.pop(0).path.unlink()
        self._epoch = self._epoch or os.urandom(_EPOCH_BYTES)
        self._seq = max(self._seq, self._acknowledged) + (_SEQUENCES_LEFT_OUT if self._segments else 0)
        return Recovery(self._count_pending(), torn_bytes, self._count_missing(before))

    def _recall(self, segment: Segment, record: Record, before: dict[str, int]) -> None:
        if record.kind == Kind.DATA:
            segment.note(record.seq)
            self._seq = max(self._seq, record.seq)
        elif record.kind == Kind.ACK:
            self._acknowledged = max(self._acknowledged, record.seq)
        elif record.kind == Kind.LOST:
            self.losses, self._oldest = Losses.from_json(record.payload), record.seq
        elif record.kind == Kind.HEAD:
            self._epoch, segment.head = record.payload[:_EPOCH_BYTES], record.payload[_EPOCH_BYTES:]
            before[segment.path.name] = record.seq

    def _count_pending(self) -> int:
        total = 0
        for segment in self._segments:
            if segment.last_seq > self._acknowledged:
                # Within a segment the sequence has no holes.
                total += segment.last_seq - max(segment.first_seq, self._acknowledged + 1) + 1
        return total

    def _count_missing(self, before: dict[str, int]) -> int:
        """Returns how many records at the ends of segments were damaged, as the segment after each tells."""
        missing = 0
        last_seq = self._acknowledged
        for number, segment in enumerate(self._segments):
            if number:
                missing += max(0, before.get(segment.path.name, 0) - max(last_seq, self._acknowledged))
            last_seq = max(last_seq, segment.last_seq)
        return missing


def fsync_all(descriptors: list[int]) -> None:
    """Syncs and closes descriptors; may take long, so a caller with a lock has let go of it.

    Raises:
        OSError: the disk cannot sync one; all are closed.
    """
    try:
        for descriptor in descriptors:
            os.fsync(descriptor)
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _summaries(records: Iterator[Record]) -> Iterator[Summary]:
    for record in records:
        try:
            yield summary(record.payload)
        except ValueError:
            yield Summary("unreadable", 0, 0)
