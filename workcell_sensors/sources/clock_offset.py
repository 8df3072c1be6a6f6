"""How far a device's clock is from ours, from the times on its values alone."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from statistics import median

from workcell_sensors.reading import NS_PER_S

WINDOW_NS = 10 * NS_PER_S
WINDOWS_MAX = 7


@dataclass
class ClockOffset:
    """Estimates device clock minus ours as the negated least difference between arrival and source time.

    A value is under way for a time that varies but is never negative, so the quickest value of a window comes closest
    to the truth (the minimum-delay filter of NTP, RFC 5905 section 10); the shortest time under way remains in the
    estimate. The median over the last windows keeps one wild stamp from deciding, and follows a drifting clock.

    >>> clock = ClockOffset()
    >>> for step in range(100):
    ...     clock.note(step * 10**9, step * 10**9 + (3 + step % 5) * 10**6)
    >>> round(clock.offset_s, 3)
    -0.003
    """

    _least_ns: deque[int] = field(default_factory=lambda: deque(maxlen=WINDOWS_MAX), init=False)
    _window_ends_ns: int = field(default=0, init=False)

    def note(self, stamp_ns: int, received_ns: int) -> None:
        """Takes one value's source time and arrival in."""
        late_ns = received_ns - stamp_ns
        if received_ns >= self._window_ends_ns or not self._least_ns:
            self._window_ends_ns = received_ns + WINDOW_NS
            self._least_ns.append(late_ns)
        elif late_ns < self._least_ns[-1]:
            self._least_ns[-1] = late_ns

    @property
    def offset_s(self) -> float:
        """The estimate; NaN before the first value."""
        return -median(self._least_ns) / NS_PER_S if self._least_ns else math.nan


def at_device(server_ns: int, server: ClockOffset, device: ClockOffset, now_ns: int) -> int:
    """Returns what a device's clock showed at a time of its server's clock; without estimates both are the same clock.

    It is never later than now by the device's clock. Where our clock is a simulation's that runs slower than the
    server's, the estimate is of a while ago and leads ahead; a time ahead would silence what comes until then.
    """
    server_s, device_s = server.offset_s, device.offset_s
    if math.isnan(server_s) or math.isnan(device_s):
        server_s = device_s = 0.0
    return min(server_ns + round((device_s - server_s) * NS_PER_S), now_ns + round(device_s * NS_PER_S))
