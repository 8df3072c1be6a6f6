"""Declares a schema dataclass as ROS parameters and keeps the values in force."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.parameter import Parameter

from workcell_ros import schema
from workcell_ros.config import describe

T = TypeVar("T")


class ParameterSet(Generic[T]):
    """A node's parameters: declared from `schema_cls`, validated before, applied after a set.

    Validation never mutates; `values` is replaced as a whole once rclpy has accepted the set, and then
    `on_change(old, new)` of every listener runs.
    """

    def __init__(self, node: Any, schema_cls: type[T]) -> None:
        self._infos = schema.infos(schema_cls)
        self._schema_cls = schema_cls
        self._listeners: list[Callable[[T, T], None]] = []
        declared = {name: _declare(node, info) for name, info in self._infos.items()}
        self.values: T = schema.build(schema_cls, declared)
        node.add_on_set_parameters_callback(self._validate)
        node.add_post_set_parameters_callback(self._apply)

    def on_change(self, listener: Callable[[T, T], None]) -> None:
        """Calls `listener(old, new)` after every accepted set."""
        self._listeners.append(listener)

    def _validate(self, parameters: list[Parameter]) -> SetParametersResult:
        own = {item.name: item.value for item in parameters if item.name in self._infos}
        problems = schema.validate(self._schema_cls, own)
        return SetParametersResult(successful=not problems, reason="; ".join(problems))

    def _apply(self, parameters: list[Parameter]) -> None:
        own = {item.name: item.value for item in parameters if item.name in self._infos}
        if not own:
            return
        old = self.values
        self.values = dataclasses.replace(old, **own)  # type: ignore[type-var]
        for listener in self._listeners:
            listener(old, self.values)


_ARRAY_TYPES = {
    bool: Parameter.Type.BOOL_ARRAY,
    int: Parameter.Type.INTEGER_ARRAY,
    float: Parameter.Type.DOUBLE_ARRAY,
    str: Parameter.Type.STRING_ARRAY,
}


def _declare(node: Any, info: schema.ParamInfo) -> Any:
    """Declares one parameter and returns its value in force (an override or the default)."""
    if info.is_array and not info.default:
        return _declare_empty(node, info)
    items: Any = info.default
    default = [info.kind(item) for item in items] if info.is_array else info.kind(info.default)
    value = node.declare_parameter(info.name, default, _descriptor(info)).value
    return list(value) if info.is_array else value


def _declare_empty(node: Any, info: schema.ParamInfo) -> list[Any]:
    """Declares a list that is empty by default: rclpy takes the type alone, which an empty list does not tell.

    That would leave it without a value, and then a request for all parameters of the node gets none.
    """
    kind = _ARRAY_TYPES[info.kind]
    value = node.declare_parameter(info.name, kind, _descriptor(dataclasses.replace(info, read_only=False))).value
    if value is None:
        node.set_parameters([Parameter(info.name, kind, [])])
    if info.read_only:
        node.set_descriptor(info.name, _descriptor(info, kind))
    return list(value or [])


def _descriptor(info: schema.ParamInfo, kind: Parameter.Type = Parameter.Type.NOT_SET) -> ParameterDescriptor:
    unit = f" [{info.unit}]" if info.unit else ""
    descriptor = ParameterDescriptor(
        type=kind.value,
        description=f"{info.description}{unit}",
        read_only=info.read_only,
        additional_constraints=describe(info) if info.choices or info.is_array else "",
    )
    if info.is_array or (info.low is None and info.high is None):
        return descriptor
    low = info.low if info.low is not None else -1.7e308
    high = info.high if info.high is not None else 1.7e308
    if info.kind is float:
        descriptor.floating_point_range = [FloatingPointRange(from_value=float(low), to_value=float(high))]
    elif info.kind is int:
        int_low = int(low) if info.low is not None else -(2**63)
        int_high = int(high) if info.high is not None else 2**63 - 1
        descriptor.integer_range = [IntegerRange(from_value=int_low, to_value=int_high, step=1)]
    return descriptor
