"""Keeps the one open inspection: which frame may answer it, when it is late. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

FRAMES_MAX = 2


@dataclass(frozen=True)
class Frame:
    """A frame that waits: the start of its exposure, and the image in whatever form it came."""

    stamp_ns: int
    image: Any


class InspectionDesk:
    """Pairs each request with the first frame exposed after it.

    A second request while one is open replaces it. Frames wait in a bounded queue; where work comes late the oldest
    is dropped and counted.
    """

    def __init__(self, image_timeout_ns: int) -> None:
        self._image_timeout_ns = image_timeout_ns
        self._asked_ns: int | None = None
        self._frames: deque[Frame] = deque()
        self.frames_dropped = 0
        self.requests_replaced = 0

    @property
    def is_open(self) -> bool:
        """Whether a request waits for its frame."""
        return self._asked_ns is not None

    def ask(self, now_ns: int) -> None:
        """Opens a request."""
        if self.is_open:
            self.requests_replaced += 1
        self._asked_ns = now_ns
        self._frames.clear()

    def offer(self, frame: Frame) -> bool:
        """Takes a frame where it answers the open request; returns whether there is work now."""
        if self._asked_ns is None or frame.stamp_ns < self._asked_ns:
            return False
        if len(self._frames) == FRAMES_MAX:
            self._frames.popleft()
            self.frames_dropped += 1
        self._frames.append(frame)
        return True

    def take(self) -> Frame | None:
        """Closes the request with its oldest waiting frame; None where nothing waits."""
        if self._asked_ns is None or not self._frames:
            return None
        frame = self._frames.popleft()
        self.close()
        return frame

    def give_up(self, now_ns: int) -> bool:
        """Closes a request that has waited too long; returns whether it did."""
        if self._asked_ns is None or self._frames or now_ns - self._asked_ns < self._image_timeout_ns:
            return False
        self.close()
        return True

    def close(self) -> None:
        """Forgets the open request and its frames."""
        self._asked_ns = None
        self._frames.clear()
