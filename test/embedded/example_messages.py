"""Messages filled at random from their own field types, for round trips and comparisons."""

from __future__ import annotations

import array
import random
import struct
from typing import Any

import numpy as np

from workcell_sim.embedded._interfaces.checks import DTYPES, TYPECODES
from workcell_sim.embedded._interfaces.finder import find_class
from workcell_sim.embedded._interfaces.model import INTEGER_BITS, Field, FieldType, Shape

LETTERS = "abc XYZ_09-äß€漢"


def random_message(cls: Any, rng: random.Random, depth: int = 0) -> Any:
    """Return an instance of a message class with random content; deep levels get short sequences."""
    message = cls(check_fields=True)
    for field in cls._SPEC.fields:
        setattr(message, field.name, _value(field, rng, depth))
    return message


def _value(field: Field, rng: random.Random, depth: int) -> Any:
    kind = field.type
    if kind.shape is Shape.SCALAR:
        return _scalar(kind, rng, depth)
    count = kind.size if kind.shape is Shape.ARRAY else rng.randrange(min(kind.size or 4, 4 if depth < 3 else 1) + 1)
    values = [_scalar(kind.element, rng, depth + 1) for _ in range(count)]
    if not kind.is_numeric_array:
        return values
    if kind.shape is Shape.ARRAY:
        return np.array(values, dtype=DTYPES[kind.base].removeprefix("numpy."))
    return array.array(TYPECODES[kind.base], values)


def _scalar(kind: FieldType, rng: random.Random, depth: int) -> Any:
    if kind.is_message:
        return random_message(find_class(kind.base), rng, depth + 1)
    if kind.is_string:
        return "".join(rng.choice(LETTERS) for _ in range(rng.randrange(min(kind.string_bound or 9, 9) + 1)))
    if kind.base == "char":
        return chr(rng.randrange(128))
    if kind.base == "boolean":
        return rng.random() < 0.5
    if kind.base == "octet":
        return bytes([rng.randrange(256)])
    if kind.base in INTEGER_BITS:
        bits = INTEGER_BITS[kind.base]
        low = 0 if kind.base.startswith("u") else -(2 ** (bits - 1))
        return rng.randrange(low, low + 2**bits)
    value = rng.uniform(-1e6, 1e6)
    return struct.unpack("<f", struct.pack("<f", value))[0] if kind.base == "float" else value
