"""Definitions that the ``rosbags`` library carries, as specifications.

Its store of Jazzy's messages keeps fields, bounds and constants but no defaults. The few messages with defaults (and
all services and actions) are files of our own below ``share``, which are asked first.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from .model import EMPTY_MEMBER, Constant, Field, FieldType, InterfaceError, MessageSpec, Shape
from .parser import IDL_NAMES

# Written out, so that asking whether a package exists (as every import of an unknown module does) loads nothing.
PACKAGES: Final = frozenset(
    {
        "action_msgs",
        "actionlib_msgs",
        "builtin_interfaces",
        "diagnostic_msgs",
        "geometry_msgs",
        "lifecycle_msgs",
        "nav_msgs",
        "rcl_interfaces",
        "rmw_dds_common",
        "rosbag2_interfaces",
        "rosgraph_msgs",
        "sensor_msgs",
        "service_msgs",
        "shape_msgs",
        "statistics_msgs",
        "std_msgs",
        "stereo_msgs",
        "tf2_msgs",
        "trajectory_msgs",
        "type_description_interfaces",
        "unique_identifier_msgs",
        "visualization_msgs",
    }
)
"""Packages the library carries messages of."""


@cache
def _definitions() -> dict[str, Any]:
    from rosbags.typesys.stores import ros2_jazzy

    return ros2_jazzy.FIELDDEFS


@cache
def package_messages(package: str) -> tuple[str, ...]:
    """Return the short names of a package's messages, sorted; empty for a package it does not have."""
    if package not in PACKAGES:
        return ()
    prefix = f"{package}/msg/"
    return tuple(sorted(name.removeprefix(prefix) for name in _definitions() if name.startswith(prefix)))


def message_spec(name: str) -> MessageSpec | None:
    """Return the specification of ``package/msg/Name``, or None where the library has none."""
    definition = _definitions().get(name)
    if definition is None:
        return None
    return _spec(name, definition, IDL_NAMES)


def idl_message_spec(name: str, text: str, source: str) -> MessageSpec:
    """Return the specification of a message that only an ``.idl`` file defines, without its default values.

    Raises:
        InterfaceError: Where the text is no IDL, or defines another message.
    """
    from rosbags.typesys import TypesysError, get_types_from_idl

    # Types of other files are looked up by name when they are needed, not included.
    body = "\n".join("" if line.lstrip().startswith("#") else line for line in text.splitlines())
    try:
        definitions = get_types_from_idl(body)
    except TypesysError as error:
        raise InterfaceError(f"{source}: cannot be read as IDL: {error}; a .msg file says the same in less") from None
    if name not in definitions:
        raise InterfaceError(f"{source}: defines {', '.join(definitions) or 'no struct'}, but should define {name}")
    return _spec(name, definitions[name], {**IDL_NAMES, "char": "char"})


def _spec(name: str, definition: Any, base_names: dict[str, str]) -> MessageSpec:
    constants, fields = definition[:2]
    return MessageSpec(
        name,
        tuple(
            Field(field.rstrip("_"), _field_type(kind, base_names)) for field, kind in fields if field != EMPTY_MEMBER
        ),
        tuple(_constant(label, base_names[base], value) for label, base, value in constants),
    )


def _constant(name: str, base: str, value: Any) -> Constant:
    return Constant(name, base, bytes([value]) if base == "octet" else value)


def _field_type(description: Any, base_names: dict[str, str]) -> FieldType:
    node, content = description
    kind = node.name
    if kind == "NAME":
        return FieldType(content)
    if kind == "BASE":
        base, bound = content
        return FieldType(base_names[base], bound)
    inner, size = content
    element = _field_type(inner, base_names)
    shape = Shape.ARRAY if kind == "ARRAY" else Shape.BOUNDED if size else Shape.UNBOUNDED
    return FieldType(element.base, element.string_bound, shape, size)
