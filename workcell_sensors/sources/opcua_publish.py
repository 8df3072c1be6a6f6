"""What a server answers to Publish, Republish and Read, straight from the bytes (part 4, 5.10.2 and 5.13.5)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from workcell_sensors.sources.opcua_wire import (
    Cursor,
    Samples,
    WireError,
    numeric_id,
    read_items,
    skip_diagnostic,
    skip_extension,
    to_ns,
)

READ_RESPONSE, PUBLISH_RESPONSE, REPUBLISH_RESPONSE, SERVICE_FAULT = 634, 829, 835, 397
DATA_CHANGE, STATUS_CHANGE = 811, 820
"""Numbers of the binary encodings in namespace 0, from the standard's NodeIds table."""


@dataclass(frozen=True)
class Notification:
    """One notification message."""

    sequence_number: int
    publish_ns: int
    changes: tuple[Samples, ...] = ()
    ended: int | None = None
    """Status with which the server ended the subscription."""

    @property
    def is_keep_alive(self) -> bool:
        """Whether it only says that the subscription lives; its number is then that of the next message."""
        return not self.changes and self.ended is None


@dataclass(frozen=True)
class Publication:
    """One answer to a Publish request."""

    status: int
    subscription_id: int = 0
    available: tuple[int, ...] = ()
    """Sequence numbers that the server still holds for Republish."""
    more: bool = False
    notification: Notification = field(default_factory=lambda: Notification(0, 0))


def decode_publish(data: bytes) -> Publication:
    """Returns the content of a Publish response; a service fault has only its status.

    Raises:
        WireError: the bytes are no such response.
    """
    cursor = Cursor(data)
    status = _header(cursor, PUBLISH_RESPONSE)
    if status >> 30 or cursor.left == 0:
        return Publication(status)
    subscription_id = cursor.u32()
    available = tuple(cursor.u32() for _ in range(cursor.length(4)))
    more = bool(cursor.u8())
    return Publication(status, subscription_id, available, more, _notification(cursor))


def decode_republish(data: bytes) -> tuple[int, Notification]:
    """Returns status and message of a Republish response.

    Raises:
        WireError: the bytes are no such response.
    """
    cursor = Cursor(data)
    status = _header(cursor, REPUBLISH_RESPONSE)
    return status, Notification(0, 0) if status >> 30 else _notification(cursor)


def decode_read(data: bytes) -> tuple[int, Samples]:
    """Returns status and values, numbered from 0, of a Read response.

    Raises:
        WireError: the bytes are no such response.
    """
    cursor = Cursor(data)
    status = _header(cursor, READ_RESPONSE)
    return status, read_items(cursor, 0 if status >> 30 else cursor.length(), with_handles=False)


def _header(cursor: Cursor, expected: int) -> int:
    """Moves past type and response header (part 4, 7.29); returns the service's status."""
    kind = numeric_id(cursor)
    if kind not in (expected, SERVICE_FAULT):
        raise WireError(f"a response of type {kind} where {expected} was due")
    cursor.skip(12)
    status = cursor.u32()
    skip_diagnostic(cursor)
    for _ in range(cursor.length(4)):
        cursor.skip(cursor.length())
    skip_extension(cursor)
    if kind == SERVICE_FAULT and not status >> 30:
        raise WireError("a service fault that tells of none")
    return status


def _notification(cursor: Cursor) -> Notification:
    sequence_number = cursor.u32()
    publish_ns = to_ns(cursor.ticks())
    changes: list[Samples] = []
    ended = None
    for _ in range(cursor.length(3)):
        kind = numeric_id(cursor)
        size = cursor.length() if cursor.u8() == 1 else 0
        part = Cursor(cursor.data, cursor.skip(size))
        if kind == DATA_CHANGE:
            changes.append(read_items(part, part.length()))
        elif kind == STATUS_CHANGE:
            ended = part.u32()
        if part.position > cursor.position and kind == DATA_CHANGE:
            raise WireError("a notification is longer than it says")
    return Notification(sequence_number, publish_ns, tuple(changes), ended)


def joined(parts: tuple[Samples, ...]) -> Samples | None:
    """Returns the items of several notifications as one, None where there is none."""
    if len(parts) <= 1:
        return parts[0] if parts else None
    others = {}
    offset = 0
    for part in parts:
        others.update({offset + at: value for at, value in part.others.items()})
        offset += len(part)
    return Samples(
        np.concatenate([part.handles for part in parts]),
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.status for part in parts]),
        np.concatenate([part.source_ns for part in parts]),
        np.concatenate([part.server_ns for part in parts]),
        others,
    )
