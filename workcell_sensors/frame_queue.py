"""The bounded hand-over from the network's thread to the node's, with the journal as its longer arm."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

from workcell_sensors.frame_codec import FrameCodec, Summary, decode, decode_layout
from workcell_sensors.journal import Entry, Journal
from workcell_sensors.losses import Losses
from workcell_sensors.reading import Frame


@dataclass(frozen=True)
class Store:
    """A journal and how frames are written to it."""

    journal: Journal
    codec: FrameCodec


@dataclass(frozen=True)
class Taken:
    """A frame handed out, and what to acknowledge when it is done with; 0 where there is no journal."""

    seq: int
    frame: Frame


class FrameQueue:
    """A bounded queue of frames, safe between threads.

    Without a journal the oldest gives way, for the newest matters most. With one every frame is on disk before it can
    be taken and stays there until it is acknowledged; what does not fit the memory is read back from there, in order,
    so that only the journal's own bound costs frames. What was never acknowledged is given out again by the next start.
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
        self._taken_seq = 0 if store is None else store.journal.acknowledged
        # Whether there are frames on disk that are not in memory; then new ones must queue up behind them.
        self._spilled = store is not None and store.journal.recovery.pending > 0
        self.rejected = 0
        """Frames that were none: columns of different lengths, addresses of no tag, journal entries of no sense."""
        self.fault = ""
        """Why the journal takes nothing at the moment; frames then wait in memory alone."""

    @property
    def losses(self) -> Losses:
        """What the bound has cost; with a journal since it was made, else since the start."""
        return self._losses if self._store is None or self._losses.frames else self._store.journal.losses

    @property
    def unconfirmed(self) -> int:
        """Frames that the journal's bound has cost after they were handed out and before they were acknowledged."""
        return 0 if self._store is None else self._store.journal.unconfirmed

    @property
    def epoch(self) -> str:
        """The journal's; empty without one."""
        return "" if self._store is None else self._store.journal.epoch

    def put(self, frame: Frame) -> None:
        """Adds a frame; any thread may. Whatever is wrong with it is counted, never raised: its sender must live."""
        if not _is_whole(frame):
            self.rejected += 1
            return
        if self._store is None:
            with self._lock:
                self._push_newest(Taken(0, frame))
            return
        try:
            payload = self._store.codec.encode(frame)
        except KeyError:
            self.rejected += 1
            return
        with self._lock:
            self._push_stored(self._store.journal, payload, frame)

    def take(self, count_max: int = 1000) -> list[Taken]:
        """Returns and removes up to so many frames, oldest first."""
        if not self._frames and not self._spilled:
            return []
        with self._lock:
            if self._frames:
                items = [self._frames.popleft() for _ in range(min(count_max, len(self._frames)))]
            else:
                items = self._read_back(count_max)
            if items and self._store is not None:
                self._taken_seq = self._store.journal.handed_seq = items[-1].seq
        return items

    def acknowledge(self, seq: int) -> None:
        """Says that all frames up to `seq` are done with; those not taken yet will not be given out."""
        if self._store is None or seq <= self._store.journal.acknowledged:
            return
        with self._lock:
            try:
                self._store.journal.acknowledge(seq)
                self.fault = ""
            except OSError as error:
                self.fault = str(error)
            self._taken_seq = max(self._taken_seq, self._store.journal.acknowledged)
            while self._frames and self._frames[0].seq <= self._taken_seq:
                self._frames.popleft()

    def sync(self) -> None:
        """Makes what was put outlive a loss of power; may take long, so call it where nothing waits."""
        if self._store is not None:
            self._store.journal.sync()

    def _push_newest(self, item: Taken) -> None:
        if len(self._frames) == self._frames_max:
            self._losses.add([_summary(self._frames.popleft().frame)])
        self._frames.append(item)

    def _push_stored(self, journal: Journal, payload: bytes, frame: Frame) -> None:
        try:
            seq = journal.append(payload)
            self.fault = ""
        except ValueError:
            self.rejected += 1
            return
        except OSError as error:
            self.fault = str(error)
            if self._spilled:
                # Those on disk come first, and there is no place to wait behind them.
                self._losses.add([_summary(frame)])
            else:
                self._push_newest(Taken(journal.last_seq, frame))
            return
        while self._frames and self._frames[0].seq <= journal.given_up_seq:
            self._frames.popleft()
        if self._spilled or len(self._frames) >= self._frames_max:
            self._spilled = True
        else:
            self._frames.append(Taken(seq, frame))

    def _read_back(self, count_max: int) -> list[Taken]:
        assert self._store is not None
        journal = self._store.journal
        items: list[Taken] = []
        while not items:
            entries = journal.read(self._taken_seq, count_max)
            if not entries:
                self._spilled = False
                break
            self._taken_seq = entries[-1].seq
            items = [item for entry in entries if (item := self._decoded(entry)) is not None]
        if self._taken_seq == journal.last_seq:
            self._spilled = False
        return items

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
