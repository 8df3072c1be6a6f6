"""From waiting frames to what is published: what holds now at once, and nothing left out for those who keep it all."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from workcell_sensors.batch import by_time, merge
from workcell_sensors.frame_queue import FrameQueue, Taken
from workcell_sensors.pipeline import Pipeline
from workcell_sensors.reading import NS_PER_S, Frame, Scan

AHEAD_MAX = 50
"""Messages that may be on the way to a consumer that acknowledges; half of what its subscription holds."""
MESSAGES_PER_PUMP = 50
"""A backlog must neither overrun those who listen nor keep the node from everything else."""
PATIENCE_NS = NS_PER_S // 2
"""How long a consumer may leave a message unacknowledged before that is said of it."""
RESEND_NS = 10 * NS_PER_S
"""How long it may leave one before that counts as lost with the consumer, and is sent again."""


@dataclass(frozen=True)
class Outgoing:
    """One message's content, and the number under which it is acknowledged; 0: it is not.

    It is the journal's sequence up to which all frames have been told, so it rises over restarts too.
    """

    scan: Scan
    number: int


@dataclass(frozen=True)
class _Group:
    """Frames that were joined into one."""

    frame: Frame
    first_seq: int
    last_seq: int


class Delivery:
    """Takes frames from the queue through the pipeline and acknowledges them when they are delivered.

    Without consumers delivered means handed to the middleware. What holds now never waits for what is older: that (it
    waited for the start in the journal, or gave way in memory) follows as past values, read back from the journal.

    Where consumers are named, delivered means acknowledged by the last of them. They have the topic of past values for
    themselves: every frame comes there, numbered, with the quality it had, never more on the way than their queues
    hold. On the topic of what holds now a slow consumer would be overrun, for control cannot wait for it.

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
        self._confirmed = dict.fromkeys(consumers if queue.is_stored else (), 0)
        self._on_poison = on_poison
        self._groups: deque[_Group] = deque()
        self._ahead: deque[Outgoing] = deque()
        self._oldest = (0, 0)  # number of the oldest message not acknowledged, and since when it is the oldest
        self._is_waiting = False
        self._live_seq = queue.told_seq  # up to here frames have been told as what holds now
        self._through_seq = queue.acknowledged  # and up to here to those who count
        self._past_end = self._live_seq  # up to here frames are to be told as past ones while it is behind
        self._is_behind = any(taken.seq <= self._live_seq for taken in queue.reread(self._through_seq, 1))
        if not self._is_behind:
            self._through_seq = self._live_seq
        self._is_behind |= bool(self._confirmed)
        self.poisoned = 0
        """Frames given up because the pipeline broke on them."""
        self.frames = 0
        """Frames taken so far."""

    @property
    def is_behind(self) -> bool:
        """Whether there is something older to deliver."""
        return self._through_seq < self._past_end or bool(self._ahead)

    @property
    def waits_for(self) -> tuple[str, ...]:
        """The consumers that have kept others waiting for too long; empty: none has."""
        if not self._is_waiting or not self._ahead:
            return ()
        return tuple(name for name, number in self._confirmed.items() if number < self._ahead[0].number)

    def pump(self, now_ns: int) -> Iterator[Outgoing]:
        """Yields what is to be published now; what was yielded is published when the next is asked for."""
        self._watch(now_ns)
        budget = MESSAGES_PER_PUMP
        while budget > 0 and (self._groups or self._refill()):
            present = self._present(self._groups.popleft(), now_ns)
            budget -= len(present)
            yield from present
        if self._is_behind:
            yield from self._past(min(MESSAGES_PER_PUMP, self._room), now_ns)
        self._settle()

    def _watch(self, now_ns: int) -> None:
        number = self._ahead[0].number if self._ahead else 0
        if number != self._oldest[0]:
            self._oldest = (number, now_ns)
        self._is_waiting = self._waited_ns(now_ns) > PATIENCE_NS
        if self._through_seq >= self._past_end and not self._confirmed:
            self._is_behind = False
            self._through_seq = self._live_seq
        if self._waited_ns(now_ns) > RESEND_NS:
            # Those who should have it were not there, or have died with it.
            self._oldest = (0, now_ns)
            self._send_again()

    def _send_again(self) -> None:
        """Goes back to the first frame that not all consumers have."""
        self._ahead.clear()
        self._through_seq = self._queue.acknowledged
        self._past_end = self._live_seq
        self._pipeline.forget_past()

    def _waited_ns(self, now_ns: int) -> int:
        return now_ns - self._oldest[1] if self._ahead and self._oldest[0] else 0

    def confirm(self, consumer: str, epoch: str, number: int) -> bool:
        """Takes in that a consumer has every message up to `number`; returns whether that is one we wait for."""
        if consumer not in self._confirmed or epoch != self._queue.epoch:
            return False
        self._confirmed[consumer] = max(self._confirmed[consumer], number)
        slowest = min(self._confirmed.values())
        while self._ahead and self._ahead[0].number <= slowest:
            self._ahead.popleft()
        self._queue.acknowledge(slowest)
        self._reach(self._queue.acknowledged)
        self._settle()
        return True

    def restarted(self, consumer: str) -> bool:
        """Takes in that a consumer has started: what was on the way to the one before is sent again, before all else.

        Returns:
            Whether it is one we wait for.
        """
        if consumer not in self._confirmed:
            return False
        self._send_again()
        return True

    @property
    def _room(self) -> int:
        return AHEAD_MAX - len(self._ahead) if self._confirmed else MESSAGES_PER_PUMP

    def _present(self, group: _Group, now_ns: int) -> list[Outgoing]:
        """Returns what of frames just taken holds now, and what is past of them unless that comes from the journal."""
        seq = group.last_seq
        self._notice_gap(group)
        self._live_seq = max(self._live_seq, seq)
        if not self._is_behind or seq == 0:
            outgoing = self._numbered(group, self._scans(group, now_ns))
            self._reach(seq)
            return outgoing
        if self._confirmed:
            self._past_end = self._live_seq
            return [Outgoing(scan, 0) for scan in self._scans(group, now_ns, past=False)]
        return [Outgoing(scan, 0) for scan in self._scans(group, now_ns)]

    def _past(self, count_max: int, now_ns: int) -> Iterator[Outgoing]:
        """Yields what is older and not delivered, with numbers."""
        while count_max > 0 and self._through_seq < self._past_end:
            taken = [item for item in self._queue.reread(self._through_seq, count_max) if item.seq <= self._past_end]
            for group in _groups([Taken(t.seq, dataclasses.replace(t.frame, historical=True)) for t in taken]):
                past = self._numbered(group, self._scans(group, now_ns))
                self._reach(group.last_seq)
                count_max -= len(past)
                yield from past
                if count_max <= 0:
                    # The rest is read again: who acknowledges must never have more on the way than it can hold.
                    return
            if not taken:
                self._reach(self._past_end)

    def _notice_gap(self, group: _Group) -> None:
        """Notices where something older was left out."""
        if group.first_seq > self._live_seq + 1:
            self._is_behind, self._past_end = True, group.first_seq - 1

    def _numbered(self, group: _Group, scans: Sequence[Scan]) -> list[Outgoing]:
        found = [Outgoing(scan, group.last_seq) for scan in scans]
        if self._confirmed and group.last_seq:
            self._ahead.extend(found)
        return found

    def _reach(self, seq: int) -> None:
        self._through_seq = max(self._through_seq, seq)
        self._queue.handed(self._through_seq)

    def _settle(self) -> None:
        """Acknowledges frames of which nothing was worth publishing, or all where nobody else does."""
        if not self._ahead:
            self._queue.acknowledge(self._through_seq)

    def _refill(self) -> bool:
        taken = self._queue.take()
        self.frames += len(taken)
        self._groups.extend(_groups(taken))
        return bool(self._groups)

    def _scans(self, group: _Group, now_ns: int, past: bool = True) -> list[Scan]:
        frame = group.frame
        try:
            scans = self._pipeline.scans(frame, now_ns, past)
            # Past values stay together, one message for a frame: who keeps them looks at their ages.
            return [part for scan in scans for part in ((scan,) if scan.historical else by_time(scan))]
        except Exception as error:
            self.poisoned += 1
            self._on_poison(frame, error)
            return []


def _groups(taken: Sequence[Taken]) -> Iterator[_Group]:
    done = 0
    for count, frame in merge(item.frame for item in taken):
        # A frame that the disk did not take has no sequence.
        stored = [item.seq for item in taken[done : done + count] if item.seq]
        yield _Group(frame, stored[0] if stored else 0, stored[-1] if stored else 0)
        done += count
