"""A bounded, append-only journal on disk that survives a kill at any byte.

The journal is a row of segment files `<path>.<number>`. A record is

    length u32 | crc32 u32 | kind u8 | sequence u64 | payload

with the length and the checksum over everything after the checksum, little-endian. A write that was cut short or
garbled fails its length or checksum; recovery keeps all records before it and cuts the rest of the last segment off.
Written data is handed to the operating system at once, so it outlives the process; `sync` also makes it outlive the
power.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from workcell_ros.errors import ConfigError

_HEAD = struct.Struct("<II")
_BODY = struct.Struct("<BQ")
_DATA = 1
_ACK = 2
_DROPPED = 3
RECORD_BYTES_MAX = 1 << 20
BYTES_MIN = 4096


@dataclass(frozen=True)
class Recovery:
    """What opening a journal found."""

    pending: tuple[tuple[int, bytes], ...]
    """(sequence, payload) of the records never acknowledged, oldest first."""
    torn_bytes: int
    """Bytes of unfinished or garbled records that were cut off."""
    dropped: int
    """Unacknowledged records that the bound has cost so far."""


@dataclass
class _Segment:
    path: Path
    last_seq: int
    """The highest sequence of a data record in it."""
    unacknowledged_from: int
    """The lowest sequence of a data record in it, 0 where it has none."""


class Journal:
    """Keeps records until they are acknowledged, at most `bytes_max` of them.

    Not safe between threads; the owner locks. One process at a time may have it open.

    Raises:
        ConfigError: the directory cannot be written, or `bytes_max` is too small.
    """

    def __init__(self, path: str | Path, bytes_max: int = 16 << 20, segments: int = 4) -> None:
        if bytes_max < BYTES_MIN:
            raise ConfigError(path, "bytes_max", f"is {bytes_max}", f"at least {BYTES_MIN}")
        self._base = Path(path)
        self._segment_bytes = bytes_max // segments
        self._segments_max = segments
        self.dropped = 0
        self._acknowledged = 0
        self._segments: list[_Segment] = []
        try:
            self._base.parent.mkdir(parents=True, exist_ok=True)
            self.recovery = self._recover()
            self._file: BinaryIO = self._open_segment(self._next_number())
        except OSError as error:
            raise ConfigError(path, "journal_file", str(error), "a path in a writable directory") from None

    @property
    def acknowledged(self) -> int:
        """The highest acknowledged sequence."""
        return self._acknowledged

    def append(self, payload: bytes) -> int:
        """Writes a record and returns its sequence number.

        Raises:
            ValueError: the record is larger than a segment may hold.
        """
        if len(payload) > min(RECORD_BYTES_MAX, self._segment_bytes // 2):
            raise ValueError(f"a record of {len(payload)} bytes does not fit a segment of {self._segment_bytes}")
        self._seq += 1
        self._write(_DATA, self._seq, payload)
        segment = self._segments[-1]
        segment.last_seq = self._seq
        segment.unacknowledged_from = segment.unacknowledged_from or self._seq
        return self._seq

    def acknowledge(self, seq: int) -> None:
        """Marks every record up to `seq` as done with."""
        if seq > self._acknowledged:
            self._acknowledged = seq
            self._write(_ACK, seq, b"")

    def sync(self) -> None:
        """Makes what was written outlive a loss of power."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Closes the journal; it can be opened again."""
        self._file.close()

    def _write(self, kind: int, seq: int, payload: bytes) -> None:
        if self._file.tell() >= self._segment_bytes:
            self._roll()
        self._file.write(_record(kind, seq, payload))

    def _roll(self) -> None:
        self._file.close()
        self._file = self._open_segment(self._next_number())
        # A new segment says at its head what the removed ones did, for recovery reads only what is left.
        self._file.write(_record(_ACK, self._acknowledged, b""))
        while len(self._segments) > self._segments_max or self._is_spent(self._segments[0]):
            self._drop_oldest()
        self._file.write(_record(_DROPPED, self.dropped, b""))

    def _is_spent(self, segment: _Segment) -> bool:
        return segment is not self._segments[-1] and segment.last_seq <= self._acknowledged

    def _drop_oldest(self) -> None:
        segment = self._segments.pop(0)
        first = max(segment.unacknowledged_from, self._acknowledged + 1)
        if segment.last_seq >= first:
            self.dropped += segment.last_seq - first + 1
        segment.path.unlink(missing_ok=True)

    def _open_segment(self, number: int) -> BinaryIO:
        path = Path(f"{self._base}.{number:08d}")
        self._segments.append(_Segment(path, last_seq=0, unacknowledged_from=0))
        return path.open("ab", buffering=0)

    def _next_number(self) -> int:
        return int(self._segments[-1].path.suffix[1:]) + 1 if self._segments else 1

    def _files(self) -> list[Path]:
        paths = self._base.parent.glob(f"{self._base.name}.*")
        return sorted(path for path in paths if path.suffix[1:].isdigit())

    def _recover(self) -> Recovery:
        data: dict[int, bytes] = {}
        torn_bytes = 0
        self._seq = 0
        for path in self._files():
            segment = _Segment(path, last_seq=0, unacknowledged_from=0)
            content = path.read_bytes()
            end = 0
            for end, kind, seq, payload in _records(content):  # noqa: B007
                if kind == _DATA:
                    data[seq] = payload
                    segment.last_seq = seq
                    segment.unacknowledged_from = segment.unacknowledged_from or seq
                elif kind == _ACK:
                    self._acknowledged = max(self._acknowledged, seq)
                elif kind == _DROPPED:
                    self.dropped = max(self.dropped, seq)
                self._seq = max(self._seq, seq if kind != _DROPPED else 0)
            if end < len(content):
                torn_bytes += len(content) - end
                os.truncate(path, end)
            self._segments.append(segment)
        pending = tuple((seq, data[seq]) for seq in sorted(data) if seq > self._acknowledged)
        return Recovery(pending, torn_bytes, self.dropped)


def _record(kind: int, seq: int, payload: bytes) -> bytes:
    body = _BODY.pack(kind, seq) + payload
    return _HEAD.pack(len(body), zlib.crc32(body)) + body


def _records(content: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Yields (end, kind, sequence, payload) of each whole record up to the first that is not."""
    at = 0
    while at + _HEAD.size <= len(content):
        length, checksum = _HEAD.unpack_from(content, at)
        start, end = at + _HEAD.size, at + _HEAD.size + length
        if length < _BODY.size or end > len(content) or zlib.crc32(content[start:end]) != checksum:
            return
        kind, seq = _BODY.unpack_from(content, start)
        yield end, kind, seq, content[start + _BODY.size : end]
        at = end
