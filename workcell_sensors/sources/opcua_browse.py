"""What an OPC UA server has: every variable below Objects, with unit, range, description and states."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from asyncua.ua.uaerrors import UaError

from workcell_sensors.sources.discovery import DiscoveryRequest, ProposedTag
from workcell_sensors.sources.opcua_address import parse_address
from workcell_sensors.sources.opcua_connection import Connection
from workcell_sensors.sources.opcua_protocol import OpcUaOptions
from workcell_sensors.sources.opcua_subscription import chunks
from workcell_sensors.sources.opcua_transport import ua
from workcell_sensors.sources.opcua_units import unit_of
from workcell_sensors.sources.session import LinkLost
from workcell_sensors.sources.source import SourceSpec

NODES_MAX = 200_000
"""Nodes looked at, whatever a server says it has; address spaces may be endless."""
DEPTH_MAX = 32
REFERENCES_PER_CALL = 1000
ELEMENTS_MAX = 16
"""Of an array, so many elements are proposed."""
VALUES_PER_READ_MAX = 50
"""Values may be large; what only describes them is not."""
TEXT_MAX = 40
_OBJECTS, _SERVER, _HIERARCHICAL, _HAS_PROPERTY = 85, 2253, 33, 46
_OBJECT_OR_VARIABLE = 1 | 2
_STANDARD_TYPES_MAX = 25
_NUMERIC = frozenset((*range(1, 12), 26, 27, 28, 290))
"""Numbers of the standard's numeric data types, abstract Number, Integer, UInteger and Duration among them."""
_BOOLEAN, _STRING, _DATE_TIME, _UTC_TIME, _LOCALIZED, _ENUMERATION = 1, 12, 13, 294, 21, 29
_PROPERTIES = ("EngineeringUnits", "EURange", "EnumStrings", "EnumValues")


@dataclass
class Found:
    """One variable of the server."""

    node_id: Any
    path: tuple[str, ...]
    properties: dict[str, Any] = field(default_factory=dict)
    """Node ids of those properties that describe the value, by name."""


async def discover(spec: SourceSpec, request: DiscoveryRequest) -> Sequence[ProposedTag]:
    """Connects, browses and disconnects; see `discovery.Discover`.

    Raises:
        OSError, TimeoutError, LinkLost: the server cannot be asked.
    """
    connection = Connection(spec, spec.options(OpcUaOptions))
    try:
        await connection.open()
        browser = Browser(connection, request)
        return await browser.proposals()
    except UaError as error:
        raise LinkLost(f"{type(error).__name__}: {error}") from None
    finally:
        await connection.close()


