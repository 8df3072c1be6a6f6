"""Changes that wait, for the twin or for a person, each for a bounded time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from workcell_control.governance.authority import Ruling

PENDING_MAX = 16
"""More than this many waiting changes is a policy gone wild; the oldest is dropped, and said so."""


@dataclass(frozen=True)
class Waiting:
    """One change on hold."""

    stamp_ns: int
    """The proposal's identity."""
    node: str
    ruling: Ruling
    expires_ns: int


class WaitingRoom:
    """A bounded set of waiting changes by proposal stamp."""

    def __init__(self, capacity: int = PENDING_MAX) -> None:
        self._capacity = capacity
        self._waiting: dict[int, Waiting] = {}

    def __iter__(self) -> Iterator[Waiting]:
        return iter(tuple(self._waiting.values()))

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, item: Waiting) -> list[Waiting]:
        """Adds a change and returns those it replaces.

        A newer proposal for the same parameters makes the older one moot, so that a person never approves
        what the policy no longer wants.
        """
        moot = [
            old
            for old in self._waiting.values()
            if old.node == item.node and set(old.ruling.parameters) & set(item.ruling.parameters)
        ]
        for old in moot:
            del self._waiting[old.stamp_ns]
        while len(self._waiting) >= self._capacity:
            moot.append(self._waiting.pop(next(iter(self._waiting))))
        self._waiting[item.stamp_ns] = item
        return moot

    def take(self, stamp_ns: int) -> Waiting | None:
        """Removes and returns a change, or None where it no longer waits."""
        return self._waiting.pop(stamp_ns, None)

    def take_expired(self, now_ns: int) -> list[Waiting]:
        """Removes and returns what has waited too long."""
        gone = [item for item in self._waiting.values() if item.expires_ns <= now_ns]
        for item in gone:
            del self._waiting[item.stamp_ns]
        return gone
