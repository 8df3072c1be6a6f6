"""OPC UA: the server reports changes, or is asked where it will not; nothing sent is lost while it keeps it for us."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Coroutine, Sequence
from typing import Any

import numpy as np
from asyncua.ua.uaerrors import BadNotImplemented, BadServiceUnsupported, BadTooManySubscriptions

from workcell_sensors.reading import NS_PER_S
from workcell_sensors.sources.clock_offset import ClockOffset, at_device
from workcell_sensors.sources.opcua_address import NodeAddress
from workcell_sensors.sources.opcua_connection import Connection, run_together
from workcell_sensors.sources.opcua_items import Batch, ItemTable, Taken
from workcell_sensors.sources.opcua_poll import PolledNode, Poller
from workcell_sensors.sources.opcua_protocol import SERVER, SUBSCRIBE, OpcUaOptions
from workcell_sensors.sources.opcua_publish import Notification
from workcell_sensors.sources.opcua_security import SESSION_TIMEOUT_S
from workcell_sensors.sources.opcua_status import BAD_NODE_ID_UNKNOWN, name_of
from workcell_sensors.sources.opcua_subscription import ItemGrant, ItemRequest, Subscription
from workcell_sensors.sources.opcua_wire import Samples
from workcell_sensors.sources.session import AsyncSource, LinkLost
from workcell_sensors.sources.source import ClockNs, Emit, SourceSpec
from workcell_sensors.sources.worker import AsyncWorker
from workcell_sensors.tags import TagRow

RETRY_S = 10.0
"""How often nodes that the server lacked are sought again, wall clock."""
DRIFT_CHECK_S = 10.0
"""How often values under the server's deadband are read to see whether it keeps to it, wall clock."""
DRIFT_DEADBANDS = 3.0
"""A value that is this many deadbands from the one last reported has drifted away unreported."""
QUEUE_MAX = 10_000
_TOO_MANY_ITEMS = 0x80DB0000
_FILTER_REFUSED = frozenset((0x80430000, 0x80440000, 0x80450000, 0x808E0000))
"""BadMonitoredItemFilterInvalid, ...FilterUnsupported, BadFilterNotAllowed, BadDeadbandFilterInvalid."""
_NO_SUBSCRIPTIONS = (BadTooManySubscriptions, BadServiceUnsupported, BadNotImplemented)


