"""Field types as ``SLOT_TYPES`` of a message class states them."""

from __future__ import annotations

from rosidl_parser import definition

from .model import FieldType, Shape


def slot_type(kind: FieldType) -> definition.AbstractType:
    """Return a field's type as ``SLOT_TYPES`` states it."""
    element: definition.AbstractNestableType
    if kind.is_message:
        package, folder, name = kind.base.split("/")
        element = definition.NamespacedType([package, folder], name)
    elif kind.base == "string":
        element = definition.BoundedString(kind.string_bound) if kind.string_bound else definition.UnboundedString()
    elif kind.base == "wstring":
        element = definition.BoundedWString(kind.string_bound) if kind.string_bound else definition.UnboundedWString()
    else:
        element = definition.BasicType(kind.base)
    if kind.shape is Shape.ARRAY:
        return definition.Array(element, kind.size)
    if kind.shape is Shape.BOUNDED:
        return definition.BoundedSequence(element, kind.size)
    if kind.shape is Shape.UNBOUNDED:
        return definition.UnboundedSequence(element)
    return element
