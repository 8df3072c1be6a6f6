"""OPC UA's part of the ingest benchmark: a busy server, its tag table, and asyncua's own client as the peer."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import logging
from typing import Any

import asyncua.ua
from asyncua.client.client import Client
from asyncua.server import monitored_item_service
from asyncua.server.server import Server

from bench.ingest_parts import LOOPBACK, tag_table

# Typed as Any: the library fills this module with generated names that a checker cannot see.
ua: Any = asyncua.ua

NAMESPACE = "urn:workcell:bench"
QUEUE = 100


def serve(port: int, tags: int, period_s: float) -> None:
    """Serves `tags` variables that all count up every `period_s`, until the process is ended."""
    logging.disable(logging.CRITICAL)
    monitored_item_service.MonitoredItemValues.set_current_datavalue = _keep  # type: ignore[assignment,method-assign]
    asyncio.run(_serve(port, tags, period_s))


def tag_file(tags: int, period_s: float, port: int) -> str:
    """Returns the tag table of the served variables."""
    source = f"protocol: opcua, port: {port}, security_policy: none, queue_s: {QUEUE * period_s:g}"
    return tag_table(source, (f"nsu={NAMESPACE};s={n}" for n in range(tags)), period_s)


async def bare(port: int, tags: int, period_s: float, seconds: float) -> int:
    """Returns how many updates asyncua's own subscription hands to a handler that only counts them."""
    logging.disable(logging.CRITICAL)
    counter = _Counter()
    async with Client(f"opc.tcp://{LOOPBACK}:{port}/") as client:
        namespace = await client.get_namespace_index(NAMESPACE)
        subscription: Any = await client.create_subscription(1000.0 * period_s, counter)
        nodes = [client.get_node(ua.StringNodeId(str(n), namespace)) for n in range(tags)]
        for start in range(0, tags, 500):
            await subscription.subscribe_data_change(nodes[start : start + 500], queuesize=QUEUE)
        counter.updates = 0
        await asyncio.sleep(seconds)
        return counter.updates


def _keep(self: Any, value: Any) -> None:
    """Stands in for asyncua's deep copy of every sample, which keeps one core from 20,000 updates a second.

    The samples here are never changed afterwards, so keeping them is as good.
    """
    self.old_dvalue, self.current_dvalue = self.current_dvalue, value


class _Counter:
    updates = 0

    def datachange_notification(self, node: Any, value: Any, data: Any) -> None:
        """Counts; asyncua calls it once per update."""
        self.updates += 1


async def _serve(port: int, tags: int, period_s: float) -> None:
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://{LOOPBACK}:{port}/")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    namespace = await server.register_namespace(NAMESPACE)
    folder = await server.nodes.objects.add_folder(namespace, "bench")
    nodes = [ua.StringNodeId(str(n), namespace) for n in range(tags)]
    for n, node in enumerate(nodes):
        await folder.add_variable(node, str(n), 0.0)
    loop = asyncio.get_running_loop()
    async with server:
        due = loop.time()
        for count in itertools.count(1):
            now = dt.datetime.now(dt.UTC)
            data = ua.DataValue(
                Value=ua.Variant(float(count), ua.VariantType.Double), SourceTimestamp=now, ServerTimestamp=now
            )
            for node in nodes:
                await server.write_attribute_value(node, data)
            due = max(due + period_s, loop.time() - period_s)
            await asyncio.sleep(max(0.0, due - loop.time()))
