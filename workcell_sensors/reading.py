"""What a sensor said: raw frames off the wire, scans in SI, and single readings."""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
QualityArray = npt.NDArray[np.uint8]
IndexArray = npt.NDArray[np.intp]
StampArray = npt.NDArray[np.int64]

NS_PER_S = 1_000_000_000


class Quality(enum.IntEnum):
    """How far a value can be trusted; a larger number is worse, and the worst of several rules wins."""

    GOOD = 0
    UNCERTAIN = 1
    """Plausible, but outside its normal range or doubted by the device itself."""
    BAD = 2
    """No usable value: not a number, physically impossible, or refused by the device."""
    STALE = 3
    """The last known value, but too old to act on."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of one tag."""

    tag: str
    value: float
    """In `unit`; NaN where there never was a value."""
    unit: str
    quality: Quality
    stamp_ns: int
    """When the device took the value."""
    received_ns: int
    """When the gateway got it."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """What a device delivered at once, as it came off the wire: one scan, or a batch of values with own times.

    An address stands in a frame at most once.
    """

    source: str
    addresses: tuple[str, ...]
    values: FloatArray  # (n,) raw device numbers; NaN where the device gave none
    quality: QualityArray | None  # (n,) as the protocol says; None where all is good
    stamp_ns: int
    """When the values were taken; the newest where they differ."""
    received_ns: int
    stamps_ns: StampArray | None = None
    """(n,) when each value was taken; None where all were at `stamp_ns`, the usual case."""
    historical: bool = False
    """The device itself says that these are past values, sent later (Sparkplug is_historical, a buffered adapter)."""


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """The readings of one device scan in SI, ordered as in the tag table."""

    source: str
    rows: IndexArray  # (n,) indices into the tag table
    tags: tuple[str, ...]
    values: FloatArray  # (n,) SI
    quality: QualityArray  # (n,)
    stamp_ns: int
    received_ns: int

    def readings(self, units: tuple[str, ...]) -> tuple[Reading, ...]:
        """Returns the scan as single readings; `units` is the whole tag table's SI unit column."""
        return tuple(
            Reading(tag, float(value), units[row], Quality(int(quality)), self.stamp_ns, self.received_ns)
            for tag, row, value, quality in zip(self.tags, self.rows, self.values, self.quality, strict=True)
        )


def encode_frame(frame: Frame) -> bytes:
    """Returns a frame as compact JSON bytes, for the journal.

    >>> frame = Frame("modbus", ("input:0:int16",), np.array([5.0]), None, 1, 2)
    >>> decode_frame(encode_frame(frame)).values.tolist()
    [5.0]
    """
    quality = None if frame.quality is None else frame.quality.tolist()
    fields = [frame.source, frame.addresses, frame.values.tolist(), quality, frame.stamp_ns, frame.received_ns]
    return json.dumps(fields, separators=(",", ":")).encode()


def decode_frame(data: bytes) -> Frame:
    """Returns the frame that `encode_frame` wrote.

    Raises:
        ValueError: `data` is no encoded frame.
    """
    try:
        source, addresses, values, quality, stamp_ns, received_ns = json.loads(data)
        return Frame(
            str(source),
            tuple(addresses),
            np.array(values, dtype=np.float64),
            None if quality is None else np.array(quality, dtype=np.uint8),
            int(stamp_ns),
            int(received_ns),
        )
    except (TypeError, UnicodeDecodeError) as error:
        raise ValueError(f"no encoded frame: {error}") from None
