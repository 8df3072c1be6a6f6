"""What an interface definition says, independent of where it was read from.

Base types carry their IDL names (``boolean``, ``octet``, ``uint8``, ``double`` ...), because ROS 2 generates its
Python classes, its wire format and its type hashes from IDL: a ``char`` of a ``.msg`` file is a ``uint8`` everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

Scalar = bool | int | float | str | bytes
"""A constant's or default's value; an octet is ``bytes`` of length 1."""

INTEGER_BITS: Final = {
    "int8": 8,
    "uint8": 8,
    "int16": 16,
    "uint16": 16,
    "int32": 32,
    "uint32": 32,
    "int64": 64,
    "uint64": 64,
}
STRING_TYPES: Final = frozenset({"string", "wstring"})
NUMERIC_TYPES: Final = frozenset({*INTEGER_BITS, "float", "double"})
"""Types whose sequences are ``array.array`` and whose arrays are ``numpy.ndarray``."""

EMPTY_MEMBER: Final = "structure_needs_at_least_one_member"
"""IDL has no empty structure: ROS 2 puts this ``uint8`` into an empty message, on the wire and in the type hash."""


class InterfaceError(ValueError):
    """An interface definition is missing or wrong; the text names file, line and remedy."""


class Shape(Enum):
    """How many values a field holds."""

    SCALAR = "scalar"
    ARRAY = "array"
    BOUNDED = "bounded sequence"
    UNBOUNDED = "unbounded sequence"


@dataclass(frozen=True, slots=True)
class FieldType:
    """Type of a field.

    Attributes:
        base: IDL name of a primitive, or ``package/msg/Name``.
        string_bound: Most characters of a string, 0 where unbounded.
        shape: One value, or which kind of many.
        size: Length of an array, most elements of a bounded sequence, else 0.
    """

    base: str
    string_bound: int = 0
    shape: Shape = Shape.SCALAR
    size: int = 0

    @property
    def is_message(self) -> bool:
        """Whether the value (or each element) is a message."""
        return "/" in self.base

    @property
    def is_string(self) -> bool:
        """Whether the value (or each element) is text."""
        return self.base in STRING_TYPES

    @property
    def is_sequence(self) -> bool:
        """Whether the number of elements varies."""
        return self.shape in (Shape.BOUNDED, Shape.UNBOUNDED)

    @property
    def is_numeric_array(self) -> bool:
        """Whether the field is held in an ``array.array`` or ``numpy.ndarray``."""
        return self.shape is not Shape.SCALAR and self.base in NUMERIC_TYPES

    @property
    def element(self) -> FieldType:
        """Type of one element."""
        return replace(self, shape=Shape.SCALAR, size=0)

    @property
    def class_name(self) -> str:
        """Class name of a message type."""
        return self.base.rsplit("/", 1)[1]

    def __str__(self) -> str:
        """Return the text that ``get_fields_and_field_types()`` gives."""
        text = self.base
        if self.is_message:
            package, _, name = self.base.split("/")
            text = f"{package}/{name}"
        elif self.string_bound:
            text = f"{self.base}<{self.string_bound}>"
        if self.shape is Shape.ARRAY:
            return f"{text}[{self.size}]"
        if self.shape is Shape.BOUNDED:
            return f"sequence<{text}, {self.size}>"
        if self.shape is Shape.UNBOUNDED:
            return f"sequence<{text}>"
        return text


@dataclass(frozen=True, slots=True)
class Field:
    """One field; ``default`` is None where the definition gives none, a tuple for arrays and sequences."""

    name: str
    type: FieldType
    default: Scalar | tuple[Scalar, ...] | None = None


@dataclass(frozen=True, slots=True)
class Constant:
    """One named constant of an IDL base type."""

    name: str
    base: str
    value: Scalar


@dataclass(frozen=True, slots=True)
class MessageSpec:
    """A message: ``name`` is ``package/msg/Name``, ``package/srv/Name_Request`` and so on."""

    name: str
    fields: tuple[Field, ...] = ()
    constants: tuple[Constant, ...] = ()

    @property
    def wire_fields(self) -> tuple[Field, ...]:
        """Fields as they travel: an empty message carries one dummy byte."""
        return self.fields or (Field(EMPTY_MEMBER, FieldType("uint8")),)


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """A service: ``name`` is ``package/srv/Name``."""

    name: str
    request: MessageSpec
    response: MessageSpec


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """An action: ``name`` is ``package/action/Name``."""

    name: str
    goal: MessageSpec
    result: MessageSpec
    feedback: MessageSpec


Spec = MessageSpec | ServiceSpec | ActionSpec
