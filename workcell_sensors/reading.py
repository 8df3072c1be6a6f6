"""What a sensor said: raw frames off the wire, scans in SI, and single readings."""

from __future__ import annotations

import enum
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
    made_here: bool = False
    """The times are not the device's: an unchanged value is confirmed, or one is said to be lost. Such a time must not
    make what the device said before it, and what is still under way, come late."""


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """The readings that came at once in SI, ordered as in the frame; a tag stands in it at most once."""

    source: str
    rows: IndexArray  # (n,) indices into the tag table
    tags: tuple[str, ...]
    values: FloatArray  # (n,) SI
    quality: QualityArray  # (n,)
    stamp_ns: int
    """When the values were taken; the newest where they differ."""
    received_ns: int
    stamps_ns: StampArray | None = None
    """(n,) when each value was taken; None where all were at `stamp_ns`."""
    historical: bool = False
    """Past values: to be kept, not to be acted on."""

    def readings(self, units: tuple[str, ...]) -> tuple[Reading, ...]:
        """Returns the scan as single readings; `units` is the whole tag table's SI unit column."""
        stamps = [self.stamp_ns] * len(self.tags) if self.stamps_ns is None else self.stamps_ns.tolist()
        columns = zip(self.tags, self.rows.tolist(), self.values.tolist(), self.quality.tolist(), stamps, strict=True)
        return tuple(
            Reading(tag, value, units[row], Quality(quality), stamp_ns, self.received_ns)
            for tag, row, value, quality, stamp_ns in columns
        )

    def pick(self, which: IndexArray) -> Scan:
        """Returns the scan with the values at these places alone, at least one."""
        stamps_ns = None if self.stamps_ns is None else self.stamps_ns[which]
        return Scan(
            self.source,
            self.rows[which],
            tuple([self.tags[i] for i in which.tolist()]),
            self.values[which],
            self.quality[which],
            self.stamp_ns if stamps_ns is None else int(stamps_ns.max()),
            self.received_ns,
            stamps_ns,
            self.historical,
        )
