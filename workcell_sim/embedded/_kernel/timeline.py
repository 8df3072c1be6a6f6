"""The three clocks that can drive a kernel: wall, paced and virtual."""

from __future__ import annotations

import time
from collections.abc import Callable

from .errors import KernelError

WALL = "wall"
PACED = "paced"
VIRTUAL = "virtual"

# A virtual run starts here unless told otherwise: 2024-01-01T00:00:00Z. Not zero, since ROS reads stamp zero as
# "unset".
VIRTUAL_START_NS = 1_704_067_200_000_000_000


# How far a paced clock may lag behind real time and still catch up, in real time; beyond that the pace is given up.
PACED_LAG_MAX_NS = 50_000_000


class Timeline:
    """Time of one kernel in ns since the epoch; never runs backwards.

    A paced clock moves from event to event as a virtual one does, but never ahead of its pace: where the
    processor cannot keep up, time itself runs slower, so that no timeout passes only because the machine was
    busy.

    ``now_ns`` is a plain callable attribute because it lies on the hottest path.
    """

    now_ns: Callable[[], int]

    def __init__(self, kind: str, rate: float = 1.0, start_ns: int | None = None) -> None:
        if kind not in (WALL, PACED, VIRTUAL):
            raise KernelError(f"unknown clock {kind!r}: valid are {WALL!r}, {PACED!r}, {VIRTUAL!r}")
        if rate <= 0.0:
            raise KernelError(f"clock rate must be positive, got {rate}")
        if kind != PACED and rate != 1.0:
            raise KernelError(f"only the paced clock has a rate; {kind!r} was given rate {rate}")
        self.kind = kind
        self.is_virtual = kind == VIRTUAL
        self.rate = rate
        self._virtual_now_ns = 0
        if kind == VIRTUAL:
            self._virtual_now_ns = VIRTUAL_START_NS if start_ns is None else start_ns
            self.now_ns = lambda: self._virtual_now_ns
        elif kind == PACED:
            self._virtual_now_ns = time.time_ns() if start_ns is None else start_ns
            self._origin_ns = self._virtual_now_ns
            self._started_ns = time.monotonic_ns()
            self.now_ns = lambda: self._virtual_now_ns
        else:
            # Anchored to the monotonic clock so that a step of the system clock cannot reorder events.
            offset_ns = (time.time_ns() if start_ns is None else start_ns) - time.monotonic_ns()
            monotonic_ns = time.monotonic_ns
            self.now_ns = lambda: monotonic_ns() + offset_ns
        self.steady_offset_ns = self.now_ns() - time.monotonic_ns() if kind == WALL else 0

    def steady_ns(self) -> int:
        """Time since an arbitrary origin; on virtual and paced clocks the same line as :attr:`now_ns`."""
        return self.now_ns() - self.steady_offset_ns

    def real_seconds_until(self, time_ns: int) -> float:
        """Real seconds to sleep until ``time_ns`` (wall and paced clocks)."""
        reached_ns = self.pace_ns() if self.kind == PACED else self.now_ns()
        return max(0.0, (time_ns - reached_ns) / self.rate * 1e-9)

    def pace_ns(self) -> int:
        """The time up to which a paced clock may move now; a lag that cannot be caught up soon is forgiven."""
        pace_ns = self._origin_ns + int((time.monotonic_ns() - self._started_ns) * self.rate)
        lag_max_ns = int(PACED_LAG_MAX_NS * self.rate)
        excess_ns = pace_ns - self._virtual_now_ns - lag_max_ns
        if excess_ns > 0:
            self._origin_ns -= excess_ns
            return pace_ns - excess_ns
        return pace_ns

    def advance_to(self, time_ns: int) -> None:
        """Move a virtual or paced clock forward; earlier times are ignored."""
        self._virtual_now_ns = max(self._virtual_now_ns, time_ns)
