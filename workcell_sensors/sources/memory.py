"""Frames handed over within the process: virtual time has no sockets."""

from __future__ import annotations

import dataclasses

from workcell_sensors.reading import NS_PER_S, Frame
from workcell_sensors.sources.source import ClockNs, Emit, Link, SourceSpec, SourceStatus


class MemorySource:
    """Passes on the frames that are pushed into it; silent for `stall_s`, it counts as down."""

    def __init__(self, spec: SourceSpec, emit: Emit, clock_ns: ClockNs) -> None:
        self.spec = spec
        self._emit = emit
        self._clock_ns = clock_ns
        self._status = SourceStatus()
        self._heard_ns = 0
        self._ever_up = False

    @property
    def name(self) -> str:
        """The source's name in the tag table."""
        return self.spec.name

    def start(self) -> None:
        """Begins to accept frames."""
        self._status = SourceStatus(link=Link.CONNECTING)
        self._heard_ns = self._clock_ns()
        self._ever_up = False

    def stop(self) -> None:
        """Ends; frames pushed from now on are ignored."""
        self._status = dataclasses.replace(self._status, link=Link.STOPPED, reason="")

    def push(self, frame: Frame) -> None:
        """Takes one frame of this source's devices."""
        status = self._status
        if status.link is Link.STOPPED:
            return
        self._heard_ns = frame.received_ns
        reconnects = status.reconnects
        if status.link is not Link.CONNECTED:
            reconnects += 1 if self._ever_up else 0
            self._ever_up = True
        self._status = SourceStatus(
            Link.CONNECTED, "", reconnects, status.frames + 1, status.values + len(frame.values), status.rejected
        )
        self._emit(frame)

    def status(self) -> SourceStatus:
        """Returns how the source stands now."""
        silent_ns = self._clock_ns() - self._heard_ns
        if self._status.link is Link.CONNECTED and silent_ns > self.spec.stall_s * NS_PER_S:
            reason = f"stalled, no frame for {self.spec.stall_s:g} s"
            self._status = dataclasses.replace(self._status, link=Link.DOWN, reason=reason)
        return self._status
