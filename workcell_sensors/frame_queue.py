"""The bounded hand-over from the network's thread to the node's, with the journal as its longer memory."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

from workcell_sensors.frame_codec import FrameCodec, Summary, decode, decode_layout
from workcell_sensors.journal import Entry, Journal, fsync_all
from workcell_sensors.losses import Losses
from workcell_sensors.reading import Frame


@dataclass(frozen=True)
class Store:
    """A journal and how frames are written to it."""

    journal: Journal
    codec: FrameCodec


@dataclass(frozen=True)
class Taken:
    """A frame handed out, and its sequence in the journal; 0 where it stands in none."""

    seq: int
    frame: Frame


class FrameQueue:
    """A bounded queue of frames, safe between threads; the oldest gives way, for the newest matters most.

    With a journal every frame is on disk before it can be taken, and stays there until it is acknowledged. What gave
    way in memory, or was never acknowledged before the last start, is not lost: `reread` gives it out.
    """

    def __init__(self, frames_max: int, store: Store | None = None) -> None:
        if frames_max < 1:
            raise ValueError(f"frames_max is {frames_max}; it is at least 1")
        self._frames: deque[Taken] = deque()
        self._frames_max = frames_max
        self._store = store
        self._lock = threading.Lock()
        self._losses = Losses()
        self._layouts: dict[bytes, dict[str, tuple[str, ...]]] = {}
        self.rejected = 0
        """Frames that were none: columns of different lengths, addresses of no tag, journal entries of no sense."""
        self.fault = ""
        """Why the journal takes nothing at the moment; frames then wait in memory alone."""

    @property
    def losses(self) -> Losses:
        """What the bound has cost; with a journal since that was made, else since the start."""
        return self._losses if self._store is None or self._losses.frames else self._store.journal.losses

    @property
    def unconfirmed(self) -> int:
        """Frames that the journal's bound has cost after they were handed out and before they were acknowledged."""
        return 0 if self._store is None else self._store.journal.unconfirmed

    @property
    def epoch(self) -> str:
        """The journal's; empty without one."""
        return "" if self._store is None else self._store.journal.epoch

    @property
    def is_stored(self) -> bool:
        """Whether there is a journal."""
        return self._store is not None

    @property
    def acknowledged(self) -> int:
        """Up to here frames are done with; 0 without a journal."""
        return 0 if self._store is None else self._store.journal.acknowledged

    @property
    def told_seq(self) -> int:
        """Up to here no frame is in memory any more; 0 without a journal."""
        with self._lock:
            first = next((item.seq for item in self._frames if item.seq), 0)
            if first or self._store is None:
                return max(0, first - 1)
            return self._store.journal.last_seq

    def put(self, frame: Frame) -> None:
        """Adds a frame; any thread may. Whatever is wrong with it is counted, never raised: its sender must live."""
        if not _is_whole(frame):
            self.rejected += 1
            return
        if self._store is None:
            with self._lock:
                self._push(Taken(0, frame))
            return
        try:
            payload = self._store.codec.encode(frame)
        except KeyError:
            self.rejected += 1
            return
        with self._lock:
            self._push(Taken(self._append(self._store.journal, payload), frame))

    def take(self, count_max: int = 1000) -> list[Taken]:
        """Returns and removes up to so many frames from memory, oldest first."""
        if not self._frames:
            return []
        with self._lock:
            return [self._frames.popleft() for _ in range(min(count_max, len(self._frames)))]

    def reread(self, after_seq: int, count_max: int) -> list[Taken]:
        """Returns up to so many frames above `after_seq` from the journal, in order; empty: there are none."""
        if self._store is None:
            return []
        journal = self._store.journal
        while True:
            with self._lock:
                entries = journal.read(after_seq, count_max)
            items = [item for entry in entries if (item := self._decoded(entry)) is not None]
            if items or not entries:
                return items
            after_seq = entries[-1].seq

    def handed(self, seq: int) -> None:
        """Says that all frames up to `seq` went out to those who count."""
        if self._store is not None:
            self._store.journal.handed_seq = max(self._store.journal.handed_seq, seq)

    def acknowledge(self, seq: int) -> None:
        """Says that all frames up to `seq` are done with."""
        if self._store is None or seq <= self._store.journal.acknowledged:
            return
        with self._lock:
            try:
                self._store.journal.acknowledge(seq)
                self.fault = ""
            except OSError as error:
                self.fault = str(error)

    def sync(self) -> None:
        """Makes what was put outlive a loss of power; may take long, so call it where nothing waits."""
        if self._store is None:
            return
        with self._lock:
            descriptors = self._store.journal.unsynced()
        try:
            fsync_all(descriptors)
        except OSError as error:
            self.fault = str(error)

    def _append(self, journal: Journal, payload: bytes) -> int:
        try:
            seq = journal.append(payload)
            self.fault = ""
        except (ValueError, OSError) as error:
            self.fault = str(error)
            return 0
        return seq

    def _push(self, item: Taken) -> None:
        if len(self._frames) == self._frames_max:
            oldest = self._frames.popleft()
            if oldest.seq == 0:
                self._losses.add([_summary(oldest.frame)])
        self._frames.append(item)

    def _decoded(self, entry: Entry) -> Taken | None:
        try:
            if entry.head not in self._layouts:
                self._layouts = {entry.head: decode_layout(entry.head)}
            return Taken(entry.seq, decode(self._layouts[entry.head], entry.payload))
        except ValueError:
            self.rejected += 1
            return None


def _is_whole(frame: Frame) -> bool:
    size = len(frame.addresses)
    columns = (frame.values, frame.quality, frame.stamps_ns)
    return all(column is None or column.shape == (size,) for column in columns)


def _summary(frame: Frame) -> Summary:
    return Summary(frame.source, len(frame.values), frame.stamp_ns)
