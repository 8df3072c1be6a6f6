"""A suction cup behind a valve: a command, the output that switches it, and what the vacuum sensor says of it.

idle ─► switching ─► waiting ─► idle (reached, or stalled after a time)
             │ refused                     a new command preempts at any time
             └────────► idle (failed)
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

NS_PER_S = 1_000_000_000


@dataclass(frozen=True)
class SuctionSettings:
    """When a command counts as done."""

    reached_share: float
    """Share of the set point at which a grip is reached."""
    released_pa: float
    """Vacuum below which the cup has let go."""
    timeout_s: float
    """From the command to its end; a valve's answer counts in."""


@dataclass(frozen=True)
class SuctionEnd:
    """How a command ended; `vacuum_pa` is the vacuum then, below ambient."""

    goal_id: str
    is_reached: bool
    is_stalled: bool
    is_preempted: bool
    vacuum_pa: float
    reason: str = ""


class _Phase(enum.Enum):
    IDLE = enum.auto()
    SWITCHING = enum.auto()
    WAITING = enum.auto()


class Suction:
    """One command at a time. Switch the valve when `command` says so, and feed what comes back.

    Args:
        settings: When a command counts as done.
    """

    def __init__(self, settings: SuctionSettings) -> None:
        self._settings = settings
        self._phase = _Phase.IDLE
        self._goal_id = ""
        self._is_on = False
        self._set_point_pa = 0.0
        self._deadline_ns = 0
        self._vacuum_pa = 0.0
        self._valve: bool | None = None
        self._ended: list[SuctionEnd] = []

    @property
    def valve_pa(self) -> float | None:
        """What the valve stands at, as vacuum below ambient, 0 where it is shut; None while that is not known."""
        if self._valve is None:
            return None
        return self._set_point_pa if self._valve else 0.0

    @property
    def vacuum_pa(self) -> float:
        """Vacuum below ambient, measured last."""
        return self._vacuum_pa

    def command(self, goal_id: str, is_on: bool, set_point_pa: float, now_ns: int) -> bool:
        """Begins a command; returns whether the valve must be switched for it, and `on_switched` told."""
        if self._phase is not _Phase.IDLE:
            self._end(is_preempted=True)
        self._goal_id = goal_id
        self._is_on = is_on
        self._set_point_pa = set_point_pa
        self._deadline_ns = now_ns + round(self._settings.timeout_s * NS_PER_S)
        if self._valve is is_on:
            self._phase = _Phase.WAITING
            self._look()
            return False
        # Not known until this call is answered: a command that comes before must switch in any case.
        self._valve = None
        self._phase = _Phase.SWITCHING
        return True

    def on_switched(self, goal_id: str, is_ok: bool, reason: str) -> None:
        """The valve's answer to a command; one to a command that was replaced says nothing any more."""
        if goal_id != self._goal_id:
            return
        self._valve = self._is_on if is_ok else None
        if self._phase is not _Phase.SWITCHING:
            return
        if is_ok:
            self._phase = _Phase.WAITING
            self._look()
        else:
            self._end(reason=reason)

    def on_vacuum(self, vacuum_pa: float) -> None:
        """What the sensor says, below ambient."""
        self._vacuum_pa = vacuum_pa
        self._look()

    def cancel(self, goal_id: str) -> bool:
        """Forgets a command; the valve stays as it is. False if it is not the one in force."""
        if goal_id != self._goal_id or self._phase is _Phase.IDLE:
            return False
        self._phase = _Phase.IDLE
        return True

    def tick(self, now_ns: int) -> None:
        """Ends a command whose time is up."""
        if self._phase is not _Phase.IDLE and now_ns >= self._deadline_ns:
            is_waiting = self._phase is _Phase.WAITING
            self._end(is_stalled=is_waiting, reason="" if is_waiting else "the valve's output does not answer")

    def take_ended(self) -> list[SuctionEnd]:
        """Commands that ended since the last call."""
        ended, self._ended = self._ended, []
        return ended

    def _look(self) -> None:
        if self._phase is not _Phase.WAITING:
            return
        settings = self._settings
        level = self._set_point_pa * settings.reached_share
        if self._vacuum_pa >= level if self._is_on else self._vacuum_pa <= settings.released_pa:
            self._end(is_reached=True)

    def _end(
        self, *, is_reached: bool = False, is_stalled: bool = False, is_preempted: bool = False, reason: str = ""
    ) -> None:
        self._phase = _Phase.IDLE
        self._ended.append(SuctionEnd(self._goal_id, is_reached, is_stalled, is_preempted, self._vacuum_pa, reason))
