"""An address space as data: nodes, references and units, before any server knows of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

CORE = "http://opcfoundation.org/UA/"
DI = "http://opcfoundation.org/UA/DI/"
MACHINERY = "http://opcfoundation.org/UA/Machinery/"
ROBOTICS = "http://opcfoundation.org/UA/Robotics/"
CELL = "urn:workcell:cell"


@dataclass(frozen=True)
class Id:
    """A node of a standard, by its number."""

    space: str
    number: int


# Types and references of the standard itself (part 5 and 8).
BASE_OBJECT, FOLDER, BASE_VARIABLE, PROPERTY = Id(CORE, 58), Id(CORE, 61), Id(CORE, 63), Id(CORE, 68)
ANALOG_UNIT = Id(CORE, 17497)
ORGANIZES, HAS_PROPERTY, HAS_COMPONENT, HAS_ADD_IN = Id(CORE, 35), Id(CORE, 46), Id(CORE, 47), Id(CORE, 17604)
OBJECTS = Id(CORE, 85)

BOOLEAN, INT32, DOUBLE, STRING = Id(CORE, 1), Id(CORE, 6), Id(CORE, 11), Id(CORE, 12)
DATE_TIME, LOCALIZED_TEXT, EU_INFORMATION = Id(CORE, 13), Id(CORE, 21), Id(CORE, 887)

Value = bool | int | float | str | None


@dataclass(frozen=True)
class Node:
    """One object or variable, with what is below it.

    Attributes:
        name: browse name, in namespace `space`.
        data_type: of a variable; None for an object.
        value: what a variable shows at first; None: it waits for its first value.
        unit: of an analog variable, as the tag table spells it; it gets the property EngineeringUnits.
        reference: how the node above refers to it.
    """

    name: str
    space: str
    type_id: Id
    data_type: Id | None = None
    value: Value = None
    unit: str = ""
    description: str = ""
    reference: Id = HAS_COMPONENT
    below: tuple[Node, ...] = ()

    def walk(self, above: str = "") -> Iterator[tuple[str, Node]]:
        """Yields this node and all below it, each with its path, which is also its identifier."""
        path = f"{above}.{self.name}" if above else self.name
        yield path, self
        for node in self.below:
            yield from node.walk(path)


@dataclass(frozen=True)
class Reference:
    """A reference between two nodes that are not above and below each other."""

    source: str
    kind: Id
    target: str


@dataclass(frozen=True)
class Root:
    """A node of the space and the standard's node it hangs below."""

    parent: Id
    node: Node


@dataclass(frozen=True)
class Space:
    """A whole address space."""

    roots: tuple[Root, ...]
    references: tuple[Reference, ...] = ()

    def variables(self) -> dict[str, Node]:
        """Returns all variables by path."""
        return {path: node for path, node in self.walk() if node.data_type is not None}

    def walk(self) -> Iterator[tuple[str, Node]]:
        """Yields all nodes with their paths."""
        for root in self.roots:
            yield from root.node.walk()


def folder(name: str, space: str, *below: Node, **more: Any) -> Node:
    """Returns a folder."""
    return Node(name, space, FOLDER, below=below, **more)


def item(name: str, space: str, type_id: Id, *below: Node, **more: Any) -> Node:
    """Returns an object of a type."""
    return Node(name, space, type_id, below=below, **more)


def text(name: str, value: str, *, localized: bool = False, space: str = DI) -> Node:
    """Returns a text property, as name plates have them."""
    data_type = LOCALIZED_TEXT if localized else STRING
    return Node(name, space, PROPERTY, data_type, value, reference=HAS_PROPERTY)


def variable(name: str, space: str, data_type: Id, value: Value = None, **more: Any) -> Node:
    """Returns a variable without a unit."""
    return Node(name, space, BASE_VARIABLE, data_type, value, **more)


def analog(name: str, space: str, unit: str, **more: Any) -> Node:
    """Returns a measured number with its unit."""
    return Node(name, space, ANALOG_UNIT, DOUBLE, unit=unit, **more)
