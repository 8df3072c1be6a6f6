"""Adds an address space's nodes to an asyncua server."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from asyncua.server.server import Server

from workcell_sensors.outward.opcua_access import ua
from workcell_sensors.outward.opcua_feed import BAD_WAITING, Update
from workcell_sensors.outward.opcua_space import (
    CELL,
    CORE,
    EU_INFORMATION,
    HAS_PROPERTY,
    PROPERTY,
    Id,
    Node,
    Space,
    Value,
)
from workcell_sensors.sources.opcua_units import UNITS_URI, unit_id_of

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Builder:
    """Gives nodes identifiers that stay the same from start to start: their paths, in the cell's own namespace.

    Attributes:
        ids: node id by path.
        kinds: variant type of each variable, by path.
        waiting: variables that have no value yet.
    """

    def __init__(self, server: Server, namespaces: Sequence[str]) -> None:
        self._server = server
        self._index = {uri: at for at, uri in enumerate(namespaces)}
        self.ids: dict[str, Any] = {}
        self.kinds: dict[str, Any] = {}
        self.waiting: list[str] = []

    async def build(self, space: Space) -> None:
        """Adds all nodes and references.

        Raises:
            UaError: the server refuses one, for a type is not there.
        """
        for root in space.roots:
            await self._add(root.node, self._standard(root.parent), "")
        for reference in space.references:
            source = self._server.get_node(self.ids[reference.source])
            await source.add_reference(self.ids[reference.target], self._standard(reference.kind))
        for path in self.waiting:
            # Not a number of ours stands there before the cell has told one.
            await self._server.write_attribute_value(
                self.ids[path], data_value(Update(path, None, BAD_WAITING, 0), None)
            )

    async def _add(self, node: Node, parent: Any, above: str) -> None:
        path = f"{above}.{node.name}" if above else node.name
        node_id = self.ids[path] = ua.StringNodeId(path, self._index[CELL])
        if node.data_type is None:
            await self._insert(node, node_id, parent, ua.NodeClass.Object, ua.ObjectAttributes())
        else:
            # Types that are none of the standard's own are enumerations here, which are Int32 on the wire.
            number = node.data_type.number if node.data_type.space == CORE else ua.ObjectIds.Int32
            self.kinds[path] = ua.VariantType(number)
            attributes = self._variable(node.data_type, _variant(node.value, self.kinds[path]))
            await self._insert(node, node_id, parent, ua.NodeClass.Variable, attributes)
            if node.value is None:
                self.waiting.append(path)
        if node.unit:
            await self._add_unit(node.unit, node_id, path)
        for below in node.below:
            await self._add(below, node_id, path)

    async def _add_unit(self, unit: str, node_id: Any, path: str) -> None:
        name = ua.LocalizedText(unit)
        value = ua.Variant(ua.EUInformation(UNITS_URI, unit_id_of(unit), name, name), ua.VariantType.ExtensionObject)
        node = Node("EngineeringUnits", CORE, PROPERTY, EU_INFORMATION, reference=HAS_PROPERTY)
        unit_id = ua.StringNodeId(f"{path}.EngineeringUnits", self._index[CELL])
        await self._insert(node, unit_id, node_id, ua.NodeClass.Variable, self._variable(EU_INFORMATION, value))

    async def _insert(self, node: Node, node_id: Any, parent: Any, node_class: Any, attributes: Any) -> None:
        attributes.DisplayName = ua.LocalizedText(node.name)
        attributes.Description = ua.LocalizedText(node.description or node.name)
        entry = ua.AddNodesItem()
        entry.RequestedNewNodeId = node_id
        entry.BrowseName = ua.QualifiedName(node.name, self._index[node.space])
        entry.ParentNodeId = parent
        entry.ReferenceTypeId = self._standard(node.reference)
        entry.TypeDefinition = self._standard(node.type_id)
        entry.NodeClass = node_class
        entry.NodeAttributes = attributes
        (result,) = await self._server.iserver.isession.add_nodes([entry])
        result.StatusCode.check()

    def _variable(self, data_type: Id, value: Any) -> Any:
        attributes = ua.VariableAttributes()
        attributes.DataType = self._standard(data_type)
        attributes.ValueRank = ua.ValueRank.Scalar
        attributes.AccessLevel = attributes.UserAccessLevel = ua.AccessLevel.CurrentRead.mask
        attributes.Value = value
        return attributes

    def _standard(self, wanted: Id) -> Any:
        return ua.NodeId(wanted.number, self._index[wanted.space])


def data_value(update: Update, kind: Any) -> Any:
    """Returns an update as the server stores it."""
    stamp = _EPOCH + dt.timedelta(microseconds=update.stamp_ns // 1000)
    return ua.DataValue(
        Value=_variant(update.value, kind),
        StatusCode=ua.StatusCode(update.status),
        SourceTimestamp=stamp,
    )


def _variant(value: Value, kind: Any) -> Any:
    if value is None:
        return ua.Variant(None, ua.VariantType.Null)
    if kind is ua.VariantType.LocalizedText:
        return ua.Variant(ua.LocalizedText(str(value)), kind)
    if kind is ua.VariantType.DateTime:
        return ua.Variant(_EPOCH + dt.timedelta(seconds=float(value)), kind)
    return ua.Variant(value, kind)
