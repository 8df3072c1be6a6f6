"""Sparkplug's data types, and how their values lie in protobuf fields (specification 3.0, section 6.4.16).

Signed integers travel as two's complement in unsigned fields, arrays as little-endian bytes. Decoding is strict about
values and lenient about width: devices in the field send an Int8 as 0xFF and as 0xFFFFFFFF, and both mean -1.
"""

from __future__ import annotations

import enum
import math
import struct
from collections.abc import Sequence

import numpy as np

INT_FIELD = "int_value"
LONG_FIELD = "long_value"
FLOAT_FIELD = "float_value"
DOUBLE_FIELD = "double_value"
BOOLEAN_FIELD = "boolean_value"
STRING_FIELD = "string_value"
BYTES_FIELD = "bytes_value"
DATASET_FIELD = "dataset_value"
TEMPLATE_FIELD = "template_value"

Scalar = bool | int | float | str
Array = tuple[int, ...] | tuple[float, ...] | tuple[bool, ...] | tuple[str, ...]
Wire = bool | int | float | str | bytes
"""What a protobuf field of a scalar or bytes type holds."""


class DataType(enum.IntEnum):
    """The data types by their numbers on the wire."""

    UNKNOWN = 0
    INT8 = 1
    INT16 = 2
    INT32 = 3
    INT64 = 4
    UINT8 = 5
    UINT16 = 6
    UINT32 = 7
    UINT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BOOLEAN = 11
    STRING = 12
    DATE_TIME = 13
    TEXT = 14
    UUID = 15
    DATA_SET = 16
    BYTES = 17
    FILE = 18
    TEMPLATE = 19
    PROPERTY_SET = 20
    PROPERTY_SET_LIST = 21
    INT8_ARRAY = 22
    INT16_ARRAY = 23
    INT32_ARRAY = 24
    INT64_ARRAY = 25
    UINT8_ARRAY = 26
    UINT16_ARRAY = 27
    UINT32_ARRAY = 28
    UINT64_ARRAY = 29
    FLOAT_ARRAY = 30
    DOUBLE_ARRAY = 31
    BOOLEAN_ARRAY = 32
    STRING_ARRAY = 33
    DATE_TIME_ARRAY = 34


_SIGNED_BITS = {DataType.INT8: 8, DataType.INT16: 16, DataType.INT32: 32, DataType.INT64: 64}
_UNSIGNED_BITS = {
    DataType.UINT8: 8,
    DataType.UINT16: 16,
    DataType.UINT32: 32,
    DataType.UINT64: 64,
    DataType.DATE_TIME: 64,
}
_TEXTS = (DataType.STRING, DataType.TEXT, DataType.UUID)
_BLOBS = (DataType.BYTES, DataType.FILE)
_ARRAY_DTYPES = {
    DataType.INT8_ARRAY: "<i1",
    DataType.INT16_ARRAY: "<i2",
    DataType.INT32_ARRAY: "<i4",
    DataType.INT64_ARRAY: "<i8",
    DataType.UINT8_ARRAY: "<u1",
    DataType.UINT16_ARRAY: "<u2",
    DataType.UINT32_ARRAY: "<u4",
    DataType.UINT64_ARRAY: "<u8",
    DataType.FLOAT_ARRAY: "<f4",
    DataType.DOUBLE_ARRAY: "<f8",
    DataType.DATE_TIME_ARRAY: "<u8",
}

BASIC_TYPES = frozenset(DataType(number) for number in range(DataType.INT8, DataType.TEXT + 1))
"""Types of data set columns, template parameters and properties."""
PROPERTY_TYPES = BASIC_TYPES | {DataType.PROPERTY_SET, DataType.PROPERTY_SET_LIST}
ARRAY_TYPES = frozenset((*_ARRAY_DTYPES, DataType.BOOLEAN_ARRAY, DataType.STRING_ARRAY))
NUMERIC_TYPES = frozenset((*_SIGNED_BITS, *_UNSIGNED_BITS, DataType.FLOAT, DataType.DOUBLE, DataType.BOOLEAN))
"""Types whose value is one number."""

