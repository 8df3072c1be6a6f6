"""The newest messages, bounded in time and in memory. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Final, NamedTuple

NS_PER_S: Final = 1_000_000_000
ENTRY_BYTES: Final = 200
"""What a kept message takes beside its content."""


class Entry(NamedTuple):
    """One received message, as it was serialized."""

    topic: str
    stamp_ns: int
    data: bytes

    @property
    def size_bytes(self) -> int:
        """Memory that it takes."""
        return len(self.data) + ENTRY_BYTES


class Ring:
    """Messages of the last `span_ns`, of these the newest that fit into `bytes_max`.

    A clock that jumps back, as that of a simulation started anew does, empties it: what is in it is of another run.
    """

    def __init__(self, span_ns: int, bytes_max: int) -> None:
        self._span_ns = span_ns
        self._bytes_max = bytes_max
        self._entries: deque[Entry] = deque()
        self._cut: deque[tuple[int, int]] = deque()
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    @property
    def span_s(self) -> float:
        """Time between the oldest and the newest message."""
        return (self._entries[-1].stamp_ns - self._entries[0].stamp_ns) / NS_PER_S if self._entries else 0.0

    def append(self, entry: Entry) -> list[Entry]:
        """Takes a message in and returns those that had to leave, oldest first; one that is too big leaves at once."""
        left: list[Entry] = []
        if self._entries and entry.stamp_ns < self._entries[-1].stamp_ns:
            left += self._entries
            self._clear()
        self._entries.append(entry)
        self.size_bytes += entry.size_bytes
        oldest_ns = entry.stamp_ns - self._span_ns
        while self._entries and self._entries[0].stamp_ns < oldest_ns:
            left.append(self._pop())
        while self.size_bytes > self._bytes_max:
            left.append(self._pop())
            self._note_cut(left[-1].stamp_ns)
        while self._cut and self._cut[0][0] < oldest_ns // NS_PER_S:
            self._cut.popleft()
        return left

    def cut_count(self) -> int:
        """Returns how many messages, give or take those of a second, are young enough but did not fit."""
        return sum(count for _, count in self._cut)

    def _pop(self) -> Entry:
        entry = self._entries.popleft()
        self.size_bytes -= entry.size_bytes
        return entry

    def _note_cut(self, stamp_ns: int) -> None:
        second, count = stamp_ns // NS_PER_S, 1
        if self._cut and self._cut[-1][0] == second:
            count += self._cut.pop()[1]
        self._cut.append((second, count))

    def _clear(self) -> None:
        self._entries.clear()
        self._cut.clear()
        self.size_bytes = 0


class Latched:
    """What was last said on latched topics, kept beyond the ring: a bag tells it as a late subscriber hears it."""

    def __init__(self, topic_bytes_max: int = 1 << 20) -> None:
        self._topic_bytes_max = topic_bytes_max
        self._kept: dict[str, deque[Entry]] = {}

    def add_topic(self, topic: str, depth: int) -> None:
        """Announces a latched topic and how many of its messages a late subscriber gets."""
        self._kept.setdefault(topic, deque(maxlen=depth))

    def note(self, entry: Entry) -> None:
        """Takes in a message that has left the ring."""
        kept = self._kept.get(entry.topic)
        if kept is None:
            return
        kept.append(entry)
        while kept and sum(item.size_bytes for item in kept) > self._topic_bytes_max:
            kept.popleft()

    def entries(self, stamp_ns: int) -> list[Entry]:
        """Returns all that is kept, in order, as if it had been said at `stamp_ns`."""
        kept = sorted((entry for entries in self._kept.values() for entry in entries), key=lambda item: item.stamp_ns)
        return [entry._replace(stamp_ns=stamp_ns) for entry in kept]
