"""What generated message classes call: type tests of their setters, their text, their read-only constants."""

from __future__ import annotations

import array
from collections import UserList, UserString
from collections.abc import Callable, Sequence, Set
from copy import copy
from typing import Any, Final

import numpy as np

from .hashes import type_hash
from .model import Scalar

TYPE_HASH: Final = property(lambda cls: type_hash(cls._TYPE_NAME), doc="Hash of the type by REP 2011.")
"""On a metaclass, so that only those who ask for the hash pay for it."""


_DTYPES: Final = {code: np.dtype(code) for code in "bBhHiIlLqQfd"}


def is_collection(value: object) -> bool:
    """Whether a value may be given to a sequence or array field."""
    return isinstance(value, (Sequence, Set, UserList)) and not isinstance(value, (str, UserString))


def to_array(typecode: str, value: Any) -> array.array:
    """Return a new ``array.array``; a ``numpy`` array of the same element type is copied as a block."""
    if isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype == _DTYPES[typecode]:
        result = array.array(typecode)
        result.frombytes(value.tobytes())
        return result
    return array.array(typecode, value)


def message_repr(self: Any) -> str:
    """Return ``package.kind.Name(field=value, ...)``; numeric sequences print as plain lists."""
    parts = type(self).__module__.split(".")
    parts[-1] = type(self).__name__
    fields = []
    for name in self._fields_and_field_types:
        value = getattr(self, name)
        text = repr(value)
        if isinstance(value, array.array):
            # "array('d', [1.0])" without the frame, "array('d')" as an empty list.
            text = text[len("array('d', ") : -1] if value else "[]"
        fields.append(f"{name}={text}")
    return f"{'.'.join(parts)}({', '.join(fields)})"


def get_fields_and_field_types(cls: Any) -> dict[str, str]:
    """Return a copy of the names and types of the fields."""
    return copy(cls._fields_and_field_types)


def make_metaclass(name: str, constants: dict[str, Scalar], defaults: dict[str, Callable[[], object]]) -> type:
    """Return the metaclass that makes a class's constants and field defaults read-only.

    Args:
        name: Name of the message class.
        constants: Constants by name.
        defaults: By field name, what makes a fresh default value.
    """
    namespace: dict[str, Any] = {
        "__doc__": f"Metaclass of message '{name}'.",
        "_TYPE_SUPPORT": f"workcell_sim.embedded._interfaces:{name}",
        "__import_type_support__": classmethod(lambda cls: None),
        "_TYPE_HASH": TYPE_HASH,
    }
    for label, value in constants.items():
        namespace[label] = property(lambda cls, value=value: value, doc=f"Message constant '{label}'.")
    for field, make in defaults.items():
        namespace[default_name(field)] = property(
            lambda cls, make=make: make(), doc=f"Return default value for message field '{field}'."
        )
    return type(f"Metaclass_{name}", (type,), namespace)


def default_name(field: str) -> str:
    """Return the name of the class attribute that holds a field's default."""
    return f"{field.upper()}__DEFAULT"
