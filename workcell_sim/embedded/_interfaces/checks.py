"""Source text of the assertions in generated setters.

Their conditions and messages are those of ROS 2 Jazzy's generated classes, because programs' tests match on them.
"""

from __future__ import annotations

from typing import Final

from .model import INTEGER_BITS, Field, FieldType, Shape

TYPECODES: Final = {
    "float": "f",
    "double": "d",
    "int8": "b",
    "uint8": "B",
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "int64": "q",
    "uint64": "Q",
}
DTYPES: Final = {base: f"numpy.{base}" for base in TYPECODES if base not in ("float", "double")} | {
    "float": "numpy.float32",
    "double": "numpy.float64",
}
FLOAT_BOUNDS: Final = {"float": 3.402823466e38, "double": 1.7976931348623157e308}
FLOAT_BOUND_TEXTS: Final = {"float": "3.402823466e+38", "double": "1.7976931348623157e+308"}


def python_type(kind: FieldType) -> str:
    """Return the name of the Python type of one value."""
    if kind.is_message:
        return kind.class_name
    if kind.is_string:
        return "str"
    if kind.base in ("float", "double"):
        return "float"
    return {"boolean": "bool", "octet": "bytes", "char": "str"}.get(kind.base, "int")


def setter_checks(field: Field, class_expression: str) -> list[str]:
    """Return the statements that check ``value`` before it is stored.

    Args:
        field: The field.
        class_expression: Expression of the class that each value must be an instance of.
    """
    if field.type.shape is not Shape.SCALAR:
        return [*_ready_array(field), _assert(_elements_condition(field.type, class_expression), _elements_text(field))]
    return _scalar(field, class_expression)


def _assert(condition: str, message: str) -> str:
    return f"assert {condition}, {message!r}"


def _scalar(field: Field, class_expression: str) -> list[str]:
    kind, subject = field.type, f"The '{field.name}' field must be"
    if kind.is_message:
        text = f"{subject} a sub message of type '{kind.class_name}'"
        return [_assert(f"isinstance(value, {class_expression})", text)]
    if kind.base == "octet":
        text = f"{subject} of type 'bytes' or 'ByteString' with length 1"
        return [_assert("isinstance(value, (bytes, bytearray)) and len(value) == 1", text)]
    if kind.base == "char":
        text = f"{subject} of type 'str' or 'UserString' with length 1 and the character ord() in [-128, 127]"
        return [_assert("isinstance(value, (str, UserString)) and len(value) == 1 and ord(value) < 128", text)]
    if kind.string_bound:
        text = f"{subject} string value not longer than {kind.string_bound}"
        return [_assert(f"isinstance(value, (str, UserString)) and len(value) <= {kind.string_bound}", text)]
    name = python_type(kind)
    checks = [_assert(f"isinstance(value, {name})", f"{subject} of type '{name}'")]
    if kind.base in INTEGER_BITS:
        low, high = _range(kind.base)
        sign = "an unsigned" if low == 0 else "an"
        checks.append(_assert(f"{low} <= value <= {high}", f"{subject} {sign} integer in [{low}, {high}]"))
    elif kind.base in FLOAT_BOUNDS:
        bound = FLOAT_BOUND_TEXTS[kind.base]
        condition = f"not (value < -{bound} or value > {bound}) or math.isinf(value)"
        checks.append(_assert(condition, f"{subject} a {kind.base} in [-{bound}, {bound}]"))
    return checks


def _range(base: str) -> tuple[int, int]:
    bits = INTEGER_BITS[base]
    return (0, 2**bits - 1) if base.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _ready_array(field: Field) -> list[str]:
    """Take an array of the right element type as it is."""
    kind = field.type
    if not kind.is_numeric_array:
        return []
    if kind.shape is Shape.ARRAY:
        subject, dtype = f"The '{field.name}' numpy.ndarray() must have", DTYPES[kind.base]
        return [
            "if isinstance(value, numpy.ndarray):",
            "    " + _assert(f"value.dtype == {dtype}", f"{subject} the dtype of '{dtype}'"),
            "    " + _assert(f"value.size == {kind.size}", f"{subject} a size of {kind.size}"),
            f"    self._{field.name} = value",
            "    return",
        ]
    subject, code = f"The '{field.name}' array.array() must have", TYPECODES[kind.base]
    lines = [
        "if isinstance(value, array.array):",
        "    " + _assert(f"value.typecode == {code!r}", f"{subject} the type code of '{code}'"),
    ]
    if kind.shape is Shape.BOUNDED:
        lines.append("    " + _assert(f"len(value) <= {kind.size}", f"{subject} a size <= {kind.size}"))
    return [*lines, f"    self._{field.name} = value", "    return"]


def _elements_condition(kind: FieldType, class_expression: str) -> str:
    conditions = ["is_collection(value)"]
    if kind.string_bound:
        conditions.append(f"all(len(val) <= {kind.string_bound} for val in value)")
    if kind.shape is not Shape.UNBOUNDED:
        conditions.append(f"len(value) {'==' if kind.shape is Shape.ARRAY else '<='} {kind.size}")
    conditions.append(f"all(isinstance(v, {class_expression}) for v in value)")
    if kind.base in INTEGER_BITS:
        low, high = _range(kind.base)
        conditions.append(f"all({low} <= val <= {high} for val in value)")
    elif kind.base == "char":
        conditions.append("all(ord(val) < 256 for val in value)")
    elif kind.base in FLOAT_BOUNDS:
        bound = FLOAT_BOUND_TEXTS[kind.base]
        conditions.append(f"all(not (val < -{bound} or val > {bound}) or math.isinf(val) for val in value)")
    return f"({' and '.join(conditions)})"


def _elements_text(field: Field) -> str:
    kind = field.type
    words = [f"The '{field.name}' field must be a set or sequence"]
    if kind.shape is not Shape.UNBOUNDED:
        words.append(f"with length {'' if kind.shape is Shape.ARRAY else '<= '}{kind.size}")
    if kind.string_bound:
        words.append(f"and each string value not longer than {kind.string_bound}")
    words.append(f"and each value of type '{python_type(kind)}'")
    if kind.base in INTEGER_BITS:
        low, high = _range(kind.base)
        words.append(f"and each {'unsigned ' if low == 0 else ''}integer in [{low}, {high}]")
    elif kind.base == "char":
        words.append("and each char in [0, 255]")
    elif kind.base in FLOAT_BOUNDS:
        bound = FLOAT_BOUNDS[kind.base]
        words.append(f"and each {kind.base} in [{-bound:f}, {bound:f}]")
    return " ".join(words)
