"""Puts an edge node's messages back into the order of their sequence numbers (specification 3.0, section 5.11)."""

from __future__ import annotations

from collections import deque
from typing import Generic, NamedTuple, TypeVar

SEQ_COUNT = 256
WINDOW_MAX = 128
"""Messages held back at most; half of the sequence, beyond which ahead and behind are the same."""
RECENT_MAX = 64
"""Messages remembered to tell a duplicate from one that comes round again."""

Item = TypeVar("Item")


def next_seq(seq: int) -> int:
    """Returns the sequence number that follows.

    >>> next_seq(254), next_seq(255)
    (255, 0)
    """
    return (seq + 1) % SEQ_COUNT


class Arrival(NamedTuple, Generic[Item]):
    """What came of one message.

    Attributes:
        ready: messages that are now in order, oldest first.
        missing: messages given up for lost before them.
        is_duplicate: it had come before.
    """

    ready: tuple[Item, ...] = ()
    missing: int = 0
    is_duplicate: bool = False


class SequenceWindow(Generic[Item]):
    """Holds messages back until those before them have come, or the reorder timeout has passed."""

    def __init__(self, timeout_ns: int) -> None:
        self._timeout_ns = timeout_ns
        self._expected = 0
        self._held: dict[int, tuple[Item, int]] = {}
        self._recent: deque[tuple[int, int]] = deque(maxlen=RECENT_MAX)
        self._deadline_ns: int | None = None

    @property
    def deadline_ns(self) -> int | None:
        """When the missing messages are given up; None while none is missing."""
        return self._deadline_ns

    def restart(self, birth_seq: int) -> None:
        """Begins after an NBIRTH, with nothing held."""
        self._expected = next_seq(birth_seq)
        self._held.clear()
        self._recent.clear()
        self._deadline_ns = None

    def held(self) -> tuple[Item, ...]:
        """Returns the messages that are held back, in order."""
        order = sorted(self._held, key=lambda seq: (seq - self._expected) % SEQ_COUNT)
        return tuple(self._held[seq][0] for seq in order)

    def offer(self, seq: int, item: Item, fingerprint: int, now_ns: int) -> Arrival[Item]:
        """Takes one message; `fingerprint` tells its bytes from those of another with the same number."""
        if seq == self._expected and not self._held:
            # In order with nothing held, which is nearly always.
            self._recent.append((seq, fingerprint))
            self._expected = next_seq(seq)
            return Arrival((item,))
        if (seq, fingerprint) in self._recent or (seq in self._held and self._held[seq][1] == fingerprint):
            return Arrival(is_duplicate=True)
        missing: tuple[Item, ...] = ()
        lost = 0
        if seq in self._held or len(self._held) >= WINDOW_MAX:
            # Too far ahead to wait for: what is missing will not come any more.
            missing, lost = self._give_up()
        self._held[seq] = (item, fingerprint)
        ready = self._drain(now_ns)
        return Arrival(missing + ready, lost)

    def expire(self, now_ns: int) -> Arrival[Item]:
        """Gives the missing messages up where the timeout has passed."""
        if self._deadline_ns is None or now_ns < self._deadline_ns:
            return Arrival()
        ready, lost = self._give_up()
        return Arrival(ready, lost)

    def _drain(self, now_ns: int) -> tuple[Item, ...]:
        ready = []
        while self._expected in self._held:
            item, fingerprint = self._held.pop(self._expected)
            self._recent.append((self._expected, fingerprint))
            self._expected = next_seq(self._expected)
            ready.append(item)
        if not self._held:
            self._deadline_ns = None
        elif ready or self._deadline_ns is None:
            # What was missing has come, or this is the first that is: the time runs from here.
            self._deadline_ns = now_ns + self._timeout_ns
        return tuple(ready)

    def _give_up(self) -> tuple[tuple[Item, ...], int]:
        ready = self.held()
        if not ready:
            return (), 0
        last = max(self._held, key=lambda seq: (seq - self._expected) % SEQ_COUNT)
        span = (last - self._expected) % SEQ_COUNT + 1
        self._recent.extend((seq, fingerprint) for seq, (_, fingerprint) in self._held.items())
        self._held.clear()
        self._expected = next_seq(last)
        self._deadline_ns = None
        return ready, span - len(ready)
