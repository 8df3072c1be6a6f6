"""Keeps the gate open for everybody while one proposes without end."""

from __future__ import annotations

from collections import deque

NS_PER_S = 1_000_000_000
WINDOW_NS = NS_PER_S
PROPOSALS_MAX = 40
"""Within the window; all that policy and monitor propose in a cycle together stays far below."""


class FloodGuard:
    """Admits so many proposals per window and counts the rest, which are not ruled on or written down one by one."""

    def __init__(self) -> None:
        self._admitted_ns: deque[int] = deque(maxlen=PROPOSALS_MAX)
        self._turned_away = 0

    def admits(self, now_ns: int) -> bool:
        """Returns whether a proposal that came now may pass."""
        is_full = len(self._admitted_ns) == PROPOSALS_MAX and now_ns - self._admitted_ns[0] < WINDOW_NS
        if is_full:
            self._turned_away += 1
            return False
        self._admitted_ns.append(now_ns)
        return True

    def take(self) -> int:
        """Returns how many were turned away since the last call."""
        count, self._turned_away = self._turned_away, 0
        return count
