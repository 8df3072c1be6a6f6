"""How fast a unit may be asked: at its tags' periods, and never faster than it bears; pure."""

from __future__ import annotations

from dataclasses import dataclass, field

STRETCH_MAX = 64.0
RECOVERY = 0.9
"""How much of the stretch each good scan leaves."""
SMOOTHING = 0.2


@dataclass
class Pacer:
    """Spaces the scans of one unit.

    A unit that has worked for t seconds is left alone for t * (1 - load) / load: it is under way for at most the share
    `load_max` of the time, however slow it is. A unit that says it is busy, or does not answer, is asked half as
    often from then on, and with each good scan a little more often again (additive increase would take minutes to
    find back from the cap; a tenth per scan takes some forty scans).

    >>> pacer = Pacer(load_max=0.5)
    >>> pacer.scanned(began_s=0.0, ended_s=0.2)
    >>> pacer.next_s(period_s=0.1, due_s=0.1), pacer.next_s(period_s=1.0, due_s=1.0)
    (0.4, 1.0)
    >>> pacer.hindered(0.5)
    >>> pacer.next_s(period_s=0.1, due_s=0.6)
    0.7
    """

    load_max: float
    stretch: float = field(default=1.0, init=False)
    """How many times longer than wished the periods are now."""
    round_trip_s: float = field(default=0.0, init=False)
    """Smoothed time per request."""
    _free_s: float = field(default=0.0, init=False)

    def answered(self, seconds: float) -> None:
        """Takes the time of one request in."""
        if self.round_trip_s == 0.0:
            self.round_trip_s = seconds
        self.round_trip_s += SMOOTHING * (seconds - self.round_trip_s)

    def scanned(self, began_s: float, ended_s: float) -> None:
        """Says that the unit worked from the one time to the other and gave all that was asked."""
        self.stretch = max(1.0, self.stretch * RECOVERY)
        self._rest(began_s, ended_s)

    def hindered(self, now_s: float) -> None:
        """Says that the unit was busy or silent."""
        self.stretch = min(STRETCH_MAX, 2.0 * self.stretch)
        self._free_s = max(self._free_s, now_s)

    def next_s(self, period_s: float, due_s: float) -> float:
        """Returns when to scan next what is wished every `period_s` and is due at `due_s`."""
        return max(due_s + (self.stretch - 1.0) * period_s, self._free_s)

    def _rest(self, began_s: float, ended_s: float) -> None:
        self._free_s = ended_s + (ended_s - began_s) * (1.0 - self.load_max) / self.load_max
