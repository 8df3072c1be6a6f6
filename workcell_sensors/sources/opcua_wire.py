"""Values as OPC UA Binary encodes them (part 6, 5.2): bounded, and quick where many items look alike."""

from __future__ import annotations

import functools
import math
import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from workcell_sensors.reading import FloatArray

TEXT_BYTES_MAX = 4096
"""A longer text is no value of a tag; it is skipped, not kept."""
DEPTH_MAX = 8
"""Nesting of variants, data values and diagnostics; deeper is refused."""
TICKS_AT_EPOCH = 116_444_736_000_000_000
"""1970-01-01 in the 100 ns ticks since 1601 that OPC UA counts in."""
TICKS_MAX = 189_302_400_000_000_000
"""2200-11-19: a later time is as good as none."""

HAS_VALUE, HAS_STATUS, HAS_SOURCE_TIME, HAS_SERVER_TIME, HAS_SOURCE_PS, HAS_SERVER_PS = (1 << i for i in range(6))
ARRAY, DIMENSIONS = 0x80, 0x40
TYPE_MASK = 0x3F

BOOLEAN, STRING, DATE_TIME, GUID, BYTE_STRING, XML, NODE_ID, EXPANDED_NODE_ID = 1, 12, 13, 14, 15, 16, 17, 18
STATUS_CODE, QUALIFIED_NAME, LOCALIZED_TEXT, EXTENSION, DATA_VALUE, VARIANT, DIAGNOSTIC = range(19, 26)

NUMBERS: dict[int, str] = {
    BOOLEAN: "?",
    2: "<i1",
    3: "<u1",
    4: "<i2",
    5: "<u2",
    6: "<i4",
    7: "<u4",
    8: "<i8",
    9: "<u8",
    10: "<f4",
    11: "<f8",
    STATUS_CODE: "<u4",
}
"""Variant types that are numbers, as numpy types. Booleans and enumerations are numbers too."""

Value = float | str | FloatArray | None
"""What a variant holds for a tag: a number, a text, an array of numbers, or nothing a tag could use."""

_U16, _I32, _U32, _I64 = struct.Struct("<H"), struct.Struct("<i"), struct.Struct("<I"), struct.Struct("<q")
_NODE_ID_BYTES = {0: 1, 1: 3, 2: 6, 4: 18}
"""Bytes after a node id's encoding byte, where they do not depend on the content."""


class WireError(ValueError):
    """Bytes that are no valid OPC UA Binary."""


@dataclass
class Samples:
    """Items of one notification or read, in the order they came.

    `values` is NaN where there is no number; `others` then holds the text or the array, by position.
    """

    handles: npt.NDArray[np.uint32]  # (n,)
    values: FloatArray  # (n,)
    status: npt.NDArray[np.uint32]  # (n,)
    source_ns: npt.NDArray[np.int64]  # (n,) zero: not told
    server_ns: npt.NDArray[np.int64]  # (n,) zero: not told
    others: dict[int, Value] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.handles)


class Cursor:
    """A position in bytes that never leaves them."""

    def __init__(self, data: bytes, position: int = 0) -> None:
        self.data = data
        self.position = position

    @property
    def left(self) -> int:
        """Bytes not yet read."""
        return len(self.data) - self.position

    def skip(self, size: int) -> int:
        """Moves on and returns where it stood.

        Raises:
            WireError: fewer than `size` bytes are left, or `size` is negative.
        """
        at = self.position
        if not 0 <= size <= len(self.data) - at:
            raise WireError(f"{size} bytes announced at {at}, {len(self.data) - at} there")
        self.position = at + size
        return at

    def u8(self) -> int:
        """Returns the next byte."""
        return self.data[self.skip(1)]

    def u16(self) -> int:
        """Returns the next UInt16."""
        return int(_U16.unpack_from(self.data, self.skip(2))[0])

    def i32(self) -> int:
        """Returns the next Int32."""
        return int(_I32.unpack_from(self.data, self.skip(4))[0])

    def u32(self) -> int:
        """Returns the next UInt32."""
        return int(_U32.unpack_from(self.data, self.skip(4))[0])

    def ticks(self) -> int:
        """Returns the next Int64, as times are."""
        return int(_I64.unpack_from(self.data, self.skip(8))[0])

    def length(self, item_bytes_min: int = 1) -> int:
        """Returns the next array length, 0 for a null array.

        Raises:
            WireError: so many items of at least `item_bytes_min` cannot be in what is left.
        """
        count = self.i32()
        if count > self.left // item_bytes_min:
            raise WireError(f"{count} items announced, {self.left} bytes left")
        return max(count, 0)

    def text(self) -> str | None:
        """Returns the next String, or None where it is null, too long or no UTF-8."""
        size = self.length()
        at = self.skip(size)
        if size > TEXT_BYTES_MAX:
            return None
        try:
            return self.data[at : at + size].decode()
        except UnicodeDecodeError:
            return None


