"""Messages to dictionaries, YAML and comma-separated values."""

from __future__ import annotations

import array
import sys
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy
import yaml
from rosidl_parser import definition

_COLLECTIONS = (list, tuple, array.array, numpy.ndarray)


@dataclass(frozen=True)
class _Limits:
    """What is left out of the result."""

    truncate_length: int | None
    no_arr: bool
    no_str: bool

    def cuts(self, value: Any) -> bool:
        return self.truncate_length is not None and len(value) > self.truncate_length


class _OrderedDumper(yaml.Dumper):
    """Writes an OrderedDict as a plain mapping in its own order."""


_OrderedDumper.add_representer(
    OrderedDict,
    lambda dumper, data: yaml.MappingNode(
        "tag:yaml.org,2002:map",
        [(dumper.represent_data(key), dumper.represent_data(value)) for key, value in data.items()],
    ),
)


def message_to_yaml(
    msg: Any,
    *,
    truncate_length: int | None = None,
    no_arr: bool = False,
    no_str: bool = False,
    flow_style: bool = False,
) -> str:
    """Return a message as YAML.

    Args:
        msg: The message.
        truncate_length: Longest array or text that is written in full.
        no_arr: Write the type and length of an array in place of its elements.
        no_str: Write the length of a text in its place.
        flow_style: Write it on one line.
    """
    content = message_to_ordereddict(msg, truncate_length=truncate_length, no_arr=no_arr, no_str=no_str)
    return yaml.dump(
        content, Dumper=_OrderedDumper, allow_unicode=True, width=sys.maxsize, default_flow_style=flow_style
    )


def message_to_csv(msg: Any, *, truncate_length: int | None = None, no_arr: bool = False, no_str: bool = False) -> str:
    """Return the values of a message, nested ones in place, separated by commas; arguments as `message_to_yaml`."""
    return _message_csv(msg, _Limits(truncate_length, no_arr, no_str))


def _message_csv(msg: Any, limits: _Limits) -> str:
    return ",".join(_csv(getattr(msg, name), kind, limits) for name, kind in get_message_slot_types(msg).items())


def _csv(value: Any, kind: definition.AbstractType | None, limits: _Limits) -> str:
    if isinstance(value, _COLLECTIONS):
        if limits.no_arr and kind is not None:
            return _abbreviation(value, kind)
        parts = [_csv(item, None, limits) for item in value[: limits.truncate_length]]
        return ",".join([*parts, "..."] if limits.cuts(value) else parts)
    if isinstance(value, str) and limits.no_str:
        return _string_abbreviation(value)
    if isinstance(value, (str, bytes)) and limits.cuts(value):
        dots = "..." if isinstance(value, str) else b"..."
        return str(value[: limits.truncate_length] + dots)
    if isinstance(value, (bool, bytes, float, int, str, numpy.number)):
        return str(value)
    return _message_csv(value, limits)


def message_to_ordereddict(
    msg: Any, *, truncate_length: int | None = None, no_arr: bool = False, no_str: bool = False
) -> OrderedDict[str, Any]:
    """Return a message as a dictionary in the order of its fields; arguments as `message_to_yaml`."""
    return _message_dict(msg, _Limits(truncate_length, no_arr, no_str))


def _message_dict(msg: Any, limits: _Limits) -> OrderedDict[str, Any]:
    return OrderedDict(
        (name, _plain(getattr(msg, name, None), kind, limits)) for name, kind in get_message_slot_types(msg).items()
    )


def _convert_value(
    value: Any,
    *,
    field_type: definition.AbstractType | None = None,
    truncate_length: int | None = None,
    no_arr: bool = False,
    no_str: bool = False,
) -> Any:
    """Return one value as plain data; programs that print messages (ros2 topic echo) call it by this name."""
    return _plain(value, field_type, _Limits(truncate_length, no_arr, no_str))


def _plain(value: Any, kind: definition.AbstractType | None, limits: _Limits) -> Any:
    if isinstance(value, bytes):
        text = "".join(map(chr, value[: limits.truncate_length]))
        return text + "..." if limits.cuts(value) else text
    if isinstance(value, str):
        if limits.no_str:
            return _string_abbreviation(value)
        return value[: limits.truncate_length] + "..." if limits.cuts(value) else value
    if isinstance(value, _COLLECTIONS):
        if limits.no_arr and kind is not None:
            return _abbreviation(value, kind)
        make = tuple if isinstance(value, tuple) else list
        items = [_plain(item, None, limits) for item in value[: limits.truncate_length]]
        return make([*items, "..."] if limits.cuts(value) else items)
    if isinstance(value, dict):
        # Keys stay whole: cut ones could collide.
        everything = _Limits(None, False, False)
        return {_plain(key, None, everything): _plain(item, None, limits) for key, item in value.items()}
    if isinstance(value, (numpy.number, numpy.bool_)):
        return value.item()
    if isinstance(value, (bool, float, int)):
        return value
    return _message_dict(value, limits)


def _string_abbreviation(value: str) -> str:
    return f"<string length: <{len(value)}>>"


def _abbreviation(value: Any, kind: definition.AbstractType) -> str:
    element = _type_name(kind.value_type)
    if isinstance(kind, definition.Array):
        return f"<array type: {element}[{kind.size}]>"
    if isinstance(kind, definition.BoundedSequence):
        return f"<sequence type: {element}[{kind.maximum_size}], length: {len(value)}>"
    if isinstance(kind, definition.UnboundedSequence):
        return f"<sequence type: {element}, length: {len(value)}>"
    return "unknown"


def _type_name(kind: definition.AbstractType) -> str:
    if isinstance(kind, definition.BasicType):
        return kind.typename
    if isinstance(kind, definition.AbstractString):
        return "string"
    if isinstance(kind, definition.AbstractWString):
        return "wstring"
    if isinstance(kind, definition.NamedType):
        return kind.name
    if isinstance(kind, definition.NamespacedType):
        return "/".join(kind.namespaced_name())
    return "unknown"


def get_message_slot_types(msg: Any) -> OrderedDict[str, definition.AbstractType]:
    """Return the types of a message's fields by name."""
    return OrderedDict(zip(msg.get_fields_and_field_types(), msg.SLOT_TYPES, strict=True))
