"""OPC UA: one subscription for all tags; the server reports changes, its own clock shows that it lives."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from asyncua.client.client import Client
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.uaerrors import UaError
from asyncua.ua.uatypes import DataValue, Int32, NodeId, StatusCode

from workcell_sensors.reading import NS_PER_S, Quality
from workcell_sensors.sources.session import AsyncSource, LinkLost
from workcell_sensors.sources.source import ClockNs, Emit, SourceSpec
from workcell_sensors.sources.worker import AsyncWorker

ITEMS_PER_CALL_MAX = 100
"""Used where the server states no limit of its own."""
CONFIRM_S = 0.5
"""How often unchanged values are confirmed while the server lives, cell clock."""
SERVER_TICK_S = 1.0
"""How often servers write their own clock, wall clock; the longest silence of one that lives."""
_SERVER_TIME = NodeId(Int32(ObjectIds.Server_ServerStatus_CurrentTime))
_ITEMS_LIMIT = NodeId(Int32(ObjectIds.Server_ServerCapabilities_OperationLimits_MaxMonitoredItemsPerCall))
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)

T = TypeVar("T")


@dataclass
class _Item:
    """The last known state of one monitored node."""

    value: float = math.nan
    quality: Quality = Quality.BAD
    stamp_ns: int = 0


def quality_of(status: StatusCode) -> Quality:
    """Returns the quality that the severity bits of an OPC UA status code stand for (part 4, 7.39).

    >>> quality_of(StatusCode(0x40900000)).name
    'UNCERTAIN'
    """
    severity = int(status.value) >> 30
    return (Quality.GOOD, Quality.UNCERTAIN, Quality.BAD, Quality.BAD)[severity]


def number_of(value: object) -> float:
    """Returns a variant's scalar as a float, NaN where it is no number."""
    if isinstance(value, bool | int | float):
        return float(value)
    return math.nan


def to_ns(stamp: dt.datetime | None, default_ns: int) -> int:
    """Returns an OPC UA time in nanoseconds since the epoch, or `default_ns` where there is none."""
    if stamp is None:
        return default_ns
    aware = stamp if stamp.tzinfo is not None else stamp.replace(tzinfo=dt.UTC)
    return (aware - _EPOCH) // _MICROSECOND * 1000


