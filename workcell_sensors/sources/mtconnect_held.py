"""Values that hold until something else is said; pure.

MTConnect tells changes only, and a tag must not grow stale in between.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from workcell_sensors.reading import FloatArray, Quality, QualityArray
from workcell_sensors.sources.mtconnect_values import Value

FUTURE_NS_MAX = 5_000_000_000
"""A stamp further ahead than this counts as taken on arrival, here as in the pipeline."""


@dataclass(frozen=True)
class Confirmed:
    """Values that still hold, and until when they are known to."""

    addresses: tuple[str, ...]
    values: FloatArray  # (n,)
    quality: QualityArray  # (n,)
    stamp_ns: int


class Held:
    """The last value of each address.

    How far the device has come is told by its newest stamp and the time since: that needs no common clock. A lag
    leaves room for what is still under way, which must not look old when it comes.
    """

    def __init__(self) -> None:
        self._values: dict[str, tuple[float, int, int]] = {}
        self._newest_ns = 0
        self._heard_ns = 0

    def note(self, value: Value, stamp_ns: int, now_ns: int) -> None:
        """Takes a value in that came at `now_ns`."""
        if stamp_ns - now_ns > FUTURE_NS_MAX:
            # Nobody believes such a time, and one of them must not make all that follows look old.
            stamp_ns = now_ns
        self._values[value.address] = (value.number, value.quality, stamp_ns)
        if stamp_ns > self._newest_ns:
            self._newest_ns, self._heard_ns = stamp_ns, now_ns

    def lost_ns(self, address: str, stamp_ns: int, now_ns: int) -> int | None:
        """Returns when a value was lost of which an agent says at `stamp_ns` that it is unavailable.

        That time is by the agent's clock. By the device's it is after its last value and not after its present, or its
        next value would look old. None where there never was a value: nothing has been lost.
        """
        known = self._values.get(address)
        if known is None:
            return None
        return max(known[2] + 1, min(stamp_ns, self._newest_ns + (now_ns - self._heard_ns)))

    def lose(self, address: str, stamp_ns: int) -> None:
        """Takes in that a value is not known any more."""
        self._values[address] = (math.nan, Quality.BAD, stamp_ns)

    def forget(self, addresses: Iterable[str]) -> None:
        """Forgets some addresses."""
        for address in addresses:
            self._values.pop(address, None)

    def clear(self) -> None:
        """Forgets everything, and how far the device had come."""
        self._values.clear()
        self._newest_ns = self._heard_ns = 0

    def confirmed(self, now_ns: int, lag_ns: int) -> Confirmed | None:
        """Returns what has not changed for longer than the lag, as of that long ago; None where there is nothing."""
        until_ns = self._newest_ns + (now_ns - self._heard_ns) - lag_ns
        held = [(address, *value) for address, value in self._values.items() if value[2] < until_ns]
        if not held or not self._newest_ns:
            return None
        addresses, numbers, qualities, _ = zip(*held, strict=True)
        for address, number, quality, _ in held:
            self._values[address] = (number, quality, until_ns)
        return Confirmed(addresses, np.array(numbers, dtype=np.float64), np.array(qualities, dtype=np.uint8), until_ns)
