"""Finds where a storage file is damaged, before anything is read from it."""

from __future__ import annotations

import sqlite3
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

MCAP_MAGIC: Final = b"\x89MCAP0\r\n"
SQLITE_MAGIC: Final = b"SQLite format 3\x00"
_HEADER: Final = struct.Struct("<BQ")
_CHUNK_HEAD: Final = struct.Struct("<QQQII")
_OP_FOOTER: Final = 0x02
_OP_CHUNK: Final = 0x06


@dataclass(frozen=True)
class Fault:
    """The first place at which a file is not what it should be."""

    offset_bytes: int
    reason: str


def find_fault(path: Path) -> Fault | None:
    """Returns the first damage of an ``.mcap`` or ``.db3`` file, or None where it is whole.

    Raises:
        OSError: The file cannot be opened.
    """
    with path.open("rb") as stream:
        size = path.stat().st_size
        if size == 0:
            return Fault(0, "the file is empty")
        return _mcap_fault(stream, size) if path.suffix == ".mcap" else _sqlite_fault(stream, size, path)


def _mcap_fault(stream: BinaryIO, size: int) -> Fault | None:
    """Walks the records (MCAP format specification 0, "Records"): opcode, 8 byte length, content."""
    if stream.read(len(MCAP_MAGIC)) != MCAP_MAGIC:
        return Fault(0, "an MCAP file does not begin like this")
    offset = len(MCAP_MAGIC)
    while True:
        head = stream.read(_HEADER.size)
        if len(head) < _HEADER.size:
            return Fault(offset, "the file ends without its footer")
        opcode, length = _HEADER.unpack(head)
        end = offset + _HEADER.size + length
        if end > size:
            return Fault(offset, f"a record announces {length} bytes, {size - offset - _HEADER.size} are left")
        if opcode == _OP_CHUNK and (reason := _chunk_fault(stream, length)):
            return Fault(offset, reason)
        if opcode == _OP_FOOTER:
            stream.seek(end)
            return None if stream.read() == MCAP_MAGIC else Fault(end, "the file does not end with its magic number")
        stream.seek(end)
        offset = end


def _chunk_fault(stream: BinaryIO, length: int) -> str:
    content = stream.read(length)
    if length < _CHUNK_HEAD.size:
        return "a chunk is too short"
    _, _, _, checksum, compression_length = _CHUNK_HEAD.unpack_from(content)
    if compression_length or not checksum:
        # The checksum is that of the uncompressed records; the library checks it as it decompresses.
        return ""
    records = memoryview(content)[_CHUNK_HEAD.size + 8 :]
    return "" if zlib.crc32(records) == checksum else "the checksum of a chunk does not match its content"


def _sqlite_fault(stream: BinaryIO, size: int, path: Path) -> Fault | None:
    head = stream.read(100)
    if not head.startswith(SQLITE_MAGIC) or len(head) < 100:
        return Fault(0, "a SQLite file does not begin like this")
    page_bytes = int.from_bytes(head[16:18], "big")
    # The format writes 65536 as 1.
    page_bytes = 65536 if page_bytes == 1 else page_bytes
    announced = page_bytes * int.from_bytes(head[28:32], "big")
    if announced > size:
        return Fault(size, f"the file ends here, but announces {announced} bytes")
    return _page_fault(path, page_bytes)


def _page_fault(path: Path, page_bytes: int) -> Fault | None:
    database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        verdict = str(database.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        verdict = str(error)
    except UnicodeDecodeError:
        # The library's own message quotes the damaged file, whose names need not be text any more.
        verdict = "the schema is no text"
    finally:
        database.close()
    if verdict == "ok":
        return None
    page = next((int(word.strip(":")) for word in verdict.split() if word.strip(":").isdecimal()), 1)
    return Fault((page - 1) * page_bytes, " ".join(verdict.split()))
