"""The black box itself: a ring, and what becomes of it when something fails. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from workcell_console.black_box.ring import NS_PER_S, Entry, Latched, Ring

CAPTURES_OF_POST: Final = 4
"""Faults that follow on one another lengthen an incident to at most so many times the time after a fault."""


@dataclass(frozen=True)
class BlackBoxLimits:
    """What is kept.

    Attributes:
        pre_s: Time before a fault.
        post_s: Time after it.
        bytes_max: Memory for the time before, and again for the time after.
    """

    pre_s: float = 30.0
    post_s: float = 10.0
    bytes_max: int = 64 << 20


@dataclass(frozen=True)
class Trigger:
    """A reason to keep what is in the box."""

    stamp_ns: int
    reason: str


@dataclass(frozen=True)
class Incident:
    """What is to be written.

    Attributes:
        triggers: The faults, the first of which opened it.
        entries: Latched messages, then all others in the order in which they came.
        pre_s: Time before the first fault that is in it.
        dropped_before: Messages of the wanted time before the fault that the memory did not hold.
        dropped_after: Messages after the fault that it did not hold.
    """

    triggers: tuple[Trigger, ...]
    entries: tuple[Entry, ...]
    pre_s: float
    dropped_before: int
    dropped_after: int


@dataclass
class _Capture:
    triggers: list[Trigger]
    entries: list[Entry]
    until_ns: int
    end_ns: int
    pre_s: float
    dropped_before: int
    dropped_after: int = 0
    after_bytes: int = 0


class BlackBox:
    """Keeps the newest messages; a trigger turns them, and those of a while after, into an incident."""

    def __init__(self, limits: BlackBoxLimits) -> None:
        self._limits = limits
        self._post_ns = round(limits.post_s * NS_PER_S)
        self.ring = Ring(round(limits.pre_s * NS_PER_S), limits.bytes_max)
        self.latched = Latched()
        self._capture: _Capture | None = None

    @property
    def is_capturing(self) -> bool:
        """Whether an incident is open."""
        return self._capture is not None

    def note(self, entry: Entry) -> None:
        """Takes a message in."""
        for left in self.ring.append(entry):
            self.latched.note(left)
        capture = self._capture
        if capture is None or entry.stamp_ns > capture.until_ns:
            return
        if capture.after_bytes + entry.size_bytes > self._limits.bytes_max:
            capture.dropped_after += 1
            return
        capture.after_bytes += entry.size_bytes
        capture.entries.append(entry)

    def trigger(self, now_ns: int, reason: str) -> None:
        """Opens an incident, or lengthens the one that is open."""
        trigger = Trigger(now_ns, reason)
        if self._capture is not None:
            self._capture.triggers.append(trigger)
            self._capture.until_ns = min(now_ns + self._post_ns, self._capture.end_ns)
            return
        before = list(self.ring)
        begin_ns = before[0].stamp_ns if before else now_ns
        self._capture = _Capture(
            triggers=[trigger],
            entries=[*self.latched.entries(begin_ns), *before],
            until_ns=now_ns + self._post_ns,
            end_ns=now_ns + CAPTURES_OF_POST * self._post_ns,
            pre_s=(now_ns - begin_ns) / NS_PER_S,
            dropped_before=self.ring.cut_count(),
        )

    def take(self, now_ns: int, at_once: bool = False) -> Incident | None:
        """Returns the incident once its time has passed, or, where the box is shut down, at once."""
        capture = self._capture
        if capture is None or (now_ns <= capture.until_ns and not at_once):
            return None
        self._capture = None
        return Incident(
            tuple(capture.triggers),
            tuple(capture.entries),
            capture.pre_s,
            capture.dropped_before,
            capture.dropped_after,
        )
