"""Literals of interface definitions: the values of constants and defaults."""

from __future__ import annotations

import re
from typing import Final

from .model import INTEGER_BITS, FieldType, Scalar, Shape

TRUE_WORDS: Final = frozenset({"true", "1"})
FALSE_WORDS: Final = frozenset({"false", "0"})

_QUOTED_ELEMENT = re.compile(r"""\s*(?:"((?:\\"|[^"])*)"|'((?:\\'|[^'])*)'|([^,]*?))\s*(?:,|$)""")


def parse_value(text: str, kind: FieldType) -> Scalar | tuple[Scalar, ...]:
    """Parse the default of a field.

    Raises:
        ValueError: With a text that says what would be valid.
    """
    if kind.is_message:
        raise ValueError("a message field cannot have a default; remove it")
    if kind.shape is Shape.SCALAR:
        return parse_scalar(text, kind)
    if not (text.startswith("[") and text.endswith("]")):
        raise ValueError(f"the default of {kind} must be a list in brackets, as [1, 2, 3]")
    parts = _split_elements(text[1:-1].strip(), kind)
    if kind.shape is Shape.ARRAY and len(parts) != kind.size:
        raise ValueError(f"the default must have exactly {kind.size} elements, not {len(parts)}")
    if kind.shape is Shape.BOUNDED and len(parts) > kind.size:
        raise ValueError(f"the default must have at most {kind.size} elements, not {len(parts)}")
    return tuple(parse_scalar(part, kind.element) for part in parts)


def parse_scalar(text: str, kind: FieldType) -> Scalar:
    """Parse one primitive value.

    Raises:
        ValueError: With a text that says what would be valid.
    """
    if kind.is_string:
        return _parse_string(text, kind)
    if kind.base == "boolean":
        word = text.lower()
        if word not in TRUE_WORDS | FALSE_WORDS:
            raise ValueError(f"{text!r} is no boolean; write true or false")
        return word in TRUE_WORDS
    if kind.base in ("float", "double"):
        return _parse_float(text)
    if kind.base == "octet":
        return bytes([_parse_integer(text, 0, 255)])
    bits = INTEGER_BITS[kind.base]
    if kind.base.startswith("u"):
        return _parse_integer(text, 0, 2**bits - 1)
    return _parse_integer(text, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _parse_float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text!r} is no number; write it with '.' as the separator") from None


def _parse_integer(text: str, low: int, high: int) -> int:
    try:
        value = int(text)
    except ValueError:
        try:
            value = int(text, 0)
        except ValueError:
            raise ValueError(f"{text!r} is no integer; write one in [{low}, {high}]") from None
    if not low <= value <= high:
        raise ValueError(f"{text} is out of range; write an integer in [{low}, {high}]")
    return value


def _parse_string(text: str, kind: FieldType) -> str:
    value = text
    for quote in "\"'":
        if len(text) >= 2 and text[0] == quote and text[-1] == quote:
            value = text[1:-1]
            if re.search(rf"(?<!\\){quote}", value):
                raise ValueError(f"{text} has an inner {quote} without a backslash; write \\{quote}")
            value = value.replace("\\" + quote, quote)
            break
    if "\\" in value:
        # Escapes are decoded as ROS 2 does on its way through IDL; the round trip by Latin-1 keeps other UTF-8 whole.
        value = value.encode().decode("unicode_escape").encode("latin-1").decode()
    if kind.string_bound and len(value) > kind.string_bound:
        raise ValueError(f"{text} is longer than the {kind.string_bound} characters of {kind}")
    return value


def _split_elements(text: str, kind: FieldType) -> list[str]:
    if not text:
        return []
    if not kind.is_string:
        return [part.strip() for part in text.split(",")]
    parts: list[str] = []
    position = 0
    while position < len(text):
        match = _QUOTED_ELEMENT.match(text, position)
        if match is None or match.end() == position:
            raise ValueError(f"cannot split {text!r} into strings; quote each one")
        parts.append(match.group(0).rstrip(",").strip() if match.group(3) is None else match.group(3))
        position = match.end()
    return parts
