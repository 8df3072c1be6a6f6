"""What birth certificates declare: names, types and aliases of an edge node and its devices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from workcell_sensors.sparkplug.datatypes import DataType, data_type
from workcell_sensors.sparkplug.payload import Metric, Payload, Template
from workcell_sensors.sparkplug.topic import EdgeNodeId

BD_SEQ = "bdSeq"
NODE_CONTROL = "Node Control/"
REBIRTH = "Node Control/Rebirth"
TEMPLATE_DEPTH_MAX = 8
MEMBERS_MAX = 10_000
"""Metrics of one node or device, with the members of its templates."""


@dataclass(frozen=True)
class Declared:
    """A metric that a birth declared.

    Attributes:
        address: `group/edge_node[/device]#name`; members of a template come after its name and a slash.
        name: without the node and device.
        datatype: of its values in data messages.
        alias: None where it has none.
    """

    address: str
    name: str
    datatype: DataType
    alias: int | None = None


class Update(NamedTuple):
    """One value of a declared metric, as it came."""

    declared: Declared
    metric: Metric


@dataclass
class BirthTable:
    """The metrics of one edge node (without device) or one device."""

    place: str
    """`group/edge_node` or `group/edge_node/device`."""
    by_name: dict[str, Declared] = field(default_factory=dict)
    by_alias: dict[int, Declared] = field(default_factory=dict)
    instances: dict[int, str] = field(default_factory=dict)
    """Names of template instances by alias."""

    def declare(self, payload: Payload) -> tuple[list[Update], int]:
        """Takes the metrics of a birth in place of those before.

        Returns its values, and how many of its metrics could not be declared.
        """
        self.by_name, self.by_alias, self.instances = {}, {}, {}
        updates: list[Update] = []
        refused = 0
        for metric in payload.metrics:
            try:
                updates += [self._add(name, member) for name, member in flatten(metric)]
                if isinstance(metric.raw, Template) and metric.alias is not None and metric.name is not None:
                    self.instances[metric.alias] = metric.name
            except ValueError:
                refused += 1
        return updates, refused

    def _add(self, name: str, metric: Metric) -> Update:
        alias = metric.alias
        if name in self.by_name:
            raise ValueError(f"metric {name!r:.60} stands twice in a birth")
        if len(self.by_name) >= MEMBERS_MAX:
            raise ValueError(f"a birth of more than {MEMBERS_MAX} metrics")
        if alias is not None and alias in self.by_alias:
            raise ValueError(f"alias {alias} stands twice in a birth")
        declared = Declared(f"{self.place}#{name}", name, data_type(metric.datatype or 0), alias)
        self.by_name[name] = declared
        if alias is not None:
            self.by_alias[alias] = declared
        return Update(declared, metric)

    def resolve(self, metric: Metric) -> Iterator[Update]:
        """Yields the values of one metric of a data message.

        Raises:
            ValueError: no birth has declared it.
        """
        if isinstance(metric.raw, Template):
            yield from self._members(metric)
            return
        declared = self.by_alias.get(metric.alias) if metric.alias is not None else None
        if declared is None and metric.name is not None:
            declared = self.by_name.get(metric.name)
        if declared is None:
            raise ValueError(f"metric {metric.name or metric.alias} was in no birth")
        yield Update(declared, metric)

    def _members(self, metric: Metric) -> Iterator[Update]:
        name = metric.name if metric.alias is None else self.instances.get(metric.alias, metric.name)
        for path, member in flatten(metric._replace(name=name)):
            declared = self.by_name.get(path)
            if declared is None:
                raise ValueError(f"template member {path!r:.60} was in no birth")
            yield Update(declared, member)


def flatten(metric: Metric, depth: int = TEMPLATE_DEPTH_MAX) -> Iterator[tuple[str, Metric]]:
    """Yields a metric with its name, or a template instance's members with `instance/member`; definitions yield none.

    Members without a time take that of the instance.

    Raises:
        ValueError: a name is missing or the nesting too deep.
    """
    if not metric.name:
        raise ValueError("a metric has no name")
    template = metric.raw
    if not isinstance(template, Template):
        yield metric.name, metric
        return
    if depth == 0:
        raise ValueError(f"templates are nested deeper than {TEMPLATE_DEPTH_MAX}")
    if template.is_definition:
        return
    for member in template.metrics:
        stamped = member if member.timestamp_ms is not None else member._replace(timestamp_ms=metric.timestamp_ms)
        for name, leaf in flatten(stamped, depth - 1):
            yield f"{metric.name}/{name}", leaf


def bd_seq(payload: Payload) -> int | None:
    """Returns the birth and death sequence number in a payload; None where it has none that can be read."""
    for metric in payload.metrics:
        if metric.name == BD_SEQ and not metric.is_null and isinstance(metric.raw, int):
            return int(metric.raw)
    return None


def place_of(node: EdgeNodeId, device: str = "") -> str:
    """Returns where a node's or device's metrics are: the part of their addresses before the `#`.

    >>> place_of(EdgeNodeId("plant", "line1"), "press")
    'plant/line1/press'
    """
    return f"{node}/{device}" if device else str(node)
