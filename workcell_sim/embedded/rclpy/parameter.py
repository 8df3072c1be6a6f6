"""Parameters: names, types and values."""

from __future__ import annotations

import array
from enum import Enum
from typing import Any

import yaml
from rcl_interfaces.msg import Parameter as ParameterMsg
from rcl_interfaces.msg import ParameterType, ParameterValue

PARAMETER_SEPARATOR_STRING = "."

_LISTS = (list, tuple, array.array)


class Parameter:
    """A named value of one of the types parameters may have.

    Raises:
        TypeError: ``type_`` is no :class:`Parameter.Type`, or the value is of no allowed type.
        ValueError: value and type do not agree.
    """

    class Type(Enum):
        """Types of values."""

        NOT_SET = ParameterType.PARAMETER_NOT_SET
        BOOL = ParameterType.PARAMETER_BOOL
        INTEGER = ParameterType.PARAMETER_INTEGER
        DOUBLE = ParameterType.PARAMETER_DOUBLE
        STRING = ParameterType.PARAMETER_STRING
        BYTE_ARRAY = ParameterType.PARAMETER_BYTE_ARRAY
        BOOL_ARRAY = ParameterType.PARAMETER_BOOL_ARRAY
        INTEGER_ARRAY = ParameterType.PARAMETER_INTEGER_ARRAY
        DOUBLE_ARRAY = ParameterType.PARAMETER_DOUBLE_ARRAY
        STRING_ARRAY = ParameterType.PARAMETER_STRING_ARRAY

        @classmethod
        def from_parameter_value(cls, parameter_value: Any) -> Parameter.Type:
            """Type of a Python value.

            Raises:
                TypeError: parameters cannot hold it.
            """
            if parameter_value is None:
                return cls.NOT_SET
            for item_type, scalar, array_type in _PYTHON_TYPES:
                if scalar and isinstance(parameter_value, item_type):
                    return cls[scalar]
            if isinstance(parameter_value, _LISTS):
                for item_type, _, array_type in _PYTHON_TYPES:
                    if all(isinstance(item, item_type) for item in parameter_value):
                        return cls[array_type]
                raise TypeError(f"The given value is not a list of one of the allowed types '{parameter_value}'.")
            raise TypeError(f"The given value is not one of the allowed types '{parameter_value}'.")

        def check(self, parameter_value: Any) -> bool:
            """Whether a value is of this type."""
            if self is Parameter.Type.NOT_SET:
                return parameter_value is None
            for item_type, scalar, array_type in _PYTHON_TYPES:
                if self.name == scalar:
                    return isinstance(parameter_value, item_type)
                if self.name == array_type:
                    return _is_array_of(parameter_value, item_type)
            return False

    def __init__(self, name: str, type_: Parameter.Type | None = None, value: Any = None) -> None:
        if type_ is None:
            type_ = Parameter.Type.from_parameter_value(value)
        if not isinstance(type_, Parameter.Type):
            raise TypeError(f"type must be an instance of '{Parameter.Type!r}'")
        if not type_.check(value):
            raise ValueError(f"Type '{type_}' and value '{value}' do not agree")
        self._type_ = type_
        self._name = name
        self._value = value

    @classmethod
    def from_parameter_msg(cls, param_msg: ParameterMsg) -> Parameter:
        kind = Parameter.Type(value=param_msg.value.type)
        value = None if kind is Parameter.Type.NOT_SET else getattr(param_msg.value, _FIELDS[kind])
        return cls(param_msg.name, kind, value)

    @property
    def name(self) -> str:
        return self._name

    @property
    def type_(self) -> Parameter.Type:
        return self._type_

    @property
    def value(self) -> Any:
        return self._value

    def get_parameter_value(self) -> ParameterValue:
        message = ParameterValue(type=self._type_.value)
        if self._type_ is not Parameter.Type.NOT_SET:
            setattr(message, _FIELDS[self._type_], self._value)
        return message

    def to_parameter_msg(self) -> ParameterMsg:
        return ParameterMsg(name=self._name, value=self.get_parameter_value())


