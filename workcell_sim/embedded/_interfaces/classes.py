"""Message classes, written out as Python source per type and executed.

They look and behave like the classes that ROS 2 Jazzy generates: ``__slots__`` with an underscore, a property for each
field, ``SLOT_TYPES``, ``array.array`` and ``numpy.ndarray`` for numbers, assertions where ``check_fields=True`` or the
environment's ``ROS_PYTHON_CHECK_FIELDS=1`` asks for them. Written out rather than driven by tables, because they are
made, copied and compared hundreds of thousands of times in a shift on virtual time.
"""

from __future__ import annotations

import array
import math
from collections import UserString
from collections.abc import Callable
from typing import Any, Final

import numpy

from . import support
from .checks import DTYPES, TYPECODES, python_type, setter_checks
from .model import Field, FieldType, MessageSpec, Shape

INDENT: Final = "    "
_ZEROS: Final = {
    "boolean": "False",
    "octet": "b'\\x00'",
    "char": "'\\x00'",
    "float": "0.0",
    "double": "0.0",
    "string": "''",
    "wstring": "''",
}


def build_message_class(spec: MessageSpec, module: str, find_class: Callable[[str], type], check_fields: bool) -> type:
    """Return the class of a message.

    Args:
        spec: What the message consists of.
        module: Name of the module that the class says it lives in.
        find_class: Gives the class of a nested message by ``package/msg/Name``.
        check_fields: Whether instances check what is assigned to them unless told otherwise.
    """
    name = spec.name.rsplit("/", 1)[1]
    nested = {field.type.base: find_class(field.type.base) for field in spec.fields if field.type.is_message}
    namespace: dict[str, Any] = {
        "__name__": module,
        "array": array,
        "math": math,
        "numpy": numpy,
        "UserString": UserString,
        "is_collection": support.is_collection,
        "to_array": support.to_array,
        "new": object.__new__,
        "_property": property,
        "_CHECK": check_fields,
        "_Metaclass": support.make_metaclass(
            name,
            {constant.name: constant.value for constant in spec.constants},
            {field.name: _default_maker(field) for field in spec.fields if field.default is not None},
        ),
    }
    for base, cls in nested.items():
        namespace[_class_variable(base)] = cls
        namespace[_copy_variable(base)] = cls._COPY
    source = "\n".join(_class_lines(spec, name))
    exec(compile(source, f"<generated class {spec.name}>", "exec"), namespace)
    cls = namespace[name]
    # Only here: the module is importable once the runtime is activated, specifications and hashes are used before.
    from .slots import slot_type

    cls.SLOT_TYPES = tuple(slot_type(field.type) for field in spec.fields)
    cls.__repr__ = support.message_repr
    cls.get_fields_and_field_types = classmethod(support.get_fields_and_field_types)
    cls._TYPE_NAME = spec.name
    cls._SPEC = spec
    cls._COPY = staticmethod(namespace["copy"])
    return cls


def _default_maker(field: Field) -> Callable[[], object]:
    kind, value = field.type, field.default
    if not isinstance(value, tuple):
        return lambda: value
    if not kind.is_numeric_array:
        return lambda: list(value)
    if kind.shape is Shape.ARRAY:
        return lambda: numpy.array(value, dtype=DTYPES[kind.base].removeprefix("numpy."))
    return lambda: array.array(TYPECODES[kind.base], value)


def _class_variable(base: str) -> str:
    return "class_" + base.replace("/", "_")


def _copy_variable(base: str) -> str:
    return "copy_" + base.replace("/", "_")


def _class_lines(spec: MessageSpec, name: str) -> list[str]:
    body = [
        f'"""Message class {name!r}."""',
        f"__slots__ = {[*(f'_{field.name}' for field in spec.fields), '_check_fields']!r}",
        f"_fields_and_field_types = { ({field.name: str(field.type) for field in spec.fields})!r}",
        *(f"{constant.name} = {constant.value!r}" for constant in spec.constants),
        *(
            f"{support.default_name(field.name)} = _Metaclass.{support.default_name(field.name)}.fget(None)"
            for field in spec.fields
            if field.default is not None
        ),
        *_init_lines(spec, name),
        *_eq_lines(spec),
        *(line for field in spec.fields for line in _property_lines(field)),
        *(["del _get, _set"] if spec.fields else []),
    ]
    return [
        f"class {name}(metaclass=_Metaclass):",
        *(INDENT + line for line in body),
        *_copy_lines(spec, name),
    ]


