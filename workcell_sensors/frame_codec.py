"""Frames as bytes for the journal: compact, because every frame of the field passes through here.

A frame is, little-endian,

    version u8 | flags u8 | length of the source's name u16 | values n u32 | stamp i64 | received i64
    source | columns n*u32 | values n*f64 | qualities n*u8, where flagged | stamps n*i64, where flagged

Columns count the source's addresses in the layout, which stands once at the head of each of the journal's segments:
the journal outlives a change of the tag table.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from workcell_sensors.reading import Frame

Layout = dict[str, tuple[str, ...]]
"""Source to its addresses."""

_HEAD = struct.Struct("<BBHIqq")
_VERSION = 2
_HAS_QUALITY, _HAS_STAMPS, _IS_HISTORICAL, _MADE_HERE = 1, 2, 4, 8
_CACHED_MAX = 50_000
"""Addresses in all cached sets."""


@dataclass(frozen=True)
class Summary:
    """What stands at the head of an encoded frame."""

    source: str
    values: int
    stamp_ns: int


class FrameCodec:
    """Encodes the frames of one tag table."""

    def __init__(self, layout: Mapping[str, tuple[str, ...]]) -> None:
        self.head = json.dumps({source: list(addresses) for source, addresses in layout.items()}).encode()
        self._columns = {
            source: {address: column for column, address in enumerate(addresses)}
            for source, addresses in layout.items()
        }
        self._known: dict[tuple[str, tuple[str, ...]], bytes] = {}
        self._cached = 0

    def encode(self, frame: Frame) -> bytes:
        """Returns a frame as bytes.

        Raises:
            KeyError: the frame's source or an address is not in the layout.
        """
        name = frame.source.encode()
        flags = (_IS_HISTORICAL if frame.historical else 0) | (_MADE_HERE if frame.made_here else 0)
        parts = [name, self._encode_addresses(frame), frame.values.tobytes()]
        if frame.quality is not None:
            flags |= _HAS_QUALITY
            parts.append(frame.quality.tobytes())
        if frame.stamps_ns is not None:
            flags |= _HAS_STAMPS
            parts.append(frame.stamps_ns.tobytes())
        head = _HEAD.pack(_VERSION, flags, len(name), len(frame.values), frame.stamp_ns, frame.received_ns)
        return b"".join((head, *parts))

    def _encode_addresses(self, frame: Frame) -> bytes:
        key = (frame.source, frame.addresses)
        known = self._known.get(key)
        if known is None:
            columns = self._columns[frame.source]
            known = np.array([columns[address] for address in frame.addresses], dtype="<u4").tobytes()
            self._cached += len(frame.addresses)
            if self._cached > _CACHED_MAX:
                # Devices that report by exception send many sets of addresses; the cache must not grow with them.
                self._known.clear()
                self._cached = len(frame.addresses)
            self._known[key] = known
        return known


def decode_layout(head: bytes) -> Layout:
    """Returns the layout that `FrameCodec.head` holds.

    Raises:
        ValueError: it holds none.
    """
    try:
        return {str(source): tuple(map(str, addresses)) for source, addresses in json.loads(head).items()}
    except (UnicodeDecodeError, AttributeError, TypeError, RecursionError) as error:
        raise ValueError(f"no layout: {error}") from None


def summary(data: bytes) -> Summary:
    """Returns what stands at the head of an encoded frame.

    Raises:
        ValueError: it is none.
    """
    _, length, count, stamp_ns, _ = _unpack(data)
    return Summary(_name(data, length), count, stamp_ns)


def decode(layout: Mapping[str, tuple[str, ...]], data: bytes) -> Frame:
    """Returns the frame that `FrameCodec.encode` made with that layout.

    Raises:
        ValueError: `data` is no frame, or not of this layout.

    >>> codec = FrameCodec({"plc": ("input:0:int16",)})
    >>> frame = Frame("plc", ("input:0:int16",), np.array([5.0]), None, 1, 2)
    >>> decode(decode_layout(codec.head), codec.encode(frame)).values.tolist()
    [5.0]
    """
    flags, length, count, stamp_ns, received_ns = _unpack(data)
    source = _name(data, length)
    at = _HEAD.size + length
    sizes = (4, 8, 1 if flags & _HAS_QUALITY else 0, 8 if flags & _HAS_STAMPS else 0)
    if len(data) != at + count * sum(sizes):
        raise ValueError(f"a frame of {count} values has {len(data)} bytes")
    ends = np.cumsum([at, *(count * size for size in sizes)]).tolist()
    columns = np.frombuffer(data[at : ends[1]], dtype="<u4")
    addresses = layout.get(source, ())
    if count and int(columns.max()) >= len(addresses):
        raise ValueError(f"source {source!r} has no column {columns.max()}")
    return Frame(
        source,
        tuple([addresses[column] for column in columns.tolist()]),
        np.frombuffer(data[ends[1] : ends[2]], dtype="<f8"),
        np.frombuffer(data[ends[2] : ends[3]], dtype=np.uint8) if flags & _HAS_QUALITY else None,
        stamp_ns,
        received_ns,
        np.frombuffer(data[ends[3] : ends[4]], dtype="<i8") if flags & _HAS_STAMPS else None,
        bool(flags & _IS_HISTORICAL),
        bool(flags & _MADE_HERE),
    )


def _unpack(data: bytes) -> tuple[int, int, int, int, int]:
    if len(data) < _HEAD.size:
        raise ValueError(f"{len(data)} bytes are no frame")
    version, flags, length, count, stamp_ns, received_ns = _HEAD.unpack_from(data)
    if version != _VERSION or len(data) < _HEAD.size + length:
        raise ValueError(f"no frame of version {_VERSION}")
    return flags, length, count, stamp_ns, received_ns


def _name(data: bytes, length: int) -> str:
    return data[_HEAD.size : _HEAD.size + length].decode(errors="replace")
