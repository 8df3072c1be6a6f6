"""Messages to bytes and back: XCDR version 1 with its 4 byte header, as ROS 2's middlewares write it."""

from __future__ import annotations

import struct
from typing import Any, Final, TypeVar

from .cdr_read import CdrError, build_reader
from .cdr_write import build_writer
from .finder import find_class
from .layout import STRUCT_CODES
from .model import FieldType, Shape

HEADER: Final = b"\x00\x01\x00\x00"
"""Plain CDR, little endian, no options."""

SLACK: Final = 3
"""Most bytes that may follow a message: RTPS pads payloads to a multiple of 4."""

MessageT = TypeVar("MessageT")

_VALUE_ERRORS: Final = (struct.error, TypeError, ValueError, AttributeError, OverflowError)


def serialize_message(message: Any) -> bytes:
    """Return a message as the bytes that ROS 2 puts on the wire and into bags.

    Raises:
        TypeError: ``message`` is no message, or a field holds what its type cannot; the text names the field.
    """
    cls = type(message)
    buffer = bytearray(HEADER)
    try:
        write = cls._CDR_WRITE
    except AttributeError:
        write = _make_writer(cls)
    try:
        write(message, buffer)
    except _VALUE_ERRORS as error:
        raise TypeError(_wrong_field(message, message._TYPE_NAME) or f"{message._TYPE_NAME}: {error}") from None
    return bytes(buffer)


def deserialize_message(data: bytes | bytearray | memoryview, message_type: type[MessageT]) -> MessageT:
    """Return the message that bytes stand for.

    Raises:
        CdrError: The bytes are cut short, too long, or no plain CDR at all.
        TypeError: ``message_type`` is no message class.
    """
    if not isinstance(data, bytes):
        data = bytes(data)
    if len(data) < len(HEADER) or data[0] != 0 or data[1] > 1:
        raise CdrError(_no_header(data, message_type))
    try:
        read = message_type._CDR_READ[data[1]]  # type: ignore[attr-defined]
    except (AttributeError, KeyError):
        read = _make_reader(message_type, little_endian=bool(data[1]))
    try:
        message, position = read(data)
    except (struct.error, CdrError, ValueError, OverflowError) as error:
        raise CdrError(f"{message_type._TYPE_NAME}: {error} ({len(data)} bytes given)") from None
    if len(data) - position > SLACK:
        raise CdrError(
            f"{message_type._TYPE_NAME}: the message ends at byte {position} of {len(data)}; "
            "the data are of another type or of another version of it"
        )
    return message


def _make_writer(cls: Any) -> Any:
    spec = getattr(cls, "_SPEC", None)
    if not hasattr(cls, "_COPY"):
        raise TypeError(f"{cls.__name__} is no message class")
    cls._CDR_WRITE = staticmethod(build_writer(spec))
    return cls._CDR_WRITE


def _make_reader(cls: Any, little_endian: bool) -> Any:
    if not hasattr(cls, "_COPY"):
        raise TypeError(f"{cls.__name__} is no message class")
    readers = cls.__dict__.get("_CDR_READ")
    if readers is None:
        readers = cls._CDR_READ = {}
    check_fields = cls()._check_fields
    readers[int(little_endian)] = build_reader(cls._SPEC, find_class, check_fields, not little_endian)
    return readers[int(little_endian)]


def _no_header(data: bytes, message_type: Any) -> str:
    name = getattr(message_type, "_TYPE_NAME", message_type)
    if len(data) < len(HEADER):
        return f"{name}: {len(data)} bytes are too few for CDR, which starts with a header of {len(HEADER)}"
    return f"{name}: header {data[:2].hex()} is not plain CDR (0000 big endian, 0001 little endian)"


def _wrong_field(message: Any, path: str) -> str:
    """Return which field of a message cannot be written and why, or nothing where none is found."""
    for field in message._SPEC.fields:
        where, value = f"{path}.{field.name}", getattr(message, f"_{field.name}")
        complaint = _length_complaint(field.type, value)
        if complaint:
            return f"{where}: {complaint}"
        if field.type.is_numeric_array:
            continue
        scalar = field.type.shape is Shape.SCALAR
        for index, item in enumerate((value,) if scalar else value):
            complaint = _value_complaint(field.type.element, item, where if scalar else f"{where}[{index}]")
            if complaint:
                return complaint
    return ""


def _length_complaint(kind: FieldType, value: Any) -> str:
    if kind.shape is Shape.SCALAR:
        return ""
    try:
        length = len(value)
    except TypeError:
        return f"expected {kind}, got {type(value).__name__}"
    if kind.shape is Shape.ARRAY and length != kind.size:
        return f"expected {kind.size} elements, got {length}"
    if kind.shape is Shape.BOUNDED and length > kind.size:
        return f"expected at most {kind.size} elements, got {length}"
    return ""


def _value_complaint(kind: FieldType, value: Any, where: str) -> str:
    if kind.is_message:
        if getattr(type(value), "_TYPE_NAME", None) != kind.base:
            return f"{where}: expected {kind.base}, got {type(value).__name__}"
        return _wrong_field(value, where)
    if kind.is_string and isinstance(value, str) and kind.string_bound and len(value) > kind.string_bound:
        return f"{where}: expected at most {kind.string_bound} characters, got {len(value)}"
    try:
        _try_value(kind, value)
    except _VALUE_ERRORS as error:
        return f"{where}: expected {kind}, got {type(value).__name__} {value!r} ({error})"
    return ""


def _try_value(kind: FieldType, value: Any) -> None:
    if kind.is_string:
        value.encode("utf-16-le" if kind.base == "wstring" else "utf-8")
    elif kind.base == "char":
        struct.pack("B", ord(value))
    else:
        struct.pack("<" + STRUCT_CODES[kind.base], value)