_COUNT = struct.Struct("<I")
_FLOAT = struct.Struct("<f")


def data_type(number: int) -> DataType:
    """Returns the data type of a number on the wire.

    Raises:
        ValueError: there is no such type, or it is Unknown.
    """
    if not 0 < number <= DataType.DATE_TIME_ARRAY:
        raise ValueError(f"data type {number} is none of 1 to {DataType.DATE_TIME_ARRAY:d}")
    return DataType(number)


def to_wire(datatype: DataType, value: object) -> tuple[str, Wire]:
    """Returns the protobuf field for a scalar, bytes or array value, and what to put into it.

    Raises:
        ValueError: the value does not fit the type.

    >>> to_wire(DataType.INT8, -1)
    ('int_value', 255)
    >>> to_wire(DataType.INT32_ARRAY, (123456789, 987654321))[1].hex(" ")
    '15 cd 5b 07 b1 68 de 3a'
    """
    if datatype in _SIGNED_BITS:
        bits = _SIGNED_BITS[datatype]
        number = _integer(datatype, value, -(1 << (bits - 1)), (1 << (bits - 1)) - 1)
        # Of the type's own width: decoders that cast take it, and decoders that check the range do too.
        return LONG_FIELD if bits == 64 else INT_FIELD, number & ((1 << bits) - 1)
    if datatype in _UNSIGNED_BITS:
        bits = _UNSIGNED_BITS[datatype]
        return LONG_FIELD if bits == 64 else INT_FIELD, _integer(datatype, value, 0, (1 << bits) - 1)
    if datatype in (DataType.FLOAT, DataType.DOUBLE):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _misfit(datatype, value)
        return (FLOAT_FIELD, _single(float(value))) if datatype is DataType.FLOAT else (DOUBLE_FIELD, float(value))
    if datatype is DataType.BOOLEAN and isinstance(value, bool):
        return BOOLEAN_FIELD, value
    if datatype in _TEXTS and isinstance(value, str):
        return STRING_FIELD, value
    if datatype in _BLOBS and isinstance(value, bytes):
        return BYTES_FIELD, value
    if datatype in ARRAY_TYPES and isinstance(value, tuple | list):
        return BYTES_FIELD, pack_array(datatype, value)
    raise _misfit(datatype, value)


def from_wire(datatype: DataType, field: str, raw: Wire) -> Scalar | bytes | Array:
    """Returns the value that a protobuf field of a metric, property or data set holds.

    Raises:
        ValueError: the field does not fit the type.

    >>> from_wire(DataType.INT8, "int_value", 255)
    -1
    """
    integral = field in (INT_FIELD, LONG_FIELD) and isinstance(raw, int)
    if datatype is DataType.DOUBLE or datatype is DataType.FLOAT:
        if field in (DOUBLE_FIELD, FLOAT_FIELD) or integral:
            return float(raw)
    elif datatype in _SIGNED_BITS and integral:
        return _signed(datatype, int(raw), _SIGNED_BITS[datatype])
    elif datatype in _UNSIGNED_BITS and integral:
        return _integer(datatype, raw, 0, (1 << _UNSIGNED_BITS[datatype]) - 1)
    elif datatype is DataType.BOOLEAN:
        if field == BOOLEAN_FIELD or (integral and raw in (0, 1)):
            return bool(raw)
    elif datatype in _TEXTS and field == STRING_FIELD:
        # protobuf hands back bytes where a string is no UTF-8.
        if isinstance(raw, str):
            return raw
    elif isinstance(raw, bytes) and field == BYTES_FIELD:
        if datatype in _BLOBS:
            return raw
        if datatype in ARRAY_TYPES:
            return unpack_array(datatype, raw)
    raise ValueError(f"{field} does not hold a value of type {datatype.name}")