# Item type, name of the scalar's type ("" if there is none), name of the array's type. In the order in which values are
# looked at: bool before int, since Python's bool is an int; an empty list counts as bytes.
_PYTHON_TYPES: tuple[tuple[type, str, str], ...] = (
    (bytes, "", "BYTE_ARRAY"),
    (bool, "BOOL", "BOOL_ARRAY"),
    (int, "INTEGER", "INTEGER_ARRAY"),
    (float, "DOUBLE", "DOUBLE_ARRAY"),
    (str, "STRING", "STRING_ARRAY"),
)
_FIELDS = {kind: f"{kind.name.lower()}_value" for kind in Parameter.Type if kind is not Parameter.Type.NOT_SET}


def _is_array_of(value: Any, item_type: type) -> bool:
    containers = _LISTS if item_type in (int, float) else (list, tuple)
    if not isinstance(value, containers) or not all(isinstance(item, item_type) for item in value):
        return False
    return item_type is not bytes or all(len(item) == 1 for item in value)


def get_parameter_value(string_value: str) -> ParameterValue:
    """Guess the type of a value written as YAML, as on command lines; what fits nothing is a string."""
    try:
        value = yaml.safe_load(string_value)
    except yaml.YAMLError:
        value = string_value
    if value is None or isinstance(value, bytes):
        value = string_value
    try:
        kind = Parameter.Type.from_parameter_value(value)
    except TypeError:
        kind, value = Parameter.Type.STRING, string_value
    if isinstance(value, list) and not value:
        kind = Parameter.Type.BOOL_ARRAY
    message = ParameterValue(type=kind.value)
    setattr(message, _FIELDS[kind], value)
    return message


def parameter_value_to_python(parameter_value: ParameterValue) -> Any:
    """The Python value of a message.

    Raises:
        RuntimeError: its type is none of the known ones.
    """
    try:
        kind = Parameter.Type(parameter_value.type)
    except ValueError:
        raise RuntimeError(f"unexpected parameter type {parameter_value.type}") from None
    if kind is Parameter.Type.NOT_SET:
        return None
    value = getattr(parameter_value, _FIELDS[kind])
    return list(value) if kind.name.endswith("_ARRAY") else value


def parameter_dict_from_yaml_file(
    parameter_file: str,
    use_wildcard: bool = False,
    target_nodes: list[str] | None = None,
    namespace: str = "",
) -> dict[str, ParameterMsg]:
    """Read parameters from a ROS parameter file.

    Args:
        parameter_file: path.
        use_wildcard: take those of ``/**`` too; those of a node win.
        target_nodes: names of nodes to take, default all.
        namespace: prefix of the parameter names.

    Raises:
        RuntimeError: the file has none of what was asked for, or is no parameter file.
    """
    with open(parameter_file, encoding="utf-8") as file:
        content = yaml.safe_load(file)
    selected = ["/**"] if use_wildcard and "/**" in content else []
    for node in target_nodes or []:
        if node not in content:
            raise RuntimeError(
                f"Param file does not contain parameters for {node},only for nodes: {list(content.keys())} "
            )
        selected.append(node)
    if not target_nodes:
        selected.extend(key for key in content if key != "/**")
    if not selected:
        raise RuntimeError("Param file does not contain selected parameters")
    values: dict[str, Any] = {}
    for node in selected:
        block = content[node]
        if not isinstance(block, dict) or "ros__parameters" not in block:
            raise RuntimeError(f"YAML file is not a valid ROS parameter file for node {node}")
        values.update(block["ros__parameters"])
    return _flatten(namespace, values)


def _flatten(prefix: str, values: dict[str, Any]) -> dict[str, ParameterMsg]:
    found: dict[str, ParameterMsg] = {}
    for name, value in values.items():
        full_name = prefix + name
        if isinstance(value, dict):
            found.update(_flatten(full_name + PARAMETER_SEPARATOR_STRING, value))
        else:
            found[full_name] = ParameterMsg(name=full_name, value=get_parameter_value(str(value)))
    return found