def to_ns(ticks: int) -> int:
    """Returns an OPC UA time in nanoseconds since 1970, 0 where it tells no time.

    >>> to_ns(116_444_736_000_000_001)
    100
    """
    return (ticks - TICKS_AT_EPOCH) * 100 if TICKS_AT_EPOCH < ticks < TICKS_MAX else 0


def skip_node_id(cursor: Cursor, expanded: bool = False) -> None:
    """Moves past a NodeId or ExpandedNodeId (part 6, 5.2.2.9 and 10)."""
    encoding = cursor.u8()
    kind = encoding & TYPE_MASK
    if kind in (3, 5):
        cursor.skip(2)
        cursor.skip(cursor.length())
    elif kind in _NODE_ID_BYTES:
        cursor.skip(_NODE_ID_BYTES[kind])
    else:
        raise WireError(f"node id encoding {kind}; valid: 0 to 5")
    if expanded and encoding & 0x80:
        cursor.skip(cursor.length())
    if expanded and encoding & 0x40:
        cursor.skip(4)


def numeric_id(cursor: Cursor) -> int:
    """Moves past a NodeId and returns its number, -1 where it has none or is of another namespace."""
    at = cursor.position
    skip_node_id(cursor)
    encoding = cursor.data[at]
    if encoding == 0:
        return cursor.data[at + 1]
    if encoding == 1 and cursor.data[at + 1] == 0:
        return int(_U16.unpack_from(cursor.data, at + 2)[0])
    if encoding == 2 and _U16.unpack_from(cursor.data, at + 1)[0] == 0:
        return int(_U32.unpack_from(cursor.data, at + 3)[0])
    return -1


def skip_extension(cursor: Cursor) -> None:
    """Moves past an ExtensionObject."""
    skip_node_id(cursor)
    if cursor.u8():
        cursor.skip(cursor.length())


def skip_diagnostic(cursor: Cursor, depth: int = 0) -> None:
    """Moves past a DiagnosticInfo (part 6, 5.2.2.12)."""
    if depth > DEPTH_MAX:
        raise WireError(f"diagnostics nested deeper than {DEPTH_MAX}")
    mask = cursor.u8()
    cursor.skip(4 * (mask & 0x0F).bit_count())
    if mask & 0x10:
        cursor.skip(cursor.length())
    if mask & 0x20:
        cursor.skip(4)
    if mask & 0x40:
        skip_diagnostic(cursor, depth + 1)


def read_variant(cursor: Cursor, depth: int = 0) -> Value:
    """Returns the next Variant.

    Raises:
        WireError: it is none.
    """
    encoding = cursor.u8()
    kind = encoding & TYPE_MASK
    if not encoding & ARRAY:
        return _scalar(cursor, kind, depth)
    value = _array(cursor, kind, depth)
    if encoding & DIMENSIONS:
        cursor.skip(4 * cursor.length(4))
    return value


def read_data_value(cursor: Cursor, depth: int = 0) -> tuple[Value, int, int, int]:
    """Returns value, status code, source and server time [ns] of the next DataValue."""
    mask = cursor.u8()
    value = read_variant(cursor, depth) if mask & HAS_VALUE else None
    status = cursor.u32() if mask & HAS_STATUS else 0
    source = cursor.ticks() if mask & HAS_SOURCE_TIME else 0
    cursor.skip(2 if mask & HAS_SOURCE_PS else 0)
    server = cursor.ticks() if mask & HAS_SERVER_TIME else 0
    cursor.skip(2 if mask & HAS_SERVER_PS else 0)
    return value, status, to_ns(source), to_ns(server)


def read_items(cursor: Cursor, count: int, with_handles: bool = True) -> Samples:
    """Returns `count` monitored item notifications, or plain data values numbered from 0.

    Items of one shape in a row are taken together as one array; others one by one.

    Raises:
        WireError: the bytes hold no such items.
    """
    if count > cursor.left:
        raise WireError(f"{count} items announced, {cursor.left} bytes left")
    found = Samples(
        np.arange(count, dtype=np.uint32),
        np.full(count, math.nan),
        np.zeros(count, dtype=np.uint32),
        np.zeros(count, dtype=np.int64),
        np.zeros(count, dtype=np.int64),
    )
    done = 0
    while done < count:
        done += _read_run(cursor, found, done, with_handles) or _read_one(cursor, found, done, with_handles)
    return found


