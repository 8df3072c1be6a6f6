"""Topics: publishers, subscriptions, and how samples travel between them."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from .entity import Entity
from .errors import RCLError
from .qos import TRANSIENT_LOCAL, PolicyKind, Qos, incompatible_policies, resolve_reader, resolve_writer
from .status import EventKind, StatusBoard
from .watch import DeadlineWatch, LivelinessWatch

if TYPE_CHECKING:
    from .graph import NodeRecord


# One message on its way to one subscription: (message, source time in ns, publication number, publisher). A plain
# tuple, since one is made for every delivery.
Sample = tuple[Any, int, int, "PublisherEnd"]


class Topic:
    """All endpoints of one topic name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.publishers: list[PublisherEnd] = []
        self.subscriptions: list[SubscriptionEnd] = []

    @property
    def empty(self) -> bool:
        return not self.publishers and not self.subscriptions

    def type_names(self) -> list[str]:
        return sorted({end.type_name for end in self.publishers} | {end.type_name for end in self.subscriptions})


class PublisherEnd(Entity):
    """Writing end of a topic.

    A publish copies the message once for each matched subscription (once for all where the kernel shares messages) and
    posts the copy as an event; nothing is called directly, and neither side can see later changes of the other.
    """

    def __init__(self, node: NodeRecord, msg_type: Any, topic_name: str, qos: Qos) -> None:
        super().__init__(node.port)
        self.node = node
        self.kernel = node.kernel
        self.msg_type = msg_type
        self.type_name: str = msg_type._TYPE_NAME
        self.topic_name = topic_name
        self.qos = resolve_writer(qos)
        self.gid = node.graph.next_gid()
        self.board = StatusBoard()
        self.sequence = 0
        self.matched: tuple[SubscriptionEnd, ...] = ()
        self._copy = msg_type._COPY
        self._now_ns = node.kernel.now_ns
        self._soon = node.kernel.soon
        self._history: deque[tuple[Any, int, int]] | None = None
        if self.qos.durability == TRANSIENT_LOCAL:
            self._history = deque(maxlen=self.qos.queue_length)
        self._deadline = DeadlineWatch.for_end(self, self.qos.deadline_ns, EventKind.OFFERED_DEADLINE_MISSED)
        self.liveliness = LivelinessWatch.for_publisher(self)
        self._silenced = False
        self._plain = self._history is None and self._deadline is None and self.liveliness is None
        node.add_publisher(self)

    def is_ready(self) -> bool:
        return False

    def publish(self, message: Any) -> None:
        """Send a copy of ``message`` to every matched subscription."""
        self.sequence = sequence = self.sequence + 1
        if not self._plain:
            self._before_publish(message, sequence)
        matched = self.matched
        if matched:
            now = self._now_ns()
            copy = self._copy if message.__class__ is self.msg_type else message._COPY
            kernel = self.kernel
            if kernel.shares_messages:
                sample = (copy(message), now, sequence, self)
                for subscription in matched:
                    self._soon.append((subscription.deliver, sample))
            else:
                for subscription in matched:
                    self._soon.append((subscription.deliver, (copy(message), now, sequence, self)))
            if kernel.sleeping:
                kernel.bell.set()

    def _before_publish(self, message: Any, sequence: int) -> None:
        if self._silenced:
            raise RCLError(f"Failed to publish on {self.topic_name!r}: publisher's context is invalid")
        if self._history is not None:
            self._history.append((self._copy(message), self._now_ns(), sequence))
        if self._deadline is not None:
            self._deadline.restart()
        if self.liveliness is not None:
            self.liveliness.assert_alive()

    def assert_liveliness(self) -> None:
        if self.liveliness is not None:
            self.liveliness.assert_alive()

    def connect(self, subscription: SubscriptionEnd) -> None:
        self.matched = (*self.matched, subscription)
        self.board.add(EventKind.PUBLICATION_MATCHED, total_count=1, current_count=1)
        if self._history and subscription.qos.durability == TRANSIENT_LOCAL:
            for message, source_ns, sequence in self._history:
                self._soon.append((subscription.deliver, (self._copy(message), source_ns, sequence, self)))

    def disconnect(self, subscription: SubscriptionEnd) -> None:
        if subscription in self.matched:
            self.matched = tuple(other for other in self.matched if other is not subscription)
            self.board.add(EventKind.PUBLICATION_MATCHED, current_count=-1)

    def silence(self) -> None:
        """Stop publishing because the context was shut down: from now on :meth:`publish` raises."""
        self.matched = ()
        self._plain = False
        self._silenced = True
        self._stop_watches()

    def all_acknowledged(self) -> bool:
        """Whether every sample has reached its subscriptions."""
        return not any(argument[3] is self for _, argument in tuple(self._soon) if _is_sample(argument))

    def destroyed(self) -> None:
        self._stop_watches()
        self.node.remove_publisher(self)
        self.matched = ()

    def _stop_watches(self) -> None:
        if self._deadline is not None:
            self._deadline.stop()
        if self.liveliness is not None:
            self.liveliness.stop()


