"""Parser of ``.msg``, ``.srv`` and ``.action`` definitions.

The grammar is the one documented in the ROS 2 concepts, "Interfaces"; names are held to the same patterns that ROS 2's
own generator holds them to, so that a definition that works here also builds there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from .model import (
    ActionSpec,
    Constant,
    Field,
    FieldType,
    InterfaceError,
    MessageSpec,
    ServiceSpec,
    Shape,
    Spec,
)
from .values import parse_scalar, parse_value

IDL_NAMES: Final = {
    "bool": "boolean",
    "byte": "octet",
    "char": "uint8",
    "float32": "float",
    "float64": "double",
    **{name: name for name in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")},
    "string": "string",
    "wstring": "wstring",
}
SEPARATOR: Final = "---"

_PACKAGE = re.compile(r"(?!.*__)(?!.*_$)[a-z][a-z0-9_]*")
_FIELD_NAME = _PACKAGE
_MESSAGE_NAME = re.compile(r"[A-Z][A-Za-z0-9]*")
_CONSTANT_NAME = re.compile(r"[A-Z]([A-Z0-9_]?[A-Z0-9]+)*")
_TYPE = re.compile(r"(?P<base>[^\[\]<=]+)(?:<=(?P<bound>[^\[\]]*))?(?P<array>\[(?P<upper><=)?(?P<size>[^\]]*)\])?")
_CONSTANT = re.compile(r"(?P<name>\w+)\s*=\s*(?P<value>.*)")


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    text: str


def parse(name: str, text: str, source: str) -> Spec:
    """Parse one definition.

    Args:
        name: ``package/msg/Name``, ``package/srv/Name`` or ``package/action/Name``.
        text: Content of the file.
        source: Path of the file, for error texts.

    Raises:
        InterfaceError: Naming file, line and remedy.
    """
    package, kind, short = name.split("/")
    if not _PACKAGE.fullmatch(package):
        raise InterfaceError(
            f"{source}: {package!r} is no package name; use lower case letters, digits and single underscores"
        )
    if not _MESSAGE_NAME.fullmatch(short):
        raise InterfaceError(f"{source}: {short!r} is no interface name; use CamelCase letters and digits")
    parts = _split(text, {"msg": 1, "srv": 2, "action": 3}[kind], kind, source)
    if kind == "msg":
        return _message(name, parts[0], source)
    if kind == "srv":
        request, response = (
            _message(f"{name}{suffix}", lines, source)
            for suffix, lines in zip(("_Request", "_Response"), parts, strict=True)
        )
        return ServiceSpec(name, request, response)
    goal, result, feedback = (
        _message(f"{name}{suffix}", lines, source)
        for suffix, lines in zip(("_Goal", "_Result", "_Feedback"), parts, strict=True)
    )
    return ActionSpec(name, goal, result, feedback)


def _split(text: str, count: int, kind: str, source: str) -> list[list[_Line]]:
    parts: list[list[_Line]] = [[]]
    for number, raw in enumerate(text.replace("\t", " ").splitlines(), 1):
        line = raw.partition("#")[0].strip()
        if line == SEPARATOR and kind != "msg":
            parts.append([])
        elif line:
            parts[-1].append(_Line(number, line))
    if len(parts) != count:
        raise InterfaceError(
            f"{source}: a .{kind} definition has {count} parts with {count - 1} '{SEPARATOR}' lines between them, "
            f"this one has {len(parts) - 1}; add or remove '{SEPARATOR}' lines"
        )
    return parts


def _message(name: str, lines: list[_Line], source: str) -> MessageSpec:
    package = name.split("/", 1)[0]
    fields: dict[str, Field] = {}
    constants: dict[str, Constant] = {}
    for line in lines:
        try:
            entry = _entry(line.text, package)
            seen = constants if isinstance(entry, Constant) else fields
            if entry.name in seen:
                raise ValueError(f"{entry.name!r} is defined twice; rename one")
        except ValueError as error:
            raise InterfaceError(f"{source}:{line.number}: '{line.text}': {error}") from None
        if isinstance(entry, Constant):
            constants[entry.name] = entry
        else:
            fields[entry.name] = entry
    return MessageSpec(name, tuple(fields.values()), tuple(constants.values()))


def _entry(text: str, package: str) -> Field | Constant:
    type_text, _, rest = text.partition(" ")
    rest = rest.lstrip()
    if not rest:
        raise ValueError("a name is missing; write 'type name', 'type name default' or 'type NAME=value'")
    constant = _CONSTANT.fullmatch(rest)
    if constant is not None:
        return _constant(type_text, constant["name"], constant["value"])
    name, _, default = rest.partition(" ")
    if not _FIELD_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no field name; use lower case letters, digits and single underscores")
    kind = parse_type(type_text, package)
    default = default.strip()
    return Field(name, kind, parse_value(default, kind) if default else None)


def _constant(type_text: str, name: str, value: str) -> Constant:
    if type_text not in IDL_NAMES:
        raise ValueError(f"a constant cannot be of type {type_text!r}; use one of {', '.join(IDL_NAMES)}")
    if not _CONSTANT_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no constant name; use upper case letters, digits and single underscores")
    base = IDL_NAMES[type_text]
    return Constant(name, base, parse_scalar(value, FieldType(base)))


def parse_type(text: str, package: str) -> FieldType:
    """Parse a field's type; a bare message name belongs to ``package``.

    Raises:
        ValueError: With a text that says what would be valid.
    """
    match = _TYPE.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{text!r} is no type; write for example float64, string<=10, float64[3], string[<=5] or pkg/Name[]"
        )
    base = _base(match["base"], package)
    bound = 0
    if match["bound"] is not None:
        if base not in ("string", "wstring"):
            raise ValueError(f"only string and wstring take a bound, not {match['base']!r}")
        bound = _positive(match["bound"], "the bound of a string")
    if match["array"] is None:
        return FieldType(base, bound)
    if match["size"] == "" and not match["upper"]:
        return FieldType(base, bound, Shape.UNBOUNDED)
    size = _positive(match["size"], "the size of an array")
    return FieldType(base, bound, Shape.BOUNDED if match["upper"] else Shape.ARRAY, size)


def _base(text: str, package: str) -> str:
    if text in IDL_NAMES:
        return IDL_NAMES[text]
    parts = text.split("/")
    if len(parts) == 3 and parts[1] == "msg":
        parts = [parts[0], parts[2]]
    if len(parts) == 1:
        parts = [package, *parts]
    if len(parts) != 2 or not _PACKAGE.fullmatch(parts[0]) or not _MESSAGE_NAME.fullmatch(parts[1]):
        raise ValueError(f"{text!r} is no type; write a primitive ({', '.join(IDL_NAMES)}), Name or package/Name")
    return f"{parts[0]}/msg/{parts[1]}"


def _positive(text: str, what: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise ValueError(f"{what} must be a whole number above 0, not {text!r}")
    return int(text)
