"""From waiting frames to what is published, no further ahead of those who must not miss anything than they allow."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from workcell_sensors.batch import by_time, merge
from workcell_sensors.frame_queue import FrameQueue
from workcell_sensors.pipeline import Pipeline
from workcell_sensors.reading import Frame, Scan

AHEAD_MAX = 50
"""Messages that may be on the way to a consumer that acknowledges; half of what its subscription holds."""
MESSAGES_PER_PUMP = 50
"""A backlog must neither overrun those who listen nor keep the node from everything else."""


_PARTS = 256
"""A frame's readings may go out in parts; the last is numbered 255."""


@dataclass(frozen=True)
class Outgoing:
    """One message's content, and the number under which it is acknowledged; 0 without a journal.

    Numbers rise from message to message, over restarts too.
    """

    scan: Scan
    number: int


@dataclass(frozen=True)
class _Group:
    """Frames that were joined into one."""

    frame: Frame
    first_seq: int
    last_seq: int

    def number(self, part: int, parts: int) -> int:
        """Returns the number of one of its messages, counted from 0."""
        if part == parts - 1:
            return self.last_seq * _PARTS + _PARTS - 1
        return self.first_seq * _PARTS + min(part, _PARTS - 2)


def done_with(number: int) -> int:
    """Returns the sequence up to which all frames are done with when this message and all before have come.

    >>> [done_with(_Group(frame=None, first_seq=5, last_seq=7).number(part, 2)) for part in (0, 1)]
    [4, 7]
    """
    seq, part = divmod(number, _PARTS)
    return seq if part == _PARTS - 1 else seq - 1


class Delivery:
    """Takes frames from the queue through the pipeline and acknowledges them when they are delivered.

    Delivered means handed to the middleware, or, where consumers are named, acknowledged by the last of them.

    Args:
        queue, pipeline: where frames come from and what makes readings of them.
        consumers: names of those whose acknowledgement counts; empty: nobody's.
        on_poison: told of a frame that the pipeline broke on, with the error; the frame is given up, the rest goes on.
    """

    def __init__(
        self,
        queue: FrameQueue,
        pipeline: Pipeline,
        consumers: Sequence[str],
        on_poison: Callable[[Frame, Exception], None],
    ) -> None:
        self._queue = queue
        self._pipeline = pipeline
        self._confirmed = dict.fromkeys(consumers, 0)
        self._on_poison = on_poison
        self._groups: deque[_Group] = deque()
        self._ready: deque[Outgoing] = deque()
        self._ahead: deque[Outgoing] = deque()
        self._through_seq = 0
        self.poisoned = 0
        """Frames given up because the pipeline broke on them."""
        self.frames = 0
        """Frames taken so far."""

    @property
    def waits_for(self) -> tuple[str, ...]:
        """The consumers that hold back what comes next; empty: none does."""
        if len(self._ahead) < AHEAD_MAX:
            return ()
        return tuple(name for name, number in self._confirmed.items() if number < self._ahead[0].number)

    def pump(self, now_ns: int) -> Iterator[Outgoing]:
        """Yields what is to be published now; what was yielded is published when the next is asked for."""
        budget = MESSAGES_PER_PUMP if not self._confirmed else min(MESSAGES_PER_PUMP, AHEAD_MAX - len(self._ahead))
        while budget > 0 and self._refill(now_ns):
            if self._must_wait(self._ready[0]):
                break
            outgoing = self._ready.popleft()
            if self._confirmed:
                self._ahead.append(outgoing)
            budget -= 1
            yield outgoing
        self._settle()

    def _settle(self) -> None:
        """Acknowledges the frames of which nothing was worth publishing, or all where nobody else does."""
        if not self._ahead and not self._ready:
            self._queue.acknowledge(self._through_seq)

    def _must_wait(self, outgoing: Outgoing) -> bool:
        # The two topics overtake each other on the way. Who acknowledges a message says that all before it have come,
        # so one topic is delivered to the end before the other goes on.
        return bool(self._ahead) and self._ahead[-1].scan.historical != outgoing.scan.historical

    def _refill(self, now_ns: int) -> bool:
        """Returns whether there is something to deliver."""
        while not self._ready:
            if not self._groups:
                taken = self._queue.take()
                self.frames += len(taken)
                done = 0
                for count, frame in merge(item.frame for item in taken):
                    self._groups.append(_Group(frame, taken[done].seq, taken[done + count - 1].seq))
                    done += count
            if not self._groups:
                return False
            group = self._groups.popleft()
            self._ready.extend(self._outgoing(group, now_ns))
            self._through_seq = group.last_seq
        return True

    def confirm(self, consumer: str, epoch: str, number: int) -> bool:
        """Takes in that a consumer has every message up to `number`; returns whether that is one we wait for."""
        if consumer not in self._confirmed or epoch != self._queue.epoch:
            return False
        self._confirmed[consumer] = max(self._confirmed[consumer], number)
        slowest = min(self._confirmed.values())
        while self._ahead and self._ahead[0].number <= slowest:
            self._ahead.popleft()
        self._queue.acknowledge(done_with(slowest))
        self._settle()
        return True

    def _outgoing(self, group: _Group, now_ns: int) -> Iterator[Outgoing]:
        try:
            scans = [part for scan in self._pipeline.scans(group.frame, now_ns) for part in by_time(scan)]
        except Exception as error:
            self.poisoned += 1
            self._on_poison(group.frame, error)
            return
        for part, scan in enumerate(scans):
            yield Outgoing(scan, group.number(part, len(scans)) if group.last_seq else 0)
