"""Appending to a file that must never hold a part of a line."""

from __future__ import annotations

import errno
import os


def append_whole(file: int, line: bytes) -> None:
    """Appends a line to an open file, or leaves the file as it was.

    A disk that runs full takes the beginning of what is written without a word; the next line would be joined to it.

    Args:
        file: descriptor, opened for appending.
        line: with its end.

    Raises:
        OSError: the disk did not take all of it.
    """
    size = os.fstat(file).st_size
    try:
        if os.write(file, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError:
        os.ftruncate(file, size)
        raise
