"""Listens for births and proposes a tag per metric."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time

from workcell_sensors.sources.discovery import DiscoveryRequest, ProposedTag
from workcell_sensors.sources.mqtt import link_config, subscribe
from workcell_sensors.sources.mqtt_link import LinkError, Message, MqttLink, check_granted
from workcell_sensors.sources.session import LinkLost
from workcell_sensors.sources.source import SourceSpec
from workcell_sensors.sources.sparkplug_protocol import SparkplugOptions
from workcell_sensors.sparkplug.births import BD_SEQ, NODE_CONTROL, Update
from workcell_sensors.sparkplug.datatypes import NUMERIC_TYPES, DataType
from workcell_sensors.sparkplug.edge_model import UNIT_KEY
from workcell_sensors.sparkplug.events import Outcome, Values
from workcell_sensors.sparkplug.host import HostApplication, HostConfig
from workcell_sensors.sparkplug.rebirth import RebirthLimits
from workcell_sensors.sparkplug.topic import EdgeNodeId

TICK_S = 0.1
TEXT_TYPES = (DataType.STRING, DataType.TEXT)
SHOWN_CHARS_MAX = 40
_LIMITS = RebirthLimits(first_s=60.0)
"""A node is asked once while we listen."""


async def discover(spec: SourceSpec, request: DiscoveryRequest) -> list[ProposedTag]:
    """Returns the metrics of all edge nodes that are heard; `request.below` may name a group or `group/edge_node`.

    Edge nodes whose births are not seen are asked for them, once. No STATE is published: who merely looks is no host
    application that an edge node should wait for.

    Raises:
        OSError, TimeoutError, LinkLost: the server cannot be asked.
    """
    group, _, edge_node = request.below.partition("/")
    options = spec.options(SparkplugOptions)
    nodes = (EdgeNodeId(group, edge_node),) if edge_node else ()
    host = HostApplication(HostConfig(options.host_id, nodes, reorder_timeout_s=0.5, limits=_LIMITS))
    found: dict[str, ProposedTag] = {}

    def take(outcome: Outcome) -> None:
        for event in outcome.events:
            if isinstance(event, Values) and event.is_birth and (not group or event.node.group == group):
                rows = [_propose(event, update) for update in event.updates]
                found.update((row.address, row) for row in rows if row is not None)
        for _, publish in outcome.publishes:
            link.publish(*publish)

    def on_message(message: Message) -> None:
        take(host.message(0, message.topic, message.payload, time.time_ns(), message.retained))

    config = dataclasses.replace(link_config(spec, options), client_id="")
    link = MqttLink(config, on_message)
    try:
        await link.open()
        host.connect(0, time.time_ns())
        host.connected(0, time.time_ns())
        check_granted(await subscribe(link, host.subscriptions[1:]))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(request.listen_s):
                while len(found) < request.rows_max:
                    await asyncio.sleep(TICK_S)
                    take(host.tick(time.time_ns()))
    except LinkError as error:
        raise LinkLost(str(error)) from None
    finally:
        await link.close()
    return [found[address] for address in sorted(found)][: request.rows_max]


def _propose(event: Values, update: Update) -> ProposedTag | None:
    declared, metric = update.declared, update.metric
    if declared.name == BD_SEQ or declared.name.startswith(NODE_CONTROL):
        return None
    if declared.datatype not in NUMERIC_TYPES and declared.datatype not in TEXT_TYPES:
        return None
    place = [event.node.group, event.node.edge_node, *([event.device] if event.device else [])]
    value = metric.value(declared.datatype) if metric.raw is not None or metric.is_null else None
    properties = {item.key.lower(): item.value for item in metric.properties}
    unit = properties.get(UNIT_KEY.lower(), properties.get("units", properties.get("unit", "1")))
    return ProposedTag(
        tag="/".join([*place, declared.name]),
        address=declared.address,
        unit="bool" if declared.datatype is DataType.BOOLEAN else str(unit or "1"),
        kind=declared.datatype.name,
        description=str(properties.get("documentation", properties.get("description", "")) or ""),
        value="" if value is None else str(value)[:SHOWN_CHARS_MAX],
    )
