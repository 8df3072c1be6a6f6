"""The tree of frames: from what was said of each frame to the motion between any two."""

from __future__ import annotations

from dataclasses import dataclass, field

from .exceptions import ConnectivityException, ExtrapolationException, LookupException
from .rotation import IDENTITY, ZERO, Quaternion, Vector, add, inverse, multiply, negative, rotate
from .time_cache import LATEST_NS, StaticCache, TimeCache

MAX_DEPTH = 1000
"""More steps than this to the root mean that the tree has a loop."""

Cache = StaticCache | TimeCache


@dataclass
class Branch:
    """The way from a frame up: the motion gathered so far, and the frames passed."""

    translation: Vector = ZERO
    rotation: Quaternion = IDENTITY
    frames: list[str] = field(default_factory=list)

    def climb(self, translation: Vector, rotation: Quaternion) -> None:
        """Go from a frame to its parent."""
        self.translation = add(rotate(rotation, self.translation), translation)
        self.rotation = multiply(rotation, self.rotation)


@dataclass(frozen=True)
class Motion:
    """Where the source frame lies in the target frame, at which time, and by way of which frames."""

    translation: Vector
    rotation: Quaternion
    time_ns: int
    chain: tuple[str, ...] = ()


class FrameTree:
    """Frames by name in the order they became known; a frame without a cache is a root or only named as a parent."""

    def __init__(self, cache_ns: int) -> None:
        self._cache_ns = cache_ns
        self.caches: dict[str, Cache | None] = {}
        self.authorities: dict[str, str] = {}

    def cache_for(self, frame: str, is_static: bool) -> Cache:
        """Return a frame's cache; a new one where the frame is new or changed between static and moving."""
        cache = self.caches.get(frame)
        if cache is None or cache.is_static != is_static:
            cache = StaticCache() if is_static else TimeCache(self._cache_ns)
            self.caches[frame] = cache
        return cache

    def clear(self) -> None:
        """Forget everything but static frames and names."""
        for cache in self.caches.values():
            if cache is not None:
                cache.clear()

    def motion(self, target: str, source: str, time_ns: int) -> Motion:
        """Return where the source frame lies in the target frame; `LATEST_NS` asks for the newest common time.

        Raises:
            LookupException: The tree has a loop.
            ConnectivityException: The frames are in different trees.
            ExtrapolationException: The time lies outside of what is known.
        """
        if source == target:
            return Motion(ZERO, IDENTITY, time_ns, ())
        if time_ns == LATEST_NS:
            time_ns = self.latest_common_time(target, source)
        up, root, failure = self._climb(source, (target,), time_ns)
        if root == target:
            return Motion(up.translation, up.rotation, time_ns, (*up.frames, target))
        down, top, obstacle = self._climb(target, (source, root), time_ns)
        if top == source:
            back = inverse(down.rotation)
            translation = rotate(back, negative(down.translation))
            return Motion(translation, back, time_ns, (source, *reversed(down.frames)))
        if obstacle is None and top != root:
            obstacle = failure
            if obstacle is None:
                raise ConnectivityException(_unconnected(source, target))
        if obstacle is not None:
            raise ExtrapolationException(
                f"{obstacle}, when looking up transform from frame [{source}] to frame [{target}]"
            )
        return self._join(up, down, time_ns, (*up.frames, root, *reversed(down.frames)))

    @staticmethod
    def _join(up: Branch, down: Branch, time_ns: int, chain: tuple[str, ...]) -> Motion:
        back = inverse(down.rotation)
        translation = rotate(back, add(up.translation, negative(down.translation)))
        return Motion(translation, multiply(back, up.rotation), time_ns, chain)

    def _climb(self, start: str, stops: tuple[str, ...], time_ns: int) -> tuple[Branch, str, str | None]:
        """Go up from a frame to the root or to one of ``stops``; return the way, where it ended, what cut it short."""
        branch, frame = Branch(), start
        for _ in range(MAX_DEPTH + 1):
            if frame in stops:
                return branch, frame, None
            cache = self.caches.get(frame)
            if cache is None:
                return branch, frame, None
            try:
                sample = cache.at(time_ns)
            except ExtrapolationException as error:
                return branch, frame, str(error)
            if sample is None:
                return branch, frame, ""
            branch.frames.append(frame)
            branch.climb(sample.translation, sample.rotation)
            frame = sample.parent
        raise LookupException(f"The tf tree is invalid because it contains a loop.\n{self.as_text()}\n")

    def latest_common_time(self, target: str, source: str) -> int:
        """Return the newest time at which both frames and all between them are known.

        Raises:
            LookupException: The tree has a loop.
            ConnectivityException: The frames are in different trees.
        """
        if target == source:
            cache = self.caches.get(source)
            return LATEST_NS if cache is None else cache.latest_ns
        ups = self._ancestry(source)
        downs = self._ancestry(target)
        meeting = next((frame for frame, _ in downs if any(frame == other for other, _ in ups)), None)
        if meeting is None:
            raise ConnectivityException(_unconnected(source, target))
        stamps = [stamp for line in (ups, downs) for stamp in self._stamps_below(line, meeting) if stamp != LATEST_NS]
        return min(stamps, default=LATEST_NS)

    @staticmethod
    def _stamps_below(line: list[tuple[str, int]], meeting: str) -> list[int]:
        stamps: list[int] = []
        for frame, stamp in line:
            if frame == meeting:
                break
            stamps.append(stamp)
        return stamps

    def _ancestry(self, frame: str) -> list[tuple[str, int]]:
        """Return a frame and its ancestors by newest data, each with the newest time of its own cache."""
        line: list[tuple[str, int]] = []
        for _ in range(MAX_DEPTH + 1):
            cache = self.caches.get(frame)
            parent = None if cache is None else cache.latest_parent()
            line.append((frame, LATEST_NS if cache is None else cache.latest_ns))
            if parent is None:
                return line
            frame = parent
        raise LookupException(f"The tf tree is invalid because it contains a loop.\n{self.as_text()}\n")

    def as_text(self) -> str:
        """Return one line per frame that has a parent."""
        lines = []
        for frame, cache in self.caches.items():
            if cache is not None:
                lines.append(f"Frame {frame} exists with parent {cache.latest_parent() or 'NO_PARENT'}.\n")
        return "".join(lines)

    def as_yaml(self) -> str:
        """Return rate, age and origin of every frame, as ``view_frames`` reads it."""
        if not self.caches:
            return "[]"
        return "".join(
            self._frame_yaml(frame, cache)
            for frame, cache in self.caches.items()
            if cache is not None and cache.latest_parent() is not None
        )

    def _frame_yaml(self, frame: str, cache: Cache) -> str:
        span_ns = cache.latest_ns - cache.oldest_ns
        rate = len(cache) * 1e9 / max(span_ns, 100_000)
        return (
            f"{frame}: \n"
            f"  parent: '{cache.latest_parent()}'\n"
            f"  broadcaster: '{self.authorities.get(frame, 'no recorded authority')}'\n"
            f"  rate: {rate:.3f}\n"
            f"  most_recent_transform: {cache.latest_ns / 1e9:.6f}\n"
            f"  oldest_transform: {cache.oldest_ns / 1e9:.6f}\n"
            f"  buffer_length: {span_ns / 1e9:.3f}\n"
        )


def _unconnected(source: str, target: str) -> str:
    return (
        f"Could not find a connection between '{target}' and '{source}' "
        "because they are not part of the same tree.Tf has two or more unconnected trees."
    )