def _is_sample(argument: Any) -> bool:
    return type(argument) is tuple and len(argument) == 4


class SubscriptionEnd(Entity):
    """Reading end of a topic: a bounded queue of samples that reports when it has something."""

    def __init__(self, node: NodeRecord, msg_type: Any, topic_name: str, qos: Qos) -> None:
        super().__init__(node.port)
        self.node = node
        self.kernel = node.kernel
        self.msg_type = msg_type
        self.type_name: str = msg_type._TYPE_NAME
        self.topic_name = topic_name
        offers = [publisher.qos for publisher in node.graph.publishers_of(topic_name)]
        self.qos = resolve_reader(qos, offers)
        self.gid = node.graph.next_gid()
        self.board = StatusBoard()
        # A bounded deque drops its oldest sample by itself: KEEP_LAST.
        self.samples: deque[Sample] = deque(maxlen=self.qos.queue_length)
        self.received = 0
        self._deadline = DeadlineWatch.for_end(self, self.qos.deadline_ns, EventKind.REQUESTED_DEADLINE_MISSED)
        node.add_subscription(self)

    def is_ready(self) -> bool:
        return bool(self.samples)

    def deliver(self, sample: Sample) -> None:
        """Event: a sample arrives."""
        self.samples.append(sample)
        self.received += 1
        if not self.queued:
            self.queued = True
            self.port.push(self)  # type: ignore[union-attr]
        if self._deadline is not None:
            self._deadline.restart()

    def take(self) -> Sample | None:
        """Take the oldest sample whose lifespan has not ended, ``None`` if there is none."""
        samples = self.samples
        while samples:
            sample = samples.popleft()
            lifespan_ns = sample[3].qos.lifespan_ns
            if lifespan_ns is None or self.kernel.now_ns() - sample[1] <= lifespan_ns:
                return sample
        return None

    def connect(self, publisher: PublisherEnd) -> None:
        self.board.add(EventKind.SUBSCRIPTION_MATCHED, total_count=1, current_count=1)
        self.board.add(EventKind.LIVELINESS_CHANGED, alive_count=1)

    def disconnect(self, publisher: PublisherEnd) -> None:
        self.board.add(EventKind.SUBSCRIPTION_MATCHED, current_count=-1)
        alive = publisher.liveliness is None or publisher.liveliness.alive
        if alive:
            self.board.add(EventKind.LIVELINESS_CHANGED, alive_count=-1)
        else:
            self.board.add(EventKind.LIVELINESS_CHANGED, not_alive_count=-1)

    def destroyed(self) -> None:
        if self._deadline is not None:
            self._deadline.stop()
        self.node.remove_subscription(self)
        # Samples still under way find a queue that keeps nothing and a flag that reports nothing.
        self.samples = deque(maxlen=0)
        self.queued = True


def match(publisher: PublisherEnd, subscription: SubscriptionEnd) -> None:
    """Connect two endpoints of one topic, or tell both why they do not fit."""
    if publisher.type_name != subscription.type_name:
        publisher.board.add(EventKind.PUBLISHER_INCOMPATIBLE_TYPE, total_count=1)
        subscription.board.add(EventKind.SUBSCRIPTION_INCOMPATIBLE_TYPE, total_count=1)
        return
    policies: list[PolicyKind] = incompatible_policies(publisher.qos, subscription.qos)
    if policies:
        publisher.board.add(EventKind.OFFERED_INCOMPATIBLE_QOS, total_count=1, last_policy_kind=policies[0])
        subscription.board.add(EventKind.REQUESTED_INCOMPATIBLE_QOS, total_count=1, last_policy_kind=policies[0])
        return
    subscription.connect(publisher)
    publisher.connect(subscription)
