"""What is to be done at a later time of a replay. Pure."""

from __future__ import annotations

from collections.abc import Callable

NEVER_NS = 1 << 63


class Agenda:
    """Calls and when they are due."""

    def __init__(self) -> None:
        self._items: list[tuple[int, Callable[[], object]]] = []

    @property
    def next_ns(self) -> int:
        """When the next call is due; never where there is none."""
        return min((due_ns for due_ns, _ in self._items), default=NEVER_NS)

    def add(self, due_ns: int, call: Callable[[], object]) -> None:
        """Has something done once that time has come."""
        self._items.append((due_ns, call))

    def do_due(self, now_ns: int) -> None:
        """Does what is due by now, in the order in which it became so; what that adds is for the next time."""
        due = sorted((item for item in self._items if item[0] <= now_ns), key=lambda item: item[0])
        self._items = [item for item in self._items if item[0] > now_ns]
        for _, call in due:
            call()
