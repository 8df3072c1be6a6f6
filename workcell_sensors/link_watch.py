"""Notices when a source's link changes, so that each change is told once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workcell_sensors.reading import NS_PER_S
from workcell_sensors.sources.source import Link, SourceStatus


@dataclass(frozen=True)
class LinkChange:
    """One change of a link, as a line for the log."""

    source: str
    up: bool
    text: str


class LinkWatch:
    """Compares statuses with those seen before."""

    def __init__(self, now_ns: int) -> None:
        self._seen: dict[str, tuple[Link, int]] = {}
        self._rates: dict[str, tuple[int, int, float]] = {}
        self._start_ns = now_ns

    def changes(self, statuses: Mapping[str, SourceStatus]) -> tuple[LinkChange, ...]:
        """Returns the links that came up, went down, or did both since the last call."""
        found = []
        for name, status in statuses.items():
            now = (status.link, status.reconnects)
            if now == self._seen.get(name):
                continue
            before = self._seen.get(name)
            self._seen[name] = now
            if status.link is Link.CONNECTED:
                again = f" again (reconnect {status.reconnects})" if before and status.reconnects else ""
                found.append(LinkChange(name, True, f"source {name}: connected{again}"))
            elif status.link is Link.DOWN:
                found.append(LinkChange(name, False, f"source {name}: down, {status.reason}"))
        return tuple(found)

    def rate_hz(self, name: str, frames: int, now_ns: int) -> float:
        """Returns a source's frames per second since about a second ago."""
        since_ns, counted, rate_hz = self._rates.get(name, (self._start_ns, 0, 0.0))
        elapsed_s = (now_ns - since_ns) / NS_PER_S
        if elapsed_s >= 0.5:
            # A restarted source counts from zero again.
            rate_hz = round(max(0, frames - counted) / elapsed_s, 2)
            self._rates[name] = (now_ns, frames, rate_hz)
        return rate_hz
