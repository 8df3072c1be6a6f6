"""Tells a move that got stuck from one that creeps because somebody turned the speed slider down."""

from __future__ import annotations

NS_PER_S = 1_000_000_000


class StallWatch:
    """Counts for how long a move's result is due although the arm stands still.

    Time is counted at the slider's share, as the controller carries a trajectory out: at a tenth of the speed an arm
    takes ten times as long to its end, and creeps there so slowly that it seems to stand.
    """

    def __init__(self) -> None:
        self._overdue_s = 0.0
        self._last_ns = 0

    def begin(self, now_ns: int, duration_s: float) -> None:
        """A trajectory of this duration was sent."""
        self._last_ns = now_ns
        self._overdue_s = -duration_s

    def overdue_s(self, now_ns: int, scaling: float, *, is_still: bool) -> float:
        """Returns for how long the arm has stood still past the trajectory's end, in its own time; to be asked often.

        Args:
            now_ns: time now.
            scaling: the slider's share, 0..1.
            is_still: whether the arm stands, and for no reason of its own.
        """
        self._overdue_s += scaling * (now_ns - self._last_ns) / NS_PER_S
        self._last_ns = now_ns
        if not is_still:
            self._overdue_s = min(self._overdue_s, 0.0)
        return max(self._overdue_s, 0.0)
