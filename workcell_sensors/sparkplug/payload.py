"""Sparkplug B payloads as plain data; `codec` turns them into bytes and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from workcell_sensors.sparkplug.datatypes import (
    BASIC_TYPES,
    DATASET_FIELD,
    TEMPLATE_FIELD,
    Array,
    DataType,
    Scalar,
    Wire,
    data_type,
    from_wire,
    to_wire,
)

QUALITY_KEY = "Quality"
QUALITY_BAD = 0
QUALITY_GOOD = 192
QUALITY_STALE = 500


@dataclass(frozen=True)
class Property:
    """One entry of a property set."""

    key: str
    type: int
    value: Scalar | tuple[Property, ...] | tuple[tuple[Property, ...], ...] | None
    """A scalar, a property set, a list of property sets, or None for null."""


PropertySet = tuple[Property, ...]


@dataclass(frozen=True)
class MetaData:
    """What describes a binary value."""

    is_multi_part: bool | None = None
    content_type: str | None = None
    size: int | None = None
    seq: int | None = None
    file_name: str | None = None
    file_type: str | None = None
    md5: str | None = None
    description: str | None = None


@dataclass(frozen=True)
class DataSet:
    """A table with columns of basic types.

    Raises:
        ValueError: columns, types and rows do not have one width, or a type is not basic.
    """

    columns: tuple[str, ...]
    types: tuple[DataType, ...]
    rows: tuple[tuple[Scalar | None, ...], ...] = ()

    def __post_init__(self) -> None:
        if len(self.columns) != len(self.types):
            raise ValueError(f"a data set has {len(self.columns)} columns and {len(self.types)} types")
        if not BASIC_TYPES.issuperset(self.types):
            raise ValueError("a column of a data set is of no basic type")
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"a data set of {len(self.columns)} columns has a row of {len(row)}")


@dataclass(frozen=True)
class Parameter:
    """A template's parameter; in a definition the value is the default, None: none given."""

    name: str
    type: int
    value: Scalar | None = None

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a template's parameter has no name")
        if data_type(self.type) not in BASIC_TYPES:
            raise ValueError(f"parameter {self.name!r:.60} has type {self.type}, which is no basic type")


@dataclass(frozen=True)
class Template:
    """A user-defined type: its definition, or an instance of the one that `template_ref` names.

    Raises:
        ValueError: an instance names no definition, or a definition names one.
    """

    metrics: tuple[Metric, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    version: str | None = None
    template_ref: str | None = None
    is_definition: bool = False

    def __post_init__(self) -> None:
        if self.is_definition == bool(self.template_ref):
            raise ValueError("a template's instance has a template_ref, and a definition has none")


Value = Scalar | bytes | Array | DataSet | Template | None


class Metric(NamedTuple):
    """A metric as it lies on the wire; a tuple, because an edge node sends many thousand a second.

    The value stays in its protobuf field until the data type is known: data messages leave it out, and the birth
    has it.
    """

    name: str | None = None
    alias: int | None = None
    timestamp_ms: int | None = None
    datatype: int | None = None
    field: str | None = None
    """The protobuf field that holds the value; None where there is none."""
    raw: Wire | DataSet | Template | None = None
    is_null: bool = False
    is_historical: bool = False
    is_transient: bool = False
    properties: PropertySet = ()
    metadata: MetaData | None = None

    def value(self, datatype: DataType | None = None) -> Value:
        """Returns the value as its type; without `datatype` the metric must carry its own.

        Raises:
            ValueError: no type is known, or the field does not fit it.
        """
        if self.is_null:
            return None
        kind = datatype if datatype is not None else data_type(self.datatype or 0)
        if self.field is None or self.raw is None:
            raise ValueError(f"metric {self.name or self.alias} has neither a value nor is_null")
        if isinstance(self.raw, DataSet | Template):
            if kind is not (DataType.DATA_SET if isinstance(self.raw, DataSet) else DataType.TEMPLATE):
                raise ValueError(f"{self.field} does not hold a value of type {kind.name}")
            return self.raw
        return from_wire(kind, self.field, self.raw)

    def quality(self) -> int:
        """Returns the Sparkplug quality code: good without the property `Quality`, bad where that is no number."""
        for item in self.properties:
            if item.key == QUALITY_KEY:
                is_code = isinstance(item.value, int) and not isinstance(item.value, bool)
                return item.value if is_code else QUALITY_BAD  # type: ignore[return-value]
        return QUALITY_GOOD


class Payload(NamedTuple):
    """A whole payload."""

    metrics: tuple[Metric, ...] = ()
    timestamp_ms: int | None = None
    seq: int | None = None
    uuid: str | None = None
    body: bytes | None = None


def make_metric(
    name: str | None,
    datatype: DataType,
    value: Value,
    *,
    timestamp_ms: int | None = None,
    alias: int | None = None,
    properties: PropertySet = (),
    is_historical: bool = False,
    is_transient: bool = False,
    metadata: MetaData | None = None,
) -> Metric:
    """Returns a metric with its value in the right field; None becomes is_null.

    Raises:
        ValueError: the value does not fit the type.

    >>> make_metric("level", DataType.INT16, -2).raw
    65534
    """
    field: str | None = None
    raw: Wire | DataSet | Template | None = None
    if isinstance(value, DataSet) and datatype is DataType.DATA_SET:
        field, raw = DATASET_FIELD, value
    elif isinstance(value, Template) and datatype is DataType.TEMPLATE:
        field, raw = TEMPLATE_FIELD, value
    elif value is not None:
        field, raw = to_wire(datatype, value)
    return Metric(
        name=name,
        alias=alias,
        timestamp_ms=timestamp_ms,
        datatype=int(datatype),
        field=field,
        raw=raw,
        is_null=value is None,
        is_historical=is_historical,
        is_transient=is_transient,
        properties=properties,
        metadata=metadata,
    )


def quality_property(code: int) -> PropertySet:
    """Returns the property set that tells a metric's quality; none where it is good.

    Raises:
        ValueError: the code is none of 0, 192 and 500.

    >>> quality_property(QUALITY_STALE)[0].value
    500
    """
    if code not in (QUALITY_BAD, QUALITY_GOOD, QUALITY_STALE):
        raise ValueError(f"quality {code} is none of {QUALITY_BAD}, {QUALITY_GOOD}, {QUALITY_STALE}")
    return () if code == QUALITY_GOOD else (Property(QUALITY_KEY, DataType.INT32, code),)
