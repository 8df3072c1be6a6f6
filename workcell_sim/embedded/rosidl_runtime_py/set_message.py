"""Messages filled from dictionaries."""

from __future__ import annotations

import array
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy
from rosidl_parser.definition import AbstractNestedType, NamespacedType

from .convert import get_message_slot_types
from .import_message import import_message_from_namespaced_type

_HEADER = "std_msgs.msg._header.Header"
_TIME = "builtin_interfaces.msg._time.Time"


def set_message_fields(
    msg: Any, values: dict[str, Any], expand_header_auto: bool = False, expand_time_now: bool = False
) -> list[Callable[[Any], None]]:
    """Set fields of a message, nested ones by nested dictionaries.

    Args:
        msg: The message.
        values: Values by field name.
        expand_header_auto: The text 'auto' for a header asks for the current time as its stamp.
        expand_time_now: The text 'now' for a time asks for the current time.

    Returns:
        What to call with the current time, once for each 'auto' and 'now'.

    Raises:
        AttributeError: The message has no field of a given name.
        TypeError: A value does not fit its field, or ``values`` is no dictionary.
    """
    stamps: list[Callable[[Any], None]] = []
    _fill(msg, values, stamps, expand_header_auto, expand_time_now)
    return stamps


def _fill(msg: Any, values: Any, stamps: list[Callable[[Any], None]], auto: bool, now: bool) -> None:
    if not hasattr(values, "items"):
        raise TypeError(f"Value '{values}' is expected to be a dictionary but is a {type(values).__name__}")
    for name, given in values.items():
        field = getattr(msg, name)
        cls = type(field)
        qualified = f"{cls.__module__}.{cls.__name__}"
        if auto and qualified == _HEADER and given == "auto":
            stamps.append(partial(setattr, field, "stamp"))
            continue
        if now and qualified == _TIME and given == "now":
            stamps.append(partial(setattr, msg, name))
            continue
        value = _converted(field, given, stamps, auto, now)
        kind = get_message_slot_types(msg)[name]
        if isinstance(kind, AbstractNestedType) and isinstance(kind.value_type, NamespacedType):
            element = import_message_from_namespaced_type(kind.value_type)
            value = [_element(element, item, stamps, auto, now) for item in value]
        setattr(msg, name, value)


def _converted(field: Any, given: Any, stamps: list[Callable[[Any], None]], auto: bool, now: bool) -> Any:
    cls = type(field)
    if cls is array.array:
        return array.array(field.typecode, given)
    if cls is numpy.ndarray:
        return numpy.array(given, dtype=field.dtype)
    if type(given) is cls:
        return given
    try:
        return cls(given)
    except TypeError:
        # A message takes no positional argument: what is given must be a dictionary of its fields.
        message = cls()
        _fill(message, given, stamps, auto, now)
        return message


def _element(cls: Any, given: Any, stamps: list[Callable[[Any], None]], auto: bool, now: bool) -> Any:
    if type(given) is cls:
        return given
    message = cls()
    _fill(message, given, stamps, auto, now)
    return message
