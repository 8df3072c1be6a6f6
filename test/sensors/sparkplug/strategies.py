"""Hypothesis strategies for Sparkplug payloads."""

from __future__ import annotations

import math
import struct
from typing import Any

from hypothesis import strategies as st

from workcell_sensors.sparkplug.datatypes import BASIC_TYPES, DataType
from workcell_sensors.sparkplug.payload import (
    DataSet,
    MetaData,
    Metric,
    Parameter,
    Payload,
    Property,
    Template,
    make_metric,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
UINT64 = st.integers(0, 2**64 - 1)


def _single(value: float) -> float:
    return value if not math.isfinite(value) else struct.unpack("<f", struct.pack("<f", value))[0]


SINGLE = st.floats(width=32, allow_nan=False)
DOUBLE = st.floats(allow_nan=False)
_ELEMENTS: dict[str, st.SearchStrategy[Any]] = {
    **{f"INT{bits}": st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": st.integers(0, 2**bits - 1) for bits in (8, 16, 32, 64)},
    "DATE_TIME": UINT64,
    "FLOAT": SINGLE,
    "DOUBLE": DOUBLE,
    "BOOLEAN": st.booleans(),
    "STRING": TEXT,
}
_OTHERS: dict[DataType, st.SearchStrategy[Any]] = {
    DataType.TEXT: TEXT,
    DataType.UUID: st.uuids().map(str),
    DataType.BYTES: st.binary(max_size=20),
    DataType.FILE: st.binary(max_size=20),
}


def value_of(kind: DataType) -> st.SearchStrategy[Any]:
    """Returns values of a scalar, bytes or array type."""
    if kind in _OTHERS:
        return _OTHERS[kind]
    base = kind.name.removesuffix("_ARRAY")
    return _ELEMENTS[base] if base == kind.name else st.lists(_ELEMENTS[base], max_size=9).map(tuple)


PLAIN_TYPES = st.sampled_from(
    [kind for kind in DataType if kind.name.removesuffix("_ARRAY") in _ELEMENTS or kind in _OTHERS]
)
BASIC = st.sampled_from(sorted(BASIC_TYPES))


@st.composite
def properties(draw: st.DrawFn, depth: int = 2) -> tuple[Property, ...]:
    items = []
    for key in draw(st.lists(TEXT, max_size=3, unique=True)):
        if depth and draw(st.booleans()):
            items.append(Property(key, DataType.PROPERTY_SET, draw(properties(depth - 1))))
        elif depth and draw(st.booleans()):
            sets = st.lists(properties(depth - 1), max_size=2).map(tuple)
            items.append(Property(key, DataType.PROPERTY_SET_LIST, draw(sets)))
        else:
            kind = draw(BASIC)
            items.append(Property(key, kind, draw(st.none() | value_of(kind))))
    return tuple(items)


@st.composite
def data_sets(draw: st.DrawFn) -> DataSet:
    types = tuple(draw(st.lists(BASIC, max_size=4)))
    columns = tuple(draw(st.lists(TEXT, min_size=len(types), max_size=len(types))))
    row = st.tuples(*(st.none() | value_of(kind) for kind in types))
    return DataSet(columns, types, tuple(draw(st.lists(row, max_size=3))))


META = st.builds(
    MetaData,
    is_multi_part=st.none() | st.booleans(),
    size=st.none() | UINT64,
    file_name=st.none() | TEXT,
    description=st.none() | TEXT,
)


@st.composite
def metrics(draw: st.DrawFn, depth: int = 2) -> Metric:
    kind = draw(PLAIN_TYPES | st.sampled_from([DataType.DATA_SET, DataType.TEMPLATE] if depth else [DataType.DATA_SET]))
    if kind is DataType.DATA_SET:
        value = draw(st.none() | data_sets())
    elif kind is DataType.TEMPLATE:
        value = draw(st.none() | templates(depth - 1))
    else:
        value = draw(st.none() | value_of(kind))
    return make_metric(
        draw(st.none() | TEXT),
        kind,
        value,
        timestamp_ms=draw(st.none() | UINT64),
        alias=draw(st.none() | UINT64),
        properties=draw(properties()),
        is_historical=draw(st.booleans()),
        is_transient=draw(st.booleans()),
        metadata=draw(st.none() | META),
    )


@st.composite
def parameters(draw: st.DrawFn) -> Parameter:
    kind = draw(BASIC)
    return Parameter(draw(TEXT.filter(len)), kind, draw(st.none() | value_of(kind)))


@st.composite
def templates(draw: st.DrawFn, depth: int = 1) -> Template:
    is_definition = draw(st.booleans())
    return Template(
        tuple(draw(st.lists(metrics(depth), max_size=2))),
        tuple(draw(st.lists(parameters(), max_size=2))),
        draw(st.none() | TEXT),
        None if is_definition else draw(TEXT.filter(len)),
        is_definition,
    )


PAYLOADS = st.builds(
    Payload,
    metrics=st.lists(metrics(), max_size=4).map(tuple),
    timestamp_ms=st.none() | UINT64,
    seq=st.none() | UINT64,
    uuid=st.none() | TEXT,
    body=st.none() | st.binary(max_size=20),
)
