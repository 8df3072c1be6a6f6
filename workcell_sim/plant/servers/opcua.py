"""An OPC UA server whose variables are the tags of the arm's controller."""

from __future__ import annotations

import datetime as dt
import math
from typing import Any

import asyncua.ua
from asyncua.server.server import Server

from workcell_sensors.sources.opcua_address import parse_address
from workcell_sensors.units import BOOL
from workcell_sim.plant.servers.server import FieldServer, Update

# Typed as Any: the library fills this module with generated names that a checker cannot see.
ua: Any = asyncua.ua

NAMESPACE = "urn:workcell:plant"
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class OpcUaFieldServer(FieldServer):
    """One variable per tag, with source time and status code; addresses are names, as in `s=arm.current`."""

    namespaces: tuple[str, ...] = (NAMESPACE,)
    """The namespaces beyond the standard's and the server's own; the first one's index is 2."""
    _server: Any = None

    async def open(self) -> None:
        """Builds the address space and listens."""
        server = await self.make(f"opc.tcp://{self.host}:{self.port}/")
        for uri in self.namespaces:
            await server.register_namespace(uri)
        uris = await server.get_namespace_array()
        folder = await server.nodes.objects.add_folder(2, "plant")
        self._nodes = {tag.address: _node_id(tag.address, uris) for tag in self.tags}
        self._kinds = {
            tag.address: ua.VariantType.Boolean if tag.unit == BOOL else ua.VariantType.Double for tag in self.tags
        }
        waiting = ua.StatusCode(ua.StatusCodes.BadWaitingForInitialData)
        for tag in self.tags:
            node = self._nodes[tag.address]
            kind = self._kinds[tag.address]
            await folder.add_variable(node, tag.tag, ua.Variant(False if kind is ua.VariantType.Boolean else 0.0, kind))
            await server.write_attribute_value(node, ua.DataValue(Value=None, StatusCode=waiting))
        await server.start()
        self._server = server

    async def make(self, url: str) -> Server:
        """Returns the server, not yet started: without security, for it is on loopback alone."""
        server = Server()
        await server.init()
        server.set_endpoint(url)
        server.set_server_name("workcell plant")
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        return server

    async def apply(self, updates: list[Update]) -> None:
        """Writes every value with its source time; one that is missing gets a bad status."""
        if self._server is None:
            return
        now = dt.datetime.now(dt.UTC)
        for update in updates:
            stamp = _EPOCH + dt.timedelta(microseconds=update.stamp_ns // 1000)
            for address, value in zip(update.addresses, update.values, strict=True):
                data = self._data_value(address, value, stamp, now)
                await self._server.write_attribute_value(self._nodes[address], data)

    async def close(self, abrupt: bool) -> None:
        """Stops the server."""
        server, self._server = self._server, None
        if server is not None:
            await server.stop()

    def _data_value(self, address: str, value: float, stamp: dt.datetime, now: dt.datetime) -> Any:
        if math.isnan(value):
            bad = ua.StatusCode(ua.StatusCodes.BadSensorFailure)
            return ua.DataValue(Value=None, StatusCode=bad, SourceTimestamp=stamp, ServerTimestamp=now)
        kind = self._kinds[address]
        number = bool(value) if kind is ua.VariantType.Boolean else value
        return ua.DataValue(Value=ua.Variant(number, kind), SourceTimestamp=stamp, ServerTimestamp=now)


def _node_id(address: str, uris: list[str]) -> Any:
    parsed = parse_address(address)
    return ua.StringNodeId(parsed.identifier.removeprefix("s="), parsed.index_in(uris))
