"""What is known of one frame over time: its parent and its place in it."""

from __future__ import annotations

from bisect import bisect_right
from typing import NamedTuple

from .exceptions import ExtrapolationException
from .rotation import Quaternion, Vector, interpolate, slerp

LATEST_NS = 0
"""The time that stands for 'whatever is newest'."""


class Sample(NamedTuple):
    """A frame in its parent at one time."""

    stamp_ns: int
    translation: Vector
    rotation: Quaternion
    parent: str


def show_time(stamp_ns: int) -> str:
    """Return a time as tf2's messages show it, in seconds."""
    return f"{stamp_ns / 1e9:.6f}"


class StaticCache:
    """A frame that never moves."""

    is_static = True
    latest_ns = LATEST_NS
    oldest_ns = LATEST_NS

    def __init__(self) -> None:
        self._sample: Sample | None = None

    def __len__(self) -> int:
        return 1

    def insert(self, sample: Sample) -> bool:
        """Replace what was known."""
        self._sample = sample
        return True

    def at(self, time_ns: int) -> Sample | None:
        """Return the frame; it is the same at all times."""
        return self._sample

    def latest_parent(self) -> str | None:
        """Return the parent."""
        return None if self._sample is None else self._sample.parent

    def clear(self) -> None:
        """Keep what is static."""


class TimeCache:
    """A moving frame: its samples of the last while, oldest first."""

    is_static = False

    def __init__(self, length_ns: int) -> None:
        self._length_ns = length_ns
        self._stamps: list[int] = []
        self._samples: list[Sample] = []

    def __len__(self) -> int:
        return len(self._samples)

    @property
    def latest_ns(self) -> int:
        """Time of the newest sample, 0 without any."""
        return self._stamps[-1] if self._stamps else LATEST_NS

    @property
    def oldest_ns(self) -> int:
        """Time of the oldest sample, 0 without any."""
        return self._stamps[0] if self._stamps else LATEST_NS

    def insert(self, sample: Sample) -> bool:
        """Add a sample in its place in time; false where it is older than what the cache keeps."""
        self._prune()
        stamps = self._stamps
        if stamps and sample.stamp_ns < stamps[-1] - self._length_ns:
            return False
        place = bisect_right(stamps, sample.stamp_ns)
        before = place
        while before and stamps[before - 1] == sample.stamp_ns:
            before -= 1
            if self._samples[before] == sample:
                return True
        stamps.insert(place, sample.stamp_ns)
        self._samples.insert(place, sample)
        return True

    def _prune(self) -> None:
        stamps = self._stamps
        if stamps and stamps[0] + self._length_ns < stamps[-1]:
            keep = bisect_right(stamps, stamps[-1] - self._length_ns - 1)
            del stamps[:keep]
            del self._samples[:keep]

    def at(self, time_ns: int) -> Sample | None:
        """Return the frame at a time (`LATEST_NS`: the newest), between two samples interpolated; None without any.

        Raises:
            ExtrapolationException: The time lies outside of the samples.
        """
        stamps, samples = self._stamps, self._samples
        if not stamps:
            return None
        if time_ns in (LATEST_NS, stamps[-1]):
            return samples[-1]
        if time_ns == stamps[0]:
            return samples[0]
        self._refuse_outside(time_ns)
        place = bisect_right(stamps, time_ns)
        older, newer = samples[place - 1], samples[place]
        if older.parent != newer.parent:
            return older
        ratio = (time_ns - older.stamp_ns) / (newer.stamp_ns - older.stamp_ns)
        return Sample(
            older.stamp_ns,
            interpolate(older.translation, newer.translation, ratio),
            slerp(older.rotation, newer.rotation, ratio),
            older.parent,
        )

    def _refuse_outside(self, time_ns: int) -> None:
        stamps = self._stamps
        if len(stamps) == 1:
            raise ExtrapolationException(
                f"Lookup would require extrapolation at time {show_time(time_ns)}, "
                f"but only time {show_time(stamps[0])} is in the buffer"
            )
        if time_ns > stamps[-1]:
            raise ExtrapolationException(
                f"Lookup would require extrapolation into the future.  Requested time {show_time(time_ns)} "
                f"but the latest data is at time {show_time(stamps[-1])}"
            )
        if time_ns < stamps[0]:
            raise ExtrapolationException(
                f"Lookup would require extrapolation into the past.  Requested time {show_time(time_ns)} "
                f"but the earliest data is at time {show_time(stamps[0])}"
            )

    def latest_parent(self) -> str | None:
        """Return the newest sample's parent."""
        return self._samples[-1].parent if self._samples else None

    def clear(self) -> None:
        """Forget all samples."""
        self._stamps.clear()
        self._samples.clear()