class Browser:
    """One walk through an address space, level by level; a node that is reached twice is looked at once."""

    def __init__(self, connection: Connection, request: DiscoveryRequest) -> None:
        self._connection = connection
        self._request = request
        self._seen: set[Any] = set()
        self._found: dict[Any, Found] = {}

    async def proposals(self) -> list[ProposedTag]:
        """Returns the rows, in the order of the address space."""
        await self.walk()
        rows: list[ProposedTag] = []
        names: set[str] = set()
        for part in chunks(list(self._found.values()), VALUES_PER_READ_MAX):
            for row in await self._described(part):
                if len(rows) == self._request.rows_max:
                    return rows
                rows.append(_renamed(row, names))
        return rows

    async def walk(self) -> None:
        """Finds the variables, no more than rows are wanted."""
        start = ua.NodeId(_OBJECTS)
        if self._request.below:
            start = self._connection.node_id(parse_address(self._request.below))
        level: list[tuple[Any, tuple[str, ...]]] = [(start, ())]
        self._seen = {start, ua.NodeId(_SERVER)}
        for _ in range(DEPTH_MAX):
            nodes, level = level, []
            for part in chunks(nodes, self._connection.limits.nodes_per_browse):
                # Once there are rows enough, only what describes them is still of interest.
                full = len(self._found) >= self._request.rows_max or len(self._seen) >= NODES_MAX
                wanted = [(node, path) for node, path in part if not full or node in self._found]
                found = await self._browse([node for node, _ in wanted]) if wanted else []
                for (node, path), references in zip(wanted, found, strict=True):
                    level += self._note(node, path, references)
            if not level:
                return

    def _note(self, parent: Any, path: tuple[str, ...], references: Sequence[Any]) -> list[tuple[Any, tuple[str, ...]]]:
        """Notes what a node refers to; returns what is to be looked at next."""
        further = []
        for reference in references:
            node = ua.NodeId(reference.NodeId.Identifier, reference.NodeId.NamespaceIndex, reference.NodeId.NodeIdType)
            name = str(reference.BrowseName.Name or "")
            if reference.ReferenceTypeId == ua.NodeId(_HAS_PROPERTY):
                # A property describes; it is no quantity itself (part 3, 4.5.2).
                if parent in self._found and name in _PROPERTIES:
                    self._found[parent].properties[name] = node
                continue
            if (
                getattr(reference.NodeId, "ServerIndex", 0)
                or node in self._seen
                or len(self._found) >= self._request.rows_max
            ):
                continue
            self._seen.add(node)
            below = (*path, name)
            if reference.NodeClass == ua.NodeClass.Variable:
                self._found[node] = Found(node, below)
            further.append((node, below))
        return further

    async def _browse(self, nodes: Sequence[Any]) -> list[list[Any]]:
        """Returns the forward hierarchical references of nodes, through all continuation points."""
        parameters = ua.BrowseParameters()
        parameters.View.Timestamp = ua.get_win_epoch()
        parameters.RequestedMaxReferencesPerNode = REFERENCES_PER_CALL
        parameters.NodesToBrowse = [_browse_of(node) for node in nodes]
        session = self._connection.client.uaclient.session
        results = await session.browse(parameters)
        if len(results) != len(nodes):
            raise LinkLost(f"Browse of {len(nodes)} nodes gave {len(results)} results")
        return [await self._whole(result) for result in results]

    async def _whole(self, result: Any) -> list[Any]:
        references = list(result.References or [])
        session = self._connection.client.uaclient.session
        while result.ContinuationPoint:
            following = ua.BrowseNextParameters()
            following.ContinuationPoints = [result.ContinuationPoint]
            # A server with no end of references is left off, and told so, for continuation points are scarce.
            following.ReleaseContinuationPoints = len(references) >= NODES_MAX
            (result,) = await session.browse_next(following)
            if following.ReleaseContinuationPoints:
                break
            references += result.References or []
        return references

    async def _described(self, part: Sequence[Found]) -> list[ProposedTag]:
        ids = ua.AttributeIds
        attributes = (ids.DataType, ids.ValueRank, ids.Description, ids.MinimumSamplingInterval)
        wanted = [(found.node_id, attribute) for found in part for attribute in attributes]
        answers = await self._read(wanted)
        values = await self._read([(found.node_id, ids.Value) for found in part])
        rows: list[ProposedTag] = []
        for at, found in enumerate(part):
            kind, rank, description, sampling_ms = answers[4 * at : 4 * at + 4]
            shown = _Shown(found, kind, rank, description, sampling_ms, values[at])
            rows += self._rows(shown, await self._properties(found, kind))
        return rows

    async def _properties(self, found: Found, kind: Any) -> Mapping[str, Any]:
        """Returns the values of the properties that describe a variable, its enumeration's among them."""
        nodes = dict(found.properties)
        if _is_foreign(kind):
            (references,) = await self._browse([kind])
            for reference in references:
                name = str(reference.BrowseName.Name or "")
                if name in _PROPERTIES:
                    nodes.setdefault(name, reference.NodeId)
        values = await self._read([(node, ua.AttributeIds.Value) for node in nodes.values()])
        return dict(zip(nodes, values, strict=True))

    async def _read(self, wanted: Sequence[tuple[Any, Any]]) -> list[Any]:
        """Returns attributes' values, None where there is none."""
        session = self._connection.client.uaclient.session
        values: list[Any] = []
        for part in chunks(wanted, self._connection.limits.nodes_per_read):
            parameters = ua.ReadParameters()
            parameters.NodesToRead = [ua.ReadValueId(NodeId=node, AttributeId=attribute) for node, attribute in part]
            answers = await session.read(parameters)
            values += [_value(answer) for answer in answers]
        if len(values) != len(wanted):
            raise LinkLost(f"Read of {len(wanted)} attributes gave {len(values)} values")
        return values

    def _rows(self, shown: _Shown, properties: Mapping[str, Any]) -> Iterator[ProposedTag]:
        kind = shown.kind_name(properties)
        if not kind:
            return
        address = self._address(shown.found.node_id)
        elements: list[int | None] = [None]
        if isinstance(shown.value, list):
            elements = list(range(min(len(shown.value), ELEMENTS_MAX)))
        for element in elements:
            value = shown.value if element is None else shown.value[element]
            suffix = "" if element is None else f"_{element}"
            yield ProposedTag(
                tag="/".join(_word(name) for name in shown.found.path if _word(name)) + suffix,
                address=address if element is None else f"{address};index={element}",
                unit="bool" if kind == "Boolean" else _unit(properties.get("EngineeringUnits")),
                kind=kind,
                description=shown.words(properties),
                states=_states(properties),
                period_s=shown.period_s,
                value="" if value is None else str(getattr(value, "Text", value))[:TEXT_MAX],
            )

    def _address(self, node_id: Any) -> str:
        text = str(node_id.to_string())
        namespace = int(node_id.NamespaceIndex)
        identifier = text.partition(";")[2] if namespace else text
        if not namespace or namespace >= len(self._connection.namespaces):
            return text
        return f"nsu={self._connection.namespaces[namespace]};{identifier}"


