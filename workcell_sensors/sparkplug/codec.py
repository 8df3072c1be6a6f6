"""Bytes to payloads and back.

What a device sends is bounded before it is read: `PAYLOAD_BYTES_MAX` and `METRICS_MAX`. protobuf itself bounds the
nesting, and keeps fields it does not know aside.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from google.protobuf.message import DecodeError

from workcell_sensors.sparkplug.datatypes import (
    BASIC_TYPES,
    DATASET_FIELD,
    PROPERTY_TYPES,
    TEMPLATE_FIELD,
    DataType,
    Scalar,
    Wire,
    data_type,
    from_wire,
    to_wire,
)
from workcell_sensors.sparkplug.payload import (
    DataSet,
    MetaData,
    Metric,
    Parameter,
    Payload,
    Property,
    PropertySet,
    Template,
)
from workcell_sensors.sparkplug.schema import PayloadMessage

PAYLOAD_BYTES_MAX = 1 << 20
METRICS_MAX = 50_000
"""Of one payload; larger nodes split into devices."""


def decode(data: bytes) -> Payload:
    """Returns a payload.

    A metric that cannot be read (text that is no UTF-8, a data set whose widths differ) comes back without a value,
    so that `Metric.value` raises.

    Raises:
        ValueError: the bytes are no Sparkplug B payload, or one beyond the limits; says what is wrong.
    """
    if len(data) > PAYLOAD_BYTES_MAX:
        raise ValueError(f"a payload of {len(data)} bytes is beyond {PAYLOAD_BYTES_MAX}")
    try:
        message = PayloadMessage.FromString(data)
    except DecodeError as error:
        raise ValueError(f"no Sparkplug B payload: {error}") from None
    if len(message.metrics) > METRICS_MAX:
        raise ValueError(f"a payload of {len(message.metrics)} metrics is beyond {METRICS_MAX}")
    return Payload(
        tuple([_metric_or_broken(metric) for metric in message.metrics]),
        message.timestamp if message.HasField("timestamp") else None,
        message.seq if message.HasField("seq") else None,
        _text(message.uuid) if message.HasField("uuid") else None,
        message.body if message.HasField("body") else None,
    )


def encode(payload: Payload) -> bytes:
    """Returns the bytes of a payload.

    Raises:
        ValueError: a value does not fit its field.
    """
    message = PayloadMessage()
    for name in ("seq", "uuid", "body"):
        _set(message, name, getattr(payload, name))
    _set(message, "timestamp", payload.timestamp_ms)
    for metric in payload.metrics:
        _fill_metric(message.metrics.add(), metric)
    data: bytes = message.SerializeToString()
    return data


def _text(value: str | bytes) -> str:
    # protobuf hands back bytes where a string is no UTF-8.
    if isinstance(value, bytes):
        raise ValueError(f"{value!r:.60} is no UTF-8 text")
    return value


def _metric_or_broken(message: Any) -> Metric:
    """Reads one metric; one that cannot be read keeps its name and loses its value, so that the others survive."""
    try:
        return _metric(message)
    except ValueError:
        name = message.name if message.HasField("name") and isinstance(message.name, str) else None
        alias = message.alias if message.HasField("alias") else None
        return Metric(name, alias, message.timestamp if message.HasField("timestamp") else None)


def _metric(message: Any) -> Metric:
    """Reads one metric; the shape of a data message (alias, time, number) takes the short way."""
    has = message.HasField
    field = message.WhichOneof("value")
    raw: Any = None if field is None else getattr(message, field)
    if field == DATASET_FIELD:
        raw = _data_set(raw)
    elif field == TEMPLATE_FIELD:
        raw = _template(raw)
    return Metric(
        _text(message.name) if has("name") else None,
        message.alias if has("alias") else None,
        message.timestamp if has("timestamp") else None,
        message.datatype if has("datatype") else None,
        field,
        raw,
        message.is_null,
        message.is_historical,
        message.is_transient,
        _property_set(message.properties) if has("properties") else (),
        _meta_data(message.metadata) if has("metadata") else None,
    )


def _property_set(message: Any) -> PropertySet:
    if len(message.keys) != len(message.values):
        raise ValueError(f"a property set has {len(message.keys)} keys and {len(message.values)} values")
    return tuple(_property(_text(key), value) for key, value in zip(message.keys, message.values, strict=True))


def _property(key: str, message: Any) -> Property:
    field = message.WhichOneof("value")
    if message.is_null or field is None:
        return Property(key, message.type, None)
    if field == "propertyset_value":
        return Property(key, message.type, _property_set(message.propertyset_value))
    if field == "propertysets_value":
        return Property(
            key, message.type, tuple(_property_set(each) for each in message.propertysets_value.propertyset)
        )
    try:
        return Property(key, message.type, _scalar(message.type, field, getattr(message, field), PROPERTY_TYPES))
    except ValueError:
        # A vendor's own property must not cost the metric.
        return Property(key, message.type, None)


def _scalar(number: int, field: str, raw: Wire, allowed: frozenset[DataType]) -> Scalar:
    kind = data_type(number)
    if kind not in allowed:
        raise ValueError(f"data type {kind.name} is not allowed here")
    value = from_wire(kind, field, raw)
    assert isinstance(value, Scalar)
    return value


def _meta_data(message: Any) -> MetaData:
    return MetaData(
        **{
            item.name: _plain(getattr(message, item.name)) if message.HasField(item.name) else None
            for item in dataclasses.fields(MetaData)
        }
    )


def _plain(value: Any) -> Any:
    return _text(value) if isinstance(value, bytes) else value


def _data_set(message: Any) -> DataSet:
    if message.num_of_columns != len(message.columns):
        raise ValueError(f"a data set says {message.num_of_columns} columns and has {len(message.columns)}")
    types = tuple(data_type(number) for number in message.types)
    # Checked before the rows are read, whose values are typed by column.
    header = DataSet(tuple(_text(name) for name in message.columns), types)
    rows = []
    for row in message.rows:
        if len(row.elements) != len(types):
            raise ValueError(f"a data set of {len(types)} columns has a row of {len(row.elements)}")
        rows.append(tuple(_element(kind, element) for kind, element in zip(types, row.elements, strict=True)))
    return dataclasses.replace(header, rows=tuple(rows))


def _element(kind: DataType, message: Any) -> Scalar | None:
    field = message.WhichOneof("value")
    return None if field is None else _scalar(kind, field, getattr(message, field), BASIC_TYPES)


def _template(message: Any) -> Template:
    return Template(
        tuple(_metric(metric) for metric in message.metrics),
        tuple(_parameter(parameter) for parameter in message.parameters),
        _text(message.version) if message.HasField("version") else None,
        _text(message.template_ref) if message.HasField("template_ref") else None,
        message.is_definition,
    )


def _parameter(message: Any) -> Parameter:
    field = message.WhichOneof("value")
    value = None if field is None else _scalar(message.type, field, getattr(message, field), BASIC_TYPES)
    return Parameter(_text(message.name), message.type, value)


def _set(message: Any, name: str, value: object) -> None:
    if value is None:
        return
    try:
        setattr(message, name, value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} {value!r:.60}: {error}") from None


def _fill_metric(message: Any, metric: Metric) -> None:
    _set(message, "name", metric.name)
    _set(message, "alias", metric.alias)
    _set(message, "timestamp", metric.timestamp_ms)
    _set(message, "datatype", metric.datatype)
    for flag in ("is_historical", "is_transient", "is_null"):
        if getattr(metric, flag):
            setattr(message, flag, True)
    if metric.metadata is not None:
        message.metadata.SetInParent()
        for item in dataclasses.fields(MetaData):
            _set(message.metadata, item.name, getattr(metric.metadata, item.name))
    if metric.properties:
        _fill_properties(message.properties, metric.properties)
    if isinstance(metric.raw, DataSet):
        _fill_data_set(message.dataset_value, metric.raw)
    elif isinstance(metric.raw, Template):
        _fill_template(message.template_value, metric.raw)
    elif metric.field is not None:
        _set(message, metric.field, metric.raw)


def _fill_properties(message: Any, properties: PropertySet) -> None:
    message.SetInParent()
    for item in properties:
        message.keys.append(item.key)
        value = message.values.add(type=item.type)
        if item.value is None:
            value.is_null = True
        elif item.type == DataType.PROPERTY_SET and isinstance(item.value, tuple):
            _fill_properties(value.propertyset_value, _as_set(item.value))
        elif item.type == DataType.PROPERTY_SET_LIST and isinstance(item.value, tuple):
            value.propertysets_value.SetInParent()
            for each in item.value:
                _fill_properties(value.propertysets_value.propertyset.add(), _as_set(each))
        elif item.type in BASIC_TYPES:
            _set(value, *to_wire(data_type(item.type), item.value))
        else:
            raise ValueError(f"property {item.key!r:.60} has type {item.type}, which properties do not have")


def _as_set(value: object) -> PropertySet:
    if not isinstance(value, tuple) or not all(isinstance(item, Property) for item in value):
        raise ValueError(f"{value!r:.60} is no property set")
    return value


def _fill_data_set(message: Any, data_set: DataSet) -> None:
    message.num_of_columns = len(data_set.columns)
    message.columns.extend(data_set.columns)
    message.types.extend(data_set.types)
    for row in data_set.rows:
        elements = message.rows.add().elements
        for kind, value in zip(data_set.types, row, strict=True):
            element = elements.add()
            if value is not None:
                _set(element, *to_wire(kind, value))


def _fill_template(message: Any, template: Template) -> None:
    _set(message, "version", template.version)
    _set(message, "template_ref", template.template_ref)
    message.is_definition = template.is_definition
    for metric in template.metrics:
        _fill_metric(message.metrics.add(), metric)
    for parameter in template.parameters:
        item = message.parameters.add(name=parameter.name, type=parameter.type)
        if parameter.value is not None:
            _set(item, *to_wire(data_type(parameter.type), parameter.value))