def _init_lines(spec: MessageSpec, name: str) -> list[str]:
    lines = ["def __init__(self, **kwargs):", "    if not kwargs:", "        self._check_fields = _CHECK"]
    lines += [f"        self._{field.name} = {_initial(field, name)}" for field in spec.fields]
    lines += [
        "        return",
        "    self._check_fields = kwargs.get('check_fields', _CHECK)",
        "    if self._check_fields:",
        "        assert all('_' + key in self.__slots__ for key in kwargs), "
        "'Invalid arguments passed to constructor: %s' % "
        "', '.join(sorted(k for k in kwargs if '_' + k not in self.__slots__))",
    ]
    for field in spec.fields:
        lines += [
            f"    if {field.name!r} in kwargs:",
            *(f"        {line}" for line in _keyword_lines(field)),
            "    else:",
            f"        self._{field.name} = {_initial(field, name)}",
        ]
    return lines


def _keyword_lines(field: Field) -> list[str]:
    """Take a keyword argument: numbers are converted before they are checked, as ROS 2 does."""
    kind, value = field.type, f"kwargs[{field.name!r}]"
    if kind.is_numeric_array and field.default is None:
        if kind.shape is Shape.ARRAY:
            return [
                f"self.{field.name} = numpy.array({value}, dtype={DTYPES[kind.base]})",
                f"assert self.{field.name}.shape == ({kind.size}, )",
            ]
        # Without checks the setter would but convert it once more.
        return [
            f"value = to_array({TYPECODES[kind.base]!r}, {value})",
            f"if self._check_fields: self.{field.name} = value",
            f"else: self._{field.name} = value",
        ]
    return [f"self.{field.name} = {value}"]


def _initial(field: Field, class_name: str) -> str:
    kind = field.type
    if field.default is not None:
        if isinstance(field.default, tuple):
            return f"{class_name}.{support.default_name(field.name)}"
        return repr(field.default) if math.isfinite(_number(field.default)) else f"float({str(field.default)!r})"
    if kind.is_sequence:
        return f"array.array({TYPECODES[kind.base]!r})" if kind.is_numeric_array else "[]"
    if kind.shape is Shape.ARRAY:
        if kind.is_numeric_array:
            return f"numpy.zeros({kind.size}, dtype={DTYPES[kind.base]})"
        return f"[{_zero(kind)} for _ in range({kind.size})]"
    return _zero(kind)


def _number(value: object) -> float:
    return value if isinstance(value, float) else 0.0


def _zero(kind: FieldType) -> str:
    return f"{_class_variable(kind.base)}()" if kind.is_message else _ZEROS.get(kind.base, "0")


def _eq_lines(spec: MessageSpec) -> list[str]:
    lines = ["def __eq__(self, other):", "    if not isinstance(other, self.__class__):", "        return False"]
    for field in spec.fields:
        mine, theirs = f"self._{field.name}", f"other._{field.name}"
        different = f"{mine} != {theirs}"
        if field.type.is_numeric_array and field.type.shape is Shape.ARRAY:
            different = f"not numpy.array_equal({mine}, {theirs})"
        lines += [f"    if {different}:", "        return False"]
    return [*lines, "    return True"]


def _property_lines(field: Field) -> list[str]:
    kind, name = field.type, field.name
    stored = "value"
    if kind.is_numeric_array and kind.shape is Shape.ARRAY:
        stored = f"numpy.array(value, dtype={DTYPES[kind.base]})"
    elif kind.is_numeric_array:
        stored = f"to_array({TYPECODES[kind.base]!r}, value)"
    wanted = _class_variable(kind.base) if kind.is_message else python_type(kind)
    return [
        "def _get(self):",
        f"    return self._{name}",
        "def _set(self, value):",
        "    if self._check_fields:",
        *(f"        {line}" for line in setter_checks(field, wanted)),
        f"    self._{name} = {stored}",
        f"{name} = _property(_get, _set, doc={f'Message field {name!r}.'!r})",
    ]


def _copy_lines(spec: MessageSpec, name: str) -> list[str]:
    lines = ["def copy(message):", f"    result = new({name})", "    result._check_fields = message._check_fields"]
    for field in spec.fields:
        kind, value = field.type, f"message._{field.name}"
        if kind.is_message and kind.shape is Shape.SCALAR:
            value = f"{_copy_variable(kind.base)}({value})"
        elif kind.is_message:
            value = f"[{_copy_variable(kind.base)}(item) for item in {value}]"
        elif kind.is_numeric_array:
            value = f"{value}.copy()" if kind.shape is Shape.ARRAY else f"{value}[:]"
        elif kind.shape is not Shape.SCALAR:
            value = f"list({value})"
        lines.append(f"    result._{field.name} = {value}")
    return [*lines, "    return result"]
