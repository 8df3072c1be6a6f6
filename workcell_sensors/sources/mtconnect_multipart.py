"""The multipart/x-mixed-replace stream of an MTConnect agent, cut into documents; pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

HEAD_BYTES_MAX = 4096
PART_BYTES_MAX = 64 << 20
_BOUNDARY = re.compile(r'boundary="?([^";,\s]{1,200})"?', re.IGNORECASE)
_LENGTH = re.compile(rb"^content-length:[ \t]*(\d{1,12})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_HEAD_END = re.compile(rb"\r?\n\r?\n")


def boundary_of(content_type: str) -> str | None:
    """Returns the boundary of a multipart content type; None where it is no multipart.

    >>> boundary_of('multipart/x-mixed-replace;boundary="a1b2"')
    'a1b2'
    """
    if not content_type.lower().startswith("multipart/"):
        return None
    match = _BOUNDARY.search(content_type)
    return match[1].removeprefix("--") if match else None


class PartReader:
    """Cuts a byte stream into parts, whatever pieces it comes in; holds at most one part between calls."""

    def __init__(self, boundary: str) -> None:
        self._mark = b"--" + boundary.encode("latin-1", "replace")
        self._buffer = bytearray()
        self._seen = 0  # bytes of the buffer that hold no end, so that a long part is not searched again and again

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Takes bytes in and yields the bodies of the parts that are complete.

        Raises:
            ValueError: the stream is not made of such parts; nothing after this can be trusted.
        """
        self._buffer += data
        while (body := self._next()) is not None:
            yield body

    def _next(self) -> bytes | None:
        buffer = self._buffer
        start = buffer.find(self._mark)
        if start < 0:
            if len(buffer.strip()) > HEAD_BYTES_MAX:
                raise ValueError("no boundary where a part should begin")
            return None
        head_start = start + len(self._mark)
        head_end = _HEAD_END.search(buffer, head_start, head_start + HEAD_BYTES_MAX)
        if head_end is None:
            if len(buffer) - head_start > HEAD_BYTES_MAX:
                raise ValueError("the head of a part does not end")
            return None
        length = _LENGTH.search(bytes(buffer[head_start : head_end.start() + 2]))
        end = head_end.end() + int(length[1]) if length else self._end_of(head_end.end())
        if end is not None and end - head_end.end() > PART_BYTES_MAX:
            raise ValueError(f"a part of {end - head_end.end()} bytes; valid: up to {PART_BYTES_MAX}")
        if end is None or len(buffer) < end:
            return None
        body = bytes(buffer[head_end.end() : end])
        del buffer[:end]
        self._seen = 0
        return body

    def _end_of(self, start: int) -> int | None:
        """Returns where a part without a length ends: before the next boundary."""
        end = self._buffer.find(self._mark, max(start, self._seen))
        if end < 0:
            self._seen = max(start, len(self._buffer) - len(self._mark))
            if len(self._buffer) - start > PART_BYTES_MAX:
                raise ValueError(f"a part of more than {PART_BYTES_MAX} bytes")
            return None
        return end
