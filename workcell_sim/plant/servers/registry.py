"""Which server speaks which protocol."""

from __future__ import annotations

from collections.abc import Sequence

from workcell_sensors.tags import SourceRow, TagRow
from workcell_sim.plant.servers.modbus import ModbusFieldServer
from workcell_sim.plant.servers.mqtt import MqttFieldServer
from workcell_sim.plant.servers.opcua import OpcUaFieldServer
from workcell_sim.plant.servers.server import FieldServer

SERVERS: dict[str, type[FieldServer]] = {
    "mqtt": MqttFieldServer,
    "opcua": OpcUaFieldServer,
    "modbus": ModbusFieldServer,
}


def make_server(row: SourceRow, tags: Sequence[TagRow], host: str) -> FieldServer:
    """Returns the server that stands for a source of the tag table, not yet started.

    Raises:
        KeyError: no server speaks the protocol.
    """
    return SERVERS[row.protocol](row, tags, host)
