"""The world's time on the node's clock: a world that stood still makes up for some of it, and loses the rest."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

NS_PER_S = 1_000_000_000
CATCH_UP_MAX_S = 0.5
"""A late timer is made up for by this much at once; the rest is lost time of the world."""
LOSSES_KEPT = 16


class Due(NamedTuple):
    """Steps to make now, and steps that are lost."""

    steps: int
    lost: int


class _Loss(NamedTuple):
    """Until when the world's time began at which time of the node's clock, and the world's time at its end."""

    until_ns: int
    origin_ns: int
    time_ns: int


class WorldClock:
    """Tells how many steps are due, and which time of the world a stamp is.

    A stamp from before a loss stays what it was: a trajectory that is dated to the last feedback before it goes on
    where the arm's reference is, and not where it would be had the world not stood still.

    Args:
        now_ns: time of the node's clock.
        time_s: time of the world now.
        tick_s: step of the world.
    """

    def __init__(self, now_ns: int, time_s: float, tick_s: float) -> None:
        self._tick_ns = round(tick_s * NS_PER_S)
        self._origin_ns = now_ns - round(time_s * NS_PER_S)
        self._losses: deque[_Loss] = deque(maxlen=LOSSES_KEPT)

    def due(self, now_ns: int, time_s: float) -> Due:
        """Returns the steps that bring the world, which is at `time_s`, up to now."""
        time_ns = round(time_s * NS_PER_S)
        steps = max(now_ns - self._origin_ns - time_ns, 0) // self._tick_ns
        limit = max(round(CATCH_UP_MAX_S * NS_PER_S) // self._tick_ns, 1)
        lost = max(steps - limit, 0)
        if lost:
            self._losses.append(_Loss(self._origin_ns + time_ns, self._origin_ns, time_ns))
            self._origin_ns += lost * self._tick_ns
        return Due(steps - lost, lost)

    def stamp_ns(self, time_s: float) -> int:
        """Time of the node's clock at which the world is, or was to be, at a time since it last stood still."""
        return self._origin_ns + round(time_s * NS_PER_S)

    def time_of(self, stamp_ns: int) -> float:
        """Time of the world in [s] at a time of the node's clock; while it stood still, when it did."""
        origin_ns, least_ns = self._origin_ns, None
        for loss in reversed(self._losses):
            if stamp_ns > loss.until_ns:
                least_ns = loss.time_ns
                break
            origin_ns = loss.origin_ns
        time_ns = stamp_ns - origin_ns
        return (time_ns if least_ns is None else max(time_ns, least_ns)) / NS_PER_S