class OpcUaSource(AsyncSource):
    """Monitors the tags' nodes.

    OPC UA reports a value only when it changes, so silence of one node means "unchanged" as long as the server
    lives. Unchanged values are therefore confirmed every half second with a stamp two publishing intervals back,
    but only while notifications (at least of the server's own clock) keep arriving.
    """

    def __init__(self, spec: SourceSpec, emit: Emit, clock_ns: ClockNs, worker: AsyncWorker) -> None:
        super().__init__(spec, emit, clock_ns, worker)
        self._nodes = {tag.address: NodeId.from_string(tag.address) for tag in spec.tags}

    async def session(self) -> None:
        """Connects, subscribes and delivers."""
        self._items: dict[str, _Item] = {}
        self._changed: dict[int, dict[str, tuple[float, Quality]]] = {}
        self._heard = asyncio.Event()
        self._by_node = {node: address for address, node in self._nodes.items()}
        self._lost = ""
        url = f"opc.tcp://{self.spec.host}:{self.spec.port}/"
        client = Client(url, timeout=self.spec.timeout_s, watchdog_intervall=max(1.0, self.wall_s(self.spec.stall_s)))
        client.connection_lost_callback = self._connection_lost
        try:
            await client.connect()
            await self._subscribe(client)
            self.up()
            await self._deliver_forever()
        finally:
            await self._disconnect(client)

    def datachange_notification(self, node: Any, value: Any, data: Any) -> None:
        """Takes a change in; asyncua calls it once per node of a notification."""
        self._heard.set()
        address = self._by_node.get(node.nodeid)
        if address is None:
            return
        sample: DataValue = data.monitored_item.Value
        quality = quality_of(sample.StatusCode) if sample.StatusCode is not None else Quality.GOOD
        number = number_of(value) if quality is not Quality.BAD else math.nan
        if math.isnan(number):
            quality = Quality.BAD
        stamp_ns = to_ns(sample.SourceTimestamp or sample.ServerTimestamp, self.clock_ns())
        self._items[address] = _Item(number, quality, stamp_ns)
        # By time, for one notification may hold several scans, node by node.
        self._changed.setdefault(stamp_ns, {})[address] = (number, quality)

    def status_change_notification(self, status: Any) -> None:
        """Takes in that the server has ended the subscription."""
        self._lost = f"the server ended the subscription ({getattr(status.Status, 'name', status.Status)})"
        self._heard.set()

    async def _connection_lost(self, error: Exception) -> None:
        self._lost = f"connection lost ({error})" if str(error) else "connection lost"
        self._heard.set()

    async def _subscribe(self, client: Client) -> None:
        period_ms = 1000.0 * self.wall_period_s(self.spec.period_s_min)
        subscription: Any = await client.create_subscription(period_ms, self)
        await subscription.subscribe_data_change([client.get_node(_SERVER_TIME)], sampling_interval=period_ms)
        nodes = [client.get_node(node) for node in self._nodes.values()]
        addresses = list(self._nodes)
        size = await self._items_per_call(client)
        results: list[Any] = []
        for part in _chunks(nodes, size):
            results += await subscription.subscribe_data_change(part, queuesize=10, sampling_interval=period_ms)
        now_ns = self.clock_ns()
        for address, result in zip(addresses, results, strict=True):
            if isinstance(result, StatusCode):
                self.reject()
                self._items[address] = _Item(stamp_ns=now_ns)
                self._changed.setdefault(now_ns, {})[address] = (math.nan, Quality.BAD)

    async def _items_per_call(self, client: Client) -> int:
        try:
            limit = int(await client.get_node(_ITEMS_LIMIT).read_value() or 0)
        except (UaError, TypeError, ValueError):
            # The limit is optional in the standard, and so is its node.
            limit = 0
        return limit if limit > 0 else ITEMS_PER_CALL_MAX

    async def _deliver_forever(self) -> None:
        loop = asyncio.get_running_loop()
        stall_s = max(self.wall_s(self.spec.stall_s), SERVER_TICK_S + self.spec.timeout_s)
        heard_at = confirmed_at = loop.time()
        while True:
            try:
                async with asyncio.timeout_at(heard_at + stall_s):
                    await self._heard.wait()
            except TimeoutError:
                raise LinkLost(f"stalled, no notification for {stall_s:g} s") from None
            self._heard.clear()
            if self._lost:
                raise LinkLost(self._lost)
            heard_at = loop.time()
            self._flush()
            if heard_at - confirmed_at >= self.wall_s(CONFIRM_S):
                confirmed_at = heard_at
                self._confirm()

    def _flush(self) -> None:
        """Delivers what has changed, one frame per source time, oldest first."""
        changed, self._changed = self._changed, {}
        for stamp_ns in sorted(changed):
            values = changed[stamp_ns]
            self.deliver(tuple(values), [v for v, _ in values.values()], [q for _, q in values.values()], stamp_ns)

    def _confirm(self) -> None:
        """Delivers the unchanged values again, with the time up to which they are known to hold."""
        lag_ns = round(2.0 * self.wall_period_s(self.spec.period_s_min) * self.spec.time_scale * NS_PER_S)
        stamp_ns = self.clock_ns() - lag_ns
        held = {address: item for address, item in self._items.items() if item.stamp_ns < stamp_ns}
        if held:
            values, qualities = [item.value for item in held.values()], [item.quality for item in held.values()]
            self.deliver(tuple(held), values, qualities, stamp_ns, device_time=False)

    async def _disconnect(self, client: Client) -> None:
        # A dead server cannot answer the goodbye; what matters is that the socket and the tasks are gone.
        try:
            with contextlib.suppress(UaError, OSError, TimeoutError, RuntimeError):
                async with asyncio.timeout(self.spec.timeout_s):
                    await client.disconnect()
        finally:
            client.disconnect_socket()


def _chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
