"""The bounded hand-over from the network's thread to the node's: it drops the oldest and says how many."""

from __future__ import annotations

import threading
from collections import deque

from workcell_sensors.journal import Journal
from workcell_sensors.reading import Frame, decode_frame, encode_frame


class FrameQueue:
    """A bounded queue of frames, safe between threads; the oldest gives way, for the newest matters most.

    With a journal every frame is on disk before it can be taken, and is acknowledged there with `done` when it
    has been published: what a kill caught between the two is given out again by the next start.
    """

    def __init__(self, frames_max: int, journal: Journal | None = None) -> None:
        if frames_max < 1:
            raise ValueError(f"frames_max is {frames_max}; it is at least 1")
        self._frames: deque[tuple[int, Frame]] = deque(maxlen=frames_max)
        self._journal = journal
        self._lock = threading.Lock()
        self._taken_seq = 0
        self.dropped = 0
        if journal is not None:
            for seq, payload in journal.recovery.pending:
                self._push(seq, decode_frame(payload))

    def __len__(self) -> int:
        return len(self._frames)

    def put(self, frame: Frame) -> None:
        """Adds a frame; any thread may."""
        payload = b"" if self._journal is None else encode_frame(frame)
        with self._lock:
            self._push(0 if self._journal is None else self._journal.append(payload), frame)

    def take(self) -> list[Frame]:
        """Returns and removes all frames, oldest first."""
        if not self._frames:
            return []
        with self._lock:
            items = list(self._frames)
            self._frames.clear()
        self._taken_seq = items[-1][0]
        return [frame for _, frame in items]

    def done(self) -> None:
        """Says that the frames of the last `take` have been published."""
        if self._journal is not None and self._taken_seq:
            with self._lock:
                self._journal.acknowledge(self._taken_seq)
            self._taken_seq = 0

    def _push(self, seq: int, frame: Frame) -> None:
        if len(self._frames) == self._frames.maxlen:
            self.dropped += 1
        self._frames.append((seq, frame))