@dataclass(frozen=True)
class _Shown:
    """A variable's attributes as they were read."""

    found: Found
    data_type: Any
    rank: Any
    description: Any
    sampling_ms: Any
    value: Any

    def kind_name(self, properties: Mapping[str, Any]) -> str:
        """Returns the type's name, empty where it is nothing that a tag could be."""
        number = self.data_type.Identifier if _is_standard(self.data_type) else 0
        if "EnumStrings" in properties or "EnumValues" in properties or number == _ENUMERATION:
            return "Enumeration"
        if number in _NUMERIC or number in (_STRING, _DATE_TIME, _UTC_TIME, _LOCALIZED):
            return str(ua.ObjectIdNames.get(number, number))
        plain = self.value[0] if isinstance(self.value, list) and self.value else self.value
        return type(plain).__name__ if isinstance(plain, bool | int | float | str) else ""

    @property
    def period_s(self) -> float:
        """The quickest sampling the server offers; 0 where it says nothing of use."""
        sampling = self.sampling_ms
        return float(sampling) / 1000.0 if isinstance(sampling, int | float) and sampling > 0 else 0.0

    def words(self, properties: Mapping[str, Any]) -> str:
        """Returns the description, with the range where the server tells one."""
        text = " ".join(str(getattr(self.description, "Text", None) or "").split())
        span = properties.get("EURange")
        if span is not None and hasattr(span, "Low") and hasattr(span, "High"):
            text = f"{text} ({span.Low:g} to {span.High:g})".strip()
        return text


def _browse_of(node: Any) -> Any:
    description = ua.BrowseDescription()
    description.NodeId = node
    description.BrowseDirection = ua.BrowseDirection.Forward
    description.ReferenceTypeId = ua.NodeId(_HIERARCHICAL)
    description.IncludeSubtypes = True
    description.NodeClassMask = _OBJECT_OR_VARIABLE
    description.ResultMask = ua.BrowseResultMask.All
    return description


def _value(answer: Any) -> Any:
    if answer.StatusCode is not None and answer.StatusCode.is_bad():
        return None
    return answer.Value.Value if answer.Value is not None else None


def _is_standard(data_type: Any) -> bool:
    return isinstance(data_type, ua.NodeId) and data_type.NamespaceIndex == 0


def _is_foreign(data_type: Any) -> bool:
    """Returns whether a data type is none of the standard's basic ones, and so perhaps an enumeration."""
    if not isinstance(data_type, ua.NodeId):
        return False
    return not _is_standard(data_type) or int(data_type.Identifier) > _STANDARD_TYPES_MAX


def _unit(information: Any) -> str:
    unit = unit_of(int(getattr(information, "UnitId", -1) or -1)) if information is not None else ""
    shown = str(getattr(getattr(information, "DisplayName", None), "Text", None) or "")
    return unit or shown or "1"


def _states(properties: Mapping[str, Any]) -> dict[str, float]:
    values = properties.get("EnumValues")
    if isinstance(values, list):
        named = [(getattr(value.DisplayName, "Text", None), value.Value) for value in values]
        return {str(text): float(number) for text, number in named if text}
    texts = properties.get("EnumStrings")
    return {str(text.Text): float(at) for at, text in enumerate(texts)} if isinstance(texts, list) else {}


def _word(name: str) -> str:
    return re.sub(r"[^0-9A-Za-z_.\-]+", "_", name).strip("_")


def _renamed(row: ProposedTag, names: set[str]) -> ProposedTag:
    """Returns the row under a name that no other has."""
    name, number = row.tag, 2
    while name in names:
        name, number = f"{row.tag}_{number}", number + 1
    names.add(name)
    return ProposedTag(**{**vars(row), "tag": name})
