"""When a recorded row is due, and which time it gets in the present; pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from workcell_sensors.reading import NS_PER_S


@dataclass
class Pace:
    """Maps a recording's times to the present.

    Args:
        speed: seconds of the recording per second of the present.
        gap_s_max: a longer pause of the recording is played as one of this length; zero: as it is.

    >>> pace = Pace(speed=2.0, gap_s_max=10.0)
    >>> pace.begin(1000 * NS_PER_S)
    >>> [pace.due_ns(second * NS_PER_S) // NS_PER_S for second in (50, 52, 100, 99)]
    [1000, 1001, 1006, 1006]
    """

    speed: float
    gap_s_max: float = 0.0
    _due_ns: int = field(default=0, init=False)
    _last_ns: int | None = field(default=None, init=False)
    backwards: int = field(default=0, init=False)
    """Rows older than the one before them; they are played at once."""

    def begin(self, now_ns: int) -> None:
        """Lets the next row be due now."""
        self._due_ns = now_ns
        self._last_ns = None

    def due_ns(self, stamp_ns: int) -> int:
        """Returns when the row recorded at `stamp_ns` is due: its time in the present."""
        if self._last_ns is not None:
            step_ns = stamp_ns - self._last_ns
            if step_ns < 0:
                self.backwards += 1
                return self._due_ns
            if self.gap_s_max > 0.0:
                step_ns = min(step_ns, round(self.gap_s_max * NS_PER_S))
            self._due_ns += round(step_ns / self.speed)
        self._last_ns = stamp_ns
        return self._due_ns