class OpcUaSource(AsyncSource):
    """Monitors the tags' nodes in one subscription, and reads those that the server will not monitor.

    OPC UA reports a value only when it changes, so silence of one node means "unchanged" as long as the subscription
    lives, which keep-alives tell. Unchanged values are therefore confirmed, up to the time they are known to hold.
    """

    def __init__(self, spec: SourceSpec, emit: Emit, clock_ns: ClockNs, worker: AsyncWorker) -> None:
        super().__init__(spec, emit, clock_ns, worker)
        self._options = spec.options(OpcUaOptions)
        self._filters = self._options.deadband_at == SERVER
        self._pins: dict[NodeAddress, NodeAddress] = {}
        self._forget()

    async def session(self) -> None:
        """Connects, subscribes or asks, and delivers."""
        try:
            resumed = await self._connection.open()
            subscription = await self._subscribed(resumed)
            self._tell_missing()
            await self._work(subscription)
        except asyncio.CancelledError:
            connection = self._connection
            self._forget()
            await connection.close()
            raise
        except BaseException:
            self._connection.drop()
            raise

    def _forget(self) -> None:
        """Begins with nothing known of the server."""
        self._connection = Connection(self.spec, self._options)
        self._subscription: Subscription | None = None
        self._half_made: Subscription | None = None
        self._table = ItemTable(self.spec.tags)
        self._server_clock = ClockOffset()
        self._polled: list[PolledNode] = []
        self._missing: dict[int, str] = {}
        self._filtered: list[tuple[PolledNode, float]] = []
        self._is_first = True
        self._lag_s = 0.0

    async def _work(self, subscription: Subscription | None) -> None:
        work: list[Coroutine[Any, Any, None]] = []
        if subscription is not None:
            stall_s = self.wall_s(self.spec.stall_s)
            silence_s = max(stall_s, 1.5 * subscription.keep_alive_s + self.spec.timeout_s / 2.0)
            work += [subscription.run(silence_s), self._keep_checking(subscription)]
        if self._polled:
            poller = Poller(self._connection, self._polled, self._on_samples)
            self.grant(poll_period_s=poller.period_s, nodes_per_read=self._connection.limits.nodes_per_read)
            work.append(poller.run())
        if not work:
            raise LinkLost(self._missing_text())
        await run_together(*work)

    async def _subscribed(self, resumed: bool) -> Subscription | None:
        """Returns the subscription, taken up again where it still lives; None where the server gives none."""
        before = self._subscription
        if before is not None and self._connection.is_same_server and (resumed or await before.transfer()):
            self.count("sessions_resumed" if resumed else "subscriptions_transferred")
            self.up()
            await before.catch_up()
            self._tally_losses(before)
            return before
        if self._half_made is not None and resumed:
            await self._half_made.delete()
        self._half_made = self._subscription = None
        self._is_first = True
        if self._ever_up:
            self.count("resubscribed")
        subscription = await self._subscribe()
        self.up()
        return subscription

    async def _subscribe(self) -> Subscription | None:
        self._polled, self._filtered, self._missing = [], [], {}
        nodes = self._found(range(len(self._table.nodes)))
        subscription = None
        if self._options.mode == SUBSCRIBE:
            subscription = Subscription(self._connection, self._on_notification)
            stale_s = min(tag.stale_after_s for tag in self.spec.tags)
            keep_alive_s = self.wall_s(min(self.spec.stall_s / 2.0, stale_s / 3.0))
            try:
                await subscription.create(self._interval_s(), keep_alive_s, SESSION_TIMEOUT_S)
            except _NO_SUBSCRIPTIONS:
                self.count("subscriptions_refused")
                subscription = None
        if subscription is None:
            self._polled = nodes
            return None
        # Until all its items are made it must not be taken up again as if they were.
        self._half_made = subscription
        await self._monitor(subscription, nodes)
        self._half_made, self._subscription = None, subscription
        return subscription

    def _interval_s(self) -> float:
        return self.wall_period_s(self.spec.period_s_min)

    def _found(self, handles: Sequence[int]) -> list[PolledNode]:
        """Returns those nodes whose namespace the server has; notes the others as missing."""
        nodes = []
        for handle in handles:
            try:
                node_id = self._node_id(self._table.nodes[handle])
            except LookupError as error:
                self._missing[handle] = str(error)
            else:
                nodes.append(PolledNode(handle, node_id, self.wall_period_s(self._table.period_s(handle))))
        return nodes

    def _node_id(self, node: NodeAddress) -> Any:
        """Returns a node's id in the server's present numbering, which it may have changed since we first saw it."""
        namespaces = self._connection.namespaces
        pin = self._pins.setdefault(node, node.pinned(namespaces))
        if node.uri or pin.uri in namespaces:
            return self._connection.node_id(pin)
        return self._connection.node_id(node)

    async def _monitor(self, subscription: Subscription, nodes: Sequence[PolledNode]) -> None:
        """Has the server monitor nodes; those it will not are asked for, those it lacks are missing."""
        by_handle = {node.handle: node for node in nodes}
        grants = await subscription.monitor([self._request(node, self._filters) for node in nodes])
        refused = [grant.handle for grant in grants if _code(grant) in _FILTER_REFUSED]
        if refused:
            self.count("deadbands_refused", len(refused))
            again = await subscription.monitor([self._request(by_handle[handle], False) for handle in refused])
            grants = [grant for grant in grants if grant.handle not in refused] + again
        granted = [grant for grant in grants if not _is_bad(grant)]
        for grant in grants:
            if _code(grant) == _TOO_MANY_ITEMS:
                self._polled.append(by_handle[grant.handle])
            elif _is_bad(grant):
                self._missing[grant.handle] = name_of(grant.status)
        for grant in granted:
            deadband = self._deadband(grant.handle)
            if self._filters and deadband > 0.0 and grant.handle not in refused:
                self._filtered.append((by_handle[grant.handle], deadband))
        self._tell_granted(subscription, granted)

    def _request(self, node: PolledNode, filtered: bool) -> ItemRequest:
        limit_ms = self._connection.limits.sample_rate_min_ms
        sampling_ms = max(1000.0 * node.period_s, limit_ms)
        queue = min(max(1, math.ceil(1000.0 * self.wall_s(self._options.queue_s) / sampling_ms)), QUEUE_MAX)
        deadband = self._deadband(node.handle) if filtered else 0.0
        percent = self._options.deadband_percent if filtered and not deadband else 0.0
        return ItemRequest(node.handle, node.node_id, sampling_ms, queue, deadband or percent, percent > 0.0)

    def _deadband(self, handle: int) -> float:
        # A state is a name for a number: no two of them are nearly the same.
        has_states = any(tag.states for tag in self._tags_of(handle))
        return 0.0 if has_states else self._table.deadband(handle)

    def _tags_of(self, handle: int) -> list[TagRow]:
        return [self._table.tags[row] for row in self._table.rows_of[handle]]

    def _tell_granted(self, subscription: Subscription, granted: Sequence[ItemGrant]) -> None:
        self.grant(publishing_interval_s=subscription.interval_s, keep_alive_s=subscription.keep_alive_s)
        sampling_s = [grant.sampling_ms / 1000.0 for grant in granted]
        self._lag_s = max([subscription.interval_s, self._interval_s(), *sampling_s])
        if granted:
            self.grant(
                sampling_interval_s=max(sampling_s),
                queue_size=min(grant.queue_size for grant in granted),
                items_per_call=self._connection.limits.items_per_call,
            )

    def _on_notification(self, notification: Notification) -> None:
        now_ns = self.clock_ns()
        for samples in notification.changes:
            self._hand_on(self._table.take(samples, now_ns), now_ns)
        if notification.changes:
            self._is_first = False
        if notification.publish_ns:
            self._server_clock.note(notification.publish_ns, now_ns)
        self._confirm(now_ns, self._known_until_ns(notification.publish_ns, now_ns))
        if self._subscription is not None:
            self._tally_losses(self._subscription)

    def _on_samples(self, samples: Samples, asked_at: float) -> None:
        now_ns = self.clock_ns()
        self._hand_on(self._table.take(samples, now_ns, only_news=True), now_ns)
        under_way_s = asyncio.get_running_loop().time() - asked_at
        offset_s = self._clock_offset.offset_s
        known_ns = now_ns + _ns((0.0 if math.isnan(offset_s) else offset_s) - under_way_s * self.spec.time_scale)
        self._confirm(now_ns, known_ns)

    def _hand_on(self, taken: Taken, now_ns: int) -> None:
        # The values a server has at first may be of long ago; they tell nothing of its clock.
        for batch in taken.batches:
            self._deliver(batch, now_ns, device_time=not self._is_first)
        self.reject(taken.rejected)
        for handle in taken.gone:
            # Sought again from time to time: what is put there later is another node to the server.
            self._missing.setdefault(handle, name_of(BAD_NODE_ID_UNKNOWN))
        if taken.overflowed:
            self.lose(taken.overflowed)
            self.count("queue_overflows", taken.overflowed)

    def _confirm(self, now_ns: int, known_until_ns: int) -> None:
        batch = self._table.confirmed(now_ns, known_until_ns)
        if batch is not None:
            self._deliver(batch, now_ns, device_time=False)

    def _deliver(self, batch: Batch, now_ns: int, device_time: bool) -> None:
        stamps = batch.stamps_ns
        first_ns = int(stamps[0])
        together = bool((stamps == first_ns).all())
        device_time = device_time and first_ns != now_ns
        if together:
            self.deliver(batch.addresses, batch.values, batch.quality, first_ns, device_time=device_time)
        else:
            self.deliver(batch.addresses, batch.values, batch.quality, stamps_ns=stamps, device_time=device_time)

    def _known_until_ns(self, publish_ns: int, now_ns: int) -> int:
        """Returns up to when, by the device's clock, a value that was not reported is known to be unchanged.

        It was sampled at most a sampling interval before the server published. In a cell that runs fast the server's
        clock is not the cell's, and arrival is all there is.
        """
        lag_ns = _ns(2.0 * self._lag_s * self.spec.time_scale)
        if self.spec.time_scale != 1.0 or not publish_ns:
            return now_ns - lag_ns
        return at_device(publish_ns, self._server_clock, self._clock_offset, now_ns) - lag_ns

    def _tally_losses(self, subscription: Subscription) -> None:
        for name in ("lost", "republished", "malformed"):
            number = getattr(subscription, name)
            if number:
                setattr(subscription, name, 0)
                self.count(f"notifications_{name}", number)
                self.lose(number if name == "lost" else 0)

    async def _keep_checking(self, subscription: Subscription) -> None:
        """Seeks missing nodes again, and sees whether the server's deadbands let values drift away unreported."""
        while True:
            await asyncio.sleep(min(RETRY_S, DRIFT_CHECK_S))
            if self._missing:
                nodes = self._found(list(self._missing))
                for node in nodes:
                    del self._missing[node.handle]
                await self._monitor(subscription, nodes)
                self._tell_missing()
            if self._filtered:
                await self._check_drift(subscription)

    async def _check_drift(self, subscription: Subscription) -> None:
        deadbands = np.zeros(len(self._table.nodes))
        for node, deadband in self._filtered:
            deadbands[node.handle] = DRIFT_DEADBANDS * deadband
        found: list[int] = []

        def look(samples: Samples, _asked_at: float) -> None:
            drifted = self._table.drifted(samples, deadbands[samples.handles])
            found.extend(samples.handles[drifted].tolist())

        poller = Poller(self._connection, [], look)
        await poller.ask([node for node, _ in self._filtered])
        # What changed just now may still be under way; what drifted stays away.
        if found:
            await asyncio.sleep(3.0 * subscription.interval_s)
            found.clear()
            await poller.ask([node for node, _ in self._filtered])
        if found:
            self._filters = False
            self.count("deadbands_untrue", len(found))
            await subscription.delete()
            self._subscription = None
            tag = self._tags_of(found[0])[0].tag
            raise LinkLost(f"the server's deadband hides how {tag} drifts; from now on it is applied here")

    def _tell_missing(self) -> None:
        if not self._missing:
            self.doubt("")
            return
        batch = self._table.missing(list(self._missing), self.clock_ns())
        self.reject(len(batch.addresses))
        self._deliver(batch, self.clock_ns(), device_time=False)
        self.doubt(self._missing_text())

    def _missing_text(self) -> str:
        handle, why = next(iter(self._missing.items()))
        return f"{len(self._missing)} nodes are not to be had, first {self._tags_of(handle)[0].address}: {why}"


def _code(grant: ItemGrant) -> int:
    return grant.status & 0xFFFF0000


def _is_bad(grant: ItemGrant) -> bool:
    return bool(grant.status >> 31)


def _ns(seconds: float) -> int:
    return round(seconds * NS_PER_S)
