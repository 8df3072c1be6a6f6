"""What a node says of its own pulse: how often it works, how old its input is, what it dropped."""

from __future__ import annotations

from dataclasses import dataclass

NS_PER_S = 1_000_000_000


@dataclass(frozen=True)
class Pulse:
    """One heartbeat's figures."""

    rate_hz: float
    """Units of work per second since the last heartbeat."""
    staleness_s: float
    """Age of the newest input; infinite before the first."""
    drops: int
    """Inputs discarded since start."""


class Activity:
    """Counts a node's work between heartbeats."""

    def __init__(self, now_ns: int) -> None:
        self._since_ns = now_ns
        self._work = 0
        self._drops = 0
        self._newest_ns: int | None = None

    def note(self, now_ns: int, work: int = 1) -> None:
        """Counts `work` pieces done on input that arrived at `now_ns`."""
        self._work += work
        self._newest_ns = now_ns

    def drop(self, count: int = 1) -> None:
        """Counts inputs that were discarded."""
        self._drops += count

    def pulse(self, now_ns: int) -> Pulse:
        """Returns the figures since the last call and starts a new interval."""
        elapsed_s = (now_ns - self._since_ns) / NS_PER_S
        rate_hz = self._work / elapsed_s if elapsed_s > 0.0 else 0.0
        stale_s = float("inf") if self._newest_ns is None else (now_ns - self._newest_ns) / NS_PER_S
        self._since_ns = now_ns
        self._work = 0
        return Pulse(rate_hz=rate_hz, staleness_s=stale_s, drops=self._drops)