def _scalar(cursor: Cursor, kind: int, depth: int) -> Value:
    if kind in NUMBERS:
        dtype = np.dtype(NUMBERS[kind])
        return float(np.frombuffer(cursor.data, dtype, 1, cursor.skip(dtype.itemsize))[0])
    if kind == STRING:
        return cursor.text()
    if kind == DATE_TIME:
        return to_ns(cursor.ticks()) / 1e9
    if kind == LOCALIZED_TEXT:
        return _localized(cursor)
    _skip_scalar(cursor, kind, depth)
    return None


def _localized(cursor: Cursor) -> str | None:
    mask = cursor.u8()
    if mask & 0x01:
        cursor.skip(cursor.length())
    return cursor.text() if mask & 0x02 else ""


def _skip_scalar(cursor: Cursor, kind: int, depth: int) -> None:
    if depth > DEPTH_MAX:
        raise WireError(f"values nested deeper than {DEPTH_MAX}")
    if kind in (BYTE_STRING, XML):
        cursor.skip(cursor.length())
    elif kind == GUID:
        cursor.skip(16)
    elif kind in (NODE_ID, EXPANDED_NODE_ID):
        skip_node_id(cursor, expanded=kind == EXPANDED_NODE_ID)
    elif kind == QUALIFIED_NAME:
        cursor.skip(2)
        cursor.skip(cursor.length())
    elif kind == EXTENSION:
        skip_extension(cursor)
    elif kind == DATA_VALUE:
        read_data_value(cursor, depth + 1)
    elif kind == VARIANT:
        read_variant(cursor, depth + 1)
    elif kind == DIAGNOSTIC:
        skip_diagnostic(cursor, depth + 1)
    elif kind != 0:
        raise WireError(f"variant of type {kind}; valid: 0 to 25")


def _array(cursor: Cursor, kind: int, depth: int) -> Value:
    if kind in NUMBERS:
        dtype = np.dtype(NUMBERS[kind])
        count = cursor.length(dtype.itemsize)
        return np.frombuffer(cursor.data, dtype, count, cursor.skip(count * dtype.itemsize)).astype(np.float64)
    for _ in range(cursor.length()):
        if kind == 0:
            raise WireError("an array of nothing")
        _scalar(cursor, kind, depth + 1)
    return None


@functools.cache
def _shape(mask: int, kind: int, with_handles: bool) -> np.dtype[Any] | None:
    """Returns the layout of items with this mask and variant type, None where their size is not fixed."""
    if mask > 0x3F or kind not in NUMBERS or not mask & HAS_VALUE:
        return None
    fields = [("handle", "<u4")] if with_handles else []
    fields += [("mask", "u1"), ("kind", "u1"), ("value", NUMBERS[kind])]
    for bit, name, type_name in (
        (HAS_STATUS, "status", "<u4"),
        (HAS_SOURCE_TIME, "source", "<i8"),
        (HAS_SOURCE_PS, "source_ps", "<u2"),
        (HAS_SERVER_TIME, "server", "<i8"),
        (HAS_SERVER_PS, "server_ps", "<u2"),
    ):
        if mask & bit:
            fields.append((name, type_name))
    return np.dtype(fields)


def _read_run(cursor: Cursor, found: Samples, done: int, with_handles: bool) -> int:
    """Reads as many items of the next one's shape as follow each other; returns how many, 0 where it has none."""
    at = cursor.position + (4 if with_handles else 0)
    if at + 2 > len(cursor.data):
        return 0
    mask, kind = cursor.data[at], cursor.data[at + 1]
    shape = _shape(mask, kind, with_handles)
    if shape is None:
        return 0
    count = min(len(found) - done, cursor.left // shape.itemsize)
    rows = np.frombuffer(cursor.data, shape, count, cursor.position)
    alike = (rows["mask"] == mask) & (rows["kind"] == kind)
    size = count if alike.all() else int(alike.argmin())
    rows, part = rows[:size], slice(done, done + size)
    if with_handles:
        found.handles[part] = rows["handle"]
    found.values[part] = rows["value"]
    if mask & HAS_STATUS:
        found.status[part] = rows["status"]
    if mask & HAS_SOURCE_TIME:
        found.source_ns[part] = _all_to_ns(rows["source"])
    if mask & HAS_SERVER_TIME:
        found.server_ns[part] = _all_to_ns(rows["server"])
    cursor.skip(size * shape.itemsize)
    return size


def _all_to_ns(ticks: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    told = (ticks > TICKS_AT_EPOCH) & (ticks < TICKS_MAX)
    return (np.where(told, ticks, TICKS_AT_EPOCH) - TICKS_AT_EPOCH) * 100


def _read_one(cursor: Cursor, found: Samples, done: int, with_handles: bool) -> int:
    if with_handles:
        found.handles[done] = cursor.u32()
    value, found.status[done], found.source_ns[done], found.server_ns[done] = read_data_value(cursor)
    if isinstance(value, float):
        found.values[done] = value
    elif value is not None:
        found.others[done] = value
    return 1
