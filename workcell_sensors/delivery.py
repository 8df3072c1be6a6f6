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


@dataclass(frozen=True)
class Outgoing:
    """One message's content, and the sequence up to which everything is out with it."""

    scan: Scan
    seq: int


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
        self._groups: deque[tuple[Frame, int]] = deque()
        self._ahead: deque[int] = deque()
        self._out_seq = 0
        self.poisoned = 0
        """Frames given up because the pipeline broke on them."""
        self.frames = 0
        """Frames taken so far."""

    @property
    def waits_for(self) -> tuple[str, ...]:
        """The consumers that hold back what comes next; empty: none does."""
        if len(self._ahead) < AHEAD_MAX:
            return ()
        return tuple(name for name, seq in self._confirmed.items() if seq < self._ahead[0])

    def pump(self, now_ns: int) -> Iterator[Outgoing]:
        """Yields what is to be published now; what was yielded is published when the next is asked for."""
        budget = MESSAGES_PER_PUMP if not self._confirmed else min(MESSAGES_PER_PUMP, AHEAD_MAX - len(self._ahead))
        while budget > 0 and self._refill():
            frame, seq = self._groups.popleft()
            for outgoing in self._outgoing(frame, seq, now_ns):
                budget -= 1
                yield outgoing
            self._out_seq = seq
        if not self._ahead:
            self._queue.acknowledge(self._out_seq)

    def _refill(self) -> bool:
        """Returns whether there is something to deliver."""
        if not self._groups:
            taken = self._queue.take()
            self.frames += len(taken)
            done = 0
            for count, frame in merge(item.frame for item in taken):
                done += count
                self._groups.append((frame, taken[done - 1].seq))
        return bool(self._groups)

    def confirm(self, consumer: str, epoch: str, seq: int) -> bool:
        """Takes in that a consumer has everything up to `seq`; returns whether that is one we wait for."""
        if consumer not in self._confirmed or epoch != self._queue.epoch:
            return False
        self._confirmed[consumer] = max(self._confirmed[consumer], seq)
        slowest = min(self._confirmed.values())
        while self._ahead and self._ahead[0] <= slowest:
            self._ahead.popleft()
        self._queue.acknowledge(slowest if self._ahead else max(slowest, self._out_seq))
        return True

    def _outgoing(self, frame: Frame, frame_seq: int, now_ns: int) -> Iterator[Outgoing]:
        try:
            scans = [part for scan in self._pipeline.scans(frame, now_ns) for part in by_time(scan)]
        except Exception as error:
            self.poisoned += 1
            self._on_poison(frame, error)
            return
        for number, scan in enumerate(scans, start=1):
            # Only with its last part is a frame out.
            seq = frame_seq if number == len(scans) else self._out_seq
            if self._confirmed:
                self._ahead.append(seq)
            yield Outgoing(scan, seq)
