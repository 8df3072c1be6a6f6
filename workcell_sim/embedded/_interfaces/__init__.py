"""Message, service and action classes made from interface definitions, and their CDR form.

`install` makes every interface package importable: those of ``AMENT_PREFIX_PATH``, those below ``share`` here, and
those that the ``rosbags`` library carries.
"""

from __future__ import annotations

from typing import TypeVar

from .cdr import deserialize_message, serialize_message
from .cdr_read import CdrError
from .finder import find_class, install, uninstall
from .model import InterfaceError

__all__ = [
    "CdrError",
    "InterfaceError",
    "copy_message",
    "deserialize_message",
    "find_class",
    "install",
    "serialize_message",
    "uninstall",
]

MessageT = TypeVar("MessageT")


def copy_message(message: MessageT) -> MessageT:
    """Return a deep copy of a message."""
    return type(message)._COPY(message)  # type: ignore[attr-defined]
