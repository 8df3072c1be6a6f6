"""The payload's protobuf messages, built from the field numbers of the Sparkplug specification 3.0, section 6.4.1.

The messages are flat here and nested in the specification: names of messages do not go over the wire. Extension
ranges are left out, so that what lies in them is kept aside by protobuf as unknown fields.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_PACKAGE = "workcell.sparkplug"
_VALUE = "value"
"""The name of every oneof."""

_SCALARS = {
    "uint32": descriptor_pb2.FieldDescriptorProto.TYPE_UINT32,
    "uint64": descriptor_pb2.FieldDescriptorProto.TYPE_UINT64,
    "float": descriptor_pb2.FieldDescriptorProto.TYPE_FLOAT,
    "double": descriptor_pb2.FieldDescriptorProto.TYPE_DOUBLE,
    "bool": descriptor_pb2.FieldDescriptorProto.TYPE_BOOL,
    "string": descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
    "bytes": descriptor_pb2.FieldDescriptorProto.TYPE_BYTES,
}

_Field = tuple[str, int, str]
"""Name, number and type; a type with a star is repeated, one with a question mark is part of the oneof `value`."""


def _basic_values(first: int) -> tuple[_Field, ...]:
    kinds = ("int:uint32", "long:uint64", "float:float", "double:double", "boolean:bool", "string:string")
    return tuple((f"{k.split(':')[0]}_value", first + i, f"{k.split(':')[1]}?") for i, k in enumerate(kinds))


_MESSAGES: dict[str, tuple[_Field, ...]] = {
    "Payload": (
        ("timestamp", 1, "uint64"),
        ("metrics", 2, "Metric*"),
        ("seq", 3, "uint64"),
        ("uuid", 4, "string"),
        ("body", 5, "bytes"),
    ),
    "Metric": (
        ("name", 1, "string"),
        ("alias", 2, "uint64"),
        ("timestamp", 3, "uint64"),
        ("datatype", 4, "uint32"),
        ("is_historical", 5, "bool"),
        ("is_transient", 6, "bool"),
        ("is_null", 7, "bool"),
        ("metadata", 8, "MetaData"),
        ("properties", 9, "PropertySet"),
        *_basic_values(10),
        ("bytes_value", 16, "bytes?"),
        ("dataset_value", 17, "DataSet?"),
        ("template_value", 18, "Template?"),
    ),
    "MetaData": (
        ("is_multi_part", 1, "bool"),
        ("content_type", 2, "string"),
        ("size", 3, "uint64"),
        ("seq", 4, "uint64"),
        ("file_name", 5, "string"),
        ("file_type", 6, "string"),
        ("md5", 7, "string"),
        ("description", 8, "string"),
    ),
    "PropertySet": (("keys", 1, "string*"), ("values", 2, "PropertyValue*")),
    "PropertySetList": (("propertyset", 1, "PropertySet*"),),
    "PropertyValue": (
        ("type", 1, "uint32"),
        ("is_null", 2, "bool"),
        *_basic_values(3),
        ("propertyset_value", 9, "PropertySet?"),
        ("propertysets_value", 10, "PropertySetList?"),
    ),
    "DataSet": (
        ("num_of_columns", 1, "uint64"),
        ("columns", 2, "string*"),
        ("types", 3, "uint32*"),
        ("rows", 4, "Row*"),
    ),
    "Row": (("elements", 1, "DataSetValue*"),),
    "DataSetValue": _basic_values(1),
    "Template": (
        ("version", 1, "string"),
        ("metrics", 2, "Metric*"),
        ("parameters", 3, "Parameter*"),
        ("template_ref", 4, "string"),
        ("is_definition", 5, "bool"),
    ),
    "Parameter": (("name", 1, "string"), ("type", 2, "uint32"), *_basic_values(3)),
}


def _describe(message: descriptor_pb2.DescriptorProto, fields: tuple[_Field, ...]) -> None:
    if any(kind.endswith("?") for _, _, kind in fields):
        message.oneof_decl.add(name=_VALUE)
    for name, number, kind in fields:
        base = kind.rstrip("*?")
        field = message.field.add(name=name, number=number, label=1)  # LABEL_OPTIONAL
        if kind.endswith("*"):
            field.label = descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED
        if kind.endswith("?"):
            field.oneof_index = 0
        if base in _SCALARS:
            field.type = _SCALARS[base]
        else:
            field.type = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE
            field.type_name = f".{_PACKAGE}.{base}"


def _message_classes() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="workcell_sparkplug_b.proto", package=_PACKAGE, syntax="proto2")
    for name, fields in _MESSAGES.items():
        _describe(file.message_type.add(name=name), fields)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}")) for name in _MESSAGES
    }


_CLASSES = _message_classes()
PayloadMessage: Any = _CLASSES["Payload"]
"""The protobuf class of a whole payload; the others are reached through its fields."""