def number_of(datatype: DataType, field: str, raw: Wire) -> float:
    """Returns a scalar value as a number.

    Raises:
        ValueError: the type is not numeric, or the field does not fit it.
    """
    if datatype is DataType.DOUBLE and field == DOUBLE_FIELD:
        return float(raw)
    if datatype not in NUMERIC_TYPES:
        raise ValueError(f"a value of type {datatype.name} is no number")
    value = from_wire(datatype, field, raw)
    assert isinstance(value, int | float)
    return float(value)


def pack_array(datatype: DataType, values: Sequence[object]) -> bytes:
    """Returns the bytes of an array.

    Raises:
        ValueError: an element does not fit the type.
    """
    if datatype is DataType.BOOLEAN_ARRAY:
        if not all(isinstance(value, bool) for value in values):
            raise _misfit(datatype, values)
        return _COUNT.pack(len(values)) + np.packbits(np.array(values, dtype=bool)).tobytes()
    if datatype is DataType.STRING_ARRAY:
        if not all(isinstance(value, str) and "\0" not in value for value in values):
            raise _misfit(datatype, values)
        return b"".join(str(value).encode() + b"\0" for value in values)
    dtype = np.dtype(_ARRAY_DTYPES[datatype])
    if dtype.kind == "f":
        if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
            raise _misfit(datatype, values)
        with np.errstate(over="ignore"):  # a double beyond single precision becomes infinite, as in to_wire
            return np.array(values, dtype=dtype).tobytes()
    info = np.iinfo(dtype)
    whole = [_integer(datatype, value, int(info.min), int(info.max)) for value in values]
    return np.array(whole, dtype=dtype).tobytes()


def unpack_array(datatype: DataType, data: bytes) -> Array:
    """Returns the elements of an array.

    Raises:
        ValueError: the bytes are no whole number of elements, or no such array.
    """
    if datatype is DataType.BOOLEAN_ARRAY:
        return _unpack_booleans(data)
    if datatype is DataType.STRING_ARRAY:
        if data and not data.endswith(b"\0"):
            raise ValueError("the last string of an array has no end")
        return tuple(part.decode() for part in data.split(b"\0")[:-1])
    dtype = np.dtype(_ARRAY_DTYPES[datatype])
    if len(data) % dtype.itemsize:
        raise ValueError(f"{len(data)} bytes are no whole number of elements of {dtype.itemsize} bytes")
    return tuple(np.frombuffer(data, dtype=dtype).tolist())


def _unpack_booleans(data: bytes) -> tuple[bool, ...]:
    if len(data) < _COUNT.size:
        raise ValueError(f"{len(data)} bytes are too few for the count of a boolean array")
    (count,) = _COUNT.unpack_from(data)
    # Compared before anything of that size is made.
    if (count + 7) // 8 != len(data) - _COUNT.size:
        raise ValueError(f"{len(data) - _COUNT.size} bytes do not hold {count} booleans")
    bits = np.unpackbits(np.frombuffer(data, dtype=np.uint8, offset=_COUNT.size), count=count)
    return tuple(bits.astype(bool).tolist())


def _signed(datatype: DataType, raw: int, bits: int) -> int:
    for width in (bits, 32, 64):
        # The number itself, or the same sign-extended to the width of its field.
        number = raw - (1 << width) if raw >> (width - 1) == 1 else raw
        if -(1 << (bits - 1)) <= number < 1 << (bits - 1):
            return number
    raise ValueError(f"{raw} is out of the range of {datatype.name}")


def _integer(datatype: DataType, value: object, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _misfit(datatype, value)
    if not low <= value <= high:
        raise ValueError(f"{value} is out of the range {low} to {high} of {datatype.name}")
    return value


def _single(value: float) -> float:
    try:
        return float(_FLOAT.unpack(_FLOAT.pack(value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def _misfit(datatype: DataType, value: object) -> ValueError:
    return ValueError(f"{value!r:.60} is no value of type {datatype.name}")
