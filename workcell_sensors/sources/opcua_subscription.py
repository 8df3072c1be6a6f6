"""A subscription whose notifications are asked for, counted, acknowledged and asked for again where one is missing."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from asyncua.ua.uaerrors import BadTimeout, BadTooManyPublishRequests, UaError

from workcell_sensors.sources.opcua_connection import Connection
from workcell_sensors.sources.opcua_publish import Notification, Publication, decode_publish, decode_republish
from workcell_sensors.sources.opcua_status import name_of
from workcell_sensors.sources.opcua_transport import ua, value_of
from workcell_sensors.sources.opcua_wire import WireError
from workcell_sensors.sources.patience import within
from workcell_sensors.sources.session import LinkLost

REQUESTS_OPEN = 3
"""Publish requests the server holds, so that it need not wait for us between two notifications."""
REPUBLISH_MAX = 1000
"""Messages asked for again at once; a longer gap is a lost cause."""
NOTIFICATION_ITEMS_MAX = 10_000
SEQUENCE_MAX = 2**32 - 1

T = TypeVar("T")
OnNotification = Callable[[Notification], None]


@dataclass(frozen=True)
class ItemRequest:
    """One node to be monitored."""

    handle: int
    node_id: Any
    sampling_ms: float
    queue_size: int
    deadband: float = 0.0
    is_percent: bool = False


@dataclass(frozen=True)
class ItemGrant:
    """What the server made of it."""

    handle: int
    status: int
    sampling_ms: float
    queue_size: int


@dataclass
class Sequence32:
    """The order of notification messages (part 4, 7.26): from 1, one more each time, over the top to 1 again."""

    next: int = 1

    def missing_before(self, number: int) -> int:
        """Returns how many messages lie between the last one seen and `number`; negative: it was seen before.

        >>> Sequence32(5).missing_before(7), Sequence32(5).missing_before(4), Sequence32(2**32 - 1).missing_before(1)
        (2, -1, 1)
        """
        half = SEQUENCE_MAX // 2
        return (number - self.next + half) % SEQUENCE_MAX - half

    def after(self, number: int) -> int:
        """Returns the number that follows."""
        return number % SEQUENCE_MAX + 1

    def see(self, number: int) -> None:
        """Notes a message as seen."""
        self.next = self.after(number)


@dataclass
class Subscription:
    """One subscription of a session. It may be taken up again over another connection."""

    connection: Connection
    on_notification: OnNotification
    subscription_id: int = 0
    interval_s: float = 0.0
    keep_alive_s: float = 0.0
    """After which silence the server says that it lives."""
    sequence: Sequence32 = field(default_factory=Sequence32)
    lost: int = 0
    """Notifications that were sent and are nowhere to be had."""
    republished: int = 0
    malformed: int = 0
    """Notifications that could not be understood."""
    _acknowledge: list[int] = field(default_factory=list)
    _requests_open: int = REQUESTS_OPEN

    async def create(self, interval_s: float, keep_alive_s: float, lifetime_s: float) -> None:
        """Makes the subscription on the server; `interval_s` and `keep_alive_s` are then what it granted.

        Raises:
            UaError: the server refuses.
        """
        parameters = ua.CreateSubscriptionParameters()
        parameters.RequestedPublishingInterval = 1000.0 * interval_s
        keep_alives = max(1, round(keep_alive_s / interval_s))
        parameters.RequestedMaxKeepAliveCount = keep_alives
        parameters.RequestedLifetimeCount = max(3 * keep_alives, round(lifetime_s / interval_s))
        parameters.MaxNotificationsPerPublish = NOTIFICATION_ITEMS_MAX
        parameters.PublishingEnabled = True
        request = ua.CreateSubscriptionRequest()
        request.Parameters = parameters
        response = await self._ask(request, ua.CreateSubscriptionResponse)
        granted = response.Parameters
        self.subscription_id = int(granted.SubscriptionId)
        self.interval_s = max(float(granted.RevisedPublishingInterval) / 1000.0, 0.001)
        self.keep_alive_s = self.interval_s * max(1, int(granted.RevisedMaxKeepAliveCount))
        self.sequence = Sequence32()
        self._acknowledge = []

    async def monitor(self, items: Sequence[ItemRequest]) -> list[ItemGrant]:
        """Monitors nodes, as many at once as the server takes; returns a grant for each."""
        grants: list[ItemGrant] = []
        size = self.connection.limits.items_per_call
        for part in chunks(items, size):
            request = ua.CreateMonitoredItemsRequest()
            request.Parameters.SubscriptionId = self.subscription_id
            request.Parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
            request.Parameters.ItemsToCreate = [_create_request(item) for item in part]
            try:
                response = await self._ask(request, ua.CreateMonitoredItemsResponse)
            except TimeoutError:
                self.connection.slow_down(len(part))
                raise
            if len(response.Results) != len(part):
                raise LinkLost(f"{len(part)} nodes were to be monitored, the server answers on {len(response.Results)}")
            grants += [_grant(item, result) for item, result in zip(part, response.Results, strict=True)]
        return grants

    async def delete(self) -> None:
        """Ends the subscription on the server."""
        request = ua.DeleteSubscriptionsRequest()
        request.Parameters.SubscriptionIds = [self.subscription_id]
        with contextlib.suppress(UaError):
            await self._ask(request, ua.DeleteSubscriptionsResponse)

    async def transfer(self) -> bool:
        """Takes the subscription over into the present session; returns False where the server no longer has it."""
        request = ua.TransferSubscriptionsRequest()
        request.Parameters.SubscriptionIds = [self.subscription_id]
        request.Parameters.SendInitialValues = False
        try:
            response = await self._ask(request, ua.TransferSubscriptionsResponse)
        except UaError:
            return False
        results = response.Parameters.Results
        return len(results) == 1 and not int(results[0].StatusCode.value) >> 30

    async def catch_up(self) -> None:
        """Asks for what was sent while the connection was away."""
        for _ in range(REPUBLISH_MAX):
            if not await self._republish(self.sequence.next):
                return

    async def run(self, silence_s_max: float) -> None:
        """Keeps asking until the link is lost, which it tells by raising.

        An answer that tells nothing of this subscription (a fault, another's notification) does not end the silence.

        Raises:
            LinkLost: the server has ended the subscription, or says nothing for `silence_s_max`.
            ConnectionError, UaError: the connection or the session has ended.
        """
        waiting: deque[asyncio.Task[bytes]] = deque()
        loop = asyncio.get_running_loop()
        heard_s = loop.time()
        try:
            while True:
                while len(waiting) < self._requests_open:
                    waiting.append(asyncio.create_task(self.connection.client.ask(self._publish_request(), 0)))
                left_s = heard_s + silence_s_max - loop.time()
                is_ours = False
                try:
                    data = await within(max(left_s, 0.0), waiting.popleft())
                except TimeoutError:
                    raise _silent(silence_s_max) from None
                except BadTooManyPublishRequests:
                    self._requests_open = max(1, self._requests_open - 1)
                except BadTimeout:
                    pass
                else:
                    is_ours = await self._take(data)
                if is_ours:
                    # After it is taken in: the time that took was not the server's.
                    heard_s = loop.time()
                elif left_s <= 0.0:
                    raise _silent(silence_s_max)
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def _take(self, data: bytes) -> bool:
        """Takes an answer in; returns whether it is of this subscription."""
        try:
            publication = decode_publish(data)
        except WireError:
            # Its number is unknown, too: the next message shows that one is missing.
            self.malformed += 1
            return True
        if publication.status >> 30:
            raise LinkLost(f"the server refuses to publish ({name_of(publication.status)})")
        if publication.subscription_id != self.subscription_id:
            return False
        await self._in_order(publication)
        return True

    async def _in_order(self, publication: Publication) -> None:
        """Hands a message on after those that should have come before it."""
        notification = publication.notification
        missing = self.sequence.missing_before(notification.sequence_number)
        if missing < 0 and not notification.is_keep_alive:
            return  # already had it: the server republished by itself
        for _ in range(min(missing, REPUBLISH_MAX)):
            await self._republish(self.sequence.next, give_up=True)
        self.lost += max(0, missing - REPUBLISH_MAX)
        if notification.is_keep_alive:
            self.on_notification(notification)
            return
        self._seen(notification)

    def _seen(self, notification: Notification) -> None:
        self.sequence.see(notification.sequence_number)
        self._acknowledge.append(notification.sequence_number)
        if notification.ended is not None:
            raise LinkLost(f"the server ended the subscription ({name_of(notification.ended)})")
        self.on_notification(notification)

    async def _republish(self, number: int, give_up: bool = False) -> bool:
        """Asks for a message again and hands it on; with `give_up` one that is not to be had counts as lost."""
        request = ua.RepublishRequest()
        request.Parameters.SubscriptionId = self.subscription_id
        request.Parameters.RetransmitSequenceNumber = number
        notification = None
        with contextlib.suppress(UaError, WireError):
            status, notification = decode_republish(await self.connection.client.ask(request))
            if status >> 30 or notification.sequence_number != number:
                notification = None
        if notification is not None:
            self.republished += 1
            self._seen(notification)
            return True
        if give_up:
            self.lost += 1
            self.sequence.see(number)
        return False

    def _publish_request(self) -> Any:
        request = ua.PublishRequest()
        acknowledge, self._acknowledge = self._acknowledge, []
        request.Parameters.SubscriptionAcknowledgements = [
            ua.SubscriptionAcknowledgement(SubscriptionId=self.subscription_id, SequenceNumber=number)
            for number in acknowledge
        ]
        return request

    async def _ask(self, request: Any, response_class: Any) -> Any:
        data = await self.connection.client.ask(request)
        response = ua.ua_binary.struct_from_binary(response_class, ua.utils.Buffer(data))
        response.ResponseHeader.ServiceResult.check()
        return response


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yields the items in order, at most `size` at a time."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def _silent(silence_s: float) -> LinkLost:
    return LinkLost(f"stalled, no notification for {silence_s:g} s")


def _create_request(item: ItemRequest) -> Any:
    parameters = ua.MonitoringParameters()
    parameters.ClientHandle = item.handle
    parameters.SamplingInterval = item.sampling_ms
    parameters.QueueSize = item.queue_size
    parameters.DiscardOldest = True
    if item.deadband > 0.0:
        kind = ua.DeadbandType.Percent if item.is_percent else ua.DeadbandType.Absolute
        parameters.Filter = ua.DataChangeFilter(
            Trigger=ua.DataChangeTrigger.StatusValue, DeadbandType=kind, DeadbandValue=item.deadband
        )
    request = ua.MonitoredItemCreateRequest()
    request.ItemToMonitor = value_of(item.node_id)
    request.MonitoringMode = ua.MonitoringMode.Reporting
    request.RequestedParameters = parameters
    return request


def _grant(item: ItemRequest, result: Any) -> ItemGrant:
    status = int(result.StatusCode.value)
    return ItemGrant(item.handle, status, float(result.RevisedSamplingInterval), int(result.RevisedQueueSize))
