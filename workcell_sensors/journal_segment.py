"""The records of the journal and the files they stand in.

A record is, little-endian,

    length u32 | crc32 u32 | kind u8 | sequence u64 | payload

with the length and the checksum over everything after the checksum. A write that was cut short or garbled fails its
length or checksum, and nothing after it in the same file is believed.
"""

from __future__ import annotations

import enum
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_HEAD = struct.Struct("<II")
_BODY = struct.Struct("<BQ")
RECORD_OVERHEAD_BYTES = _HEAD.size + _BODY.size


class Kind(enum.IntEnum):
    """What a record says."""

    DATA = 1
    ACK = 2
    """Everything up to the sequence is done with."""
    LOST = 3
    """The account of losses so far, as payload."""
    HEAD = 4
    """First in a segment: epoch and layout as payload; the sequence is the last one written before."""


@dataclass(frozen=True)
class Record:
    """One record and where it ends in its file."""

    kind: int
    seq: int
    payload: bytes
    end: int


@dataclass
class Segment:
    """One file of the journal."""

    path: Path
    head: bytes = b""
    first_seq: int = 0
    """The lowest sequence of a data record in it; 0 where it has none."""
    last_seq: int = 0
    """The highest sequence of a data record in it; 0 where it has none."""

    @property
    def number(self) -> int:
        """Its place in the row of segments."""
        return int(self.path.suffix[1:])

    def note(self, seq: int) -> None:
        """Takes in that a data record was written to it."""
        self.first_seq = self.first_seq or seq
        self.last_seq = seq


def pack(kind: Kind, seq: int, payload: bytes) -> bytes:
    """Returns a record as bytes."""
    body = _BODY.pack(kind, seq) + payload
    return _HEAD.pack(len(body), zlib.crc32(body)) + body


def unpack(content: bytes, offset: int = 0) -> Iterator[Record]:
    """Yields each whole record up to the first that is not; `offset` is where `content` begins in its file."""
    at = 0
    while at + _HEAD.size <= len(content):
        length, checksum = _HEAD.unpack_from(content, at)
        start, end = at + _HEAD.size, at + _HEAD.size + length
        if length < _BODY.size or end > len(content) or zlib.crc32(content[start:end]) != checksum:
            return
        kind, seq = _BODY.unpack_from(content, start)
        yield Record(kind, seq, content[start + _BODY.size : end], offset + end)
        at = end


def files_of(base: Path) -> list[Path]:
    """Returns the segment files `<base>.<number>` there are, in order."""
    paths = base.parent.glob(f"{base.name}.*")
    return sorted(path for path in paths if path.suffix[1:].isdigit())
