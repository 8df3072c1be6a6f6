"""Which values a parameter may take: types and ranges of its descriptor."""

from __future__ import annotations

import math
from typing import Any

from rcl_interfaces.msg import SetParametersResult
from rclpy.parameter import Parameter

# Relative tolerance in the comparison of floating point values with the ends and steps of a range.
PARAM_REL_TOL = 1e-6


def refuse(reason: str) -> SetParametersResult:
    return SetParametersResult(successful=False, reason=reason)


def accept() -> SetParametersResult:
    return SetParametersResult(successful=True)


def check_type(parameter: Parameter, descriptor: Any, is_declared: bool) -> SetParametersResult:
    """Whether the parameter's type agrees with its descriptor; a dynamic descriptor takes over the type."""
    if descriptor.dynamic_typing:
        descriptor.type = parameter.type_.value
        return accept()
    if is_declared and parameter.type_ is Parameter.Type.NOT_SET:
        return refuse("Static parameter cannot be undeclared")
    if parameter.type_ is not Parameter.Type.NOT_SET and parameter.type_.value != descriptor.type:
        return refuse(f"Wrong parameter type, expected '{Parameter.Type(descriptor.type)}' got '{parameter.type_}'")
    return accept()


def check_range(parameter: Parameter, descriptor: Any) -> SetParametersResult:
    """Whether the value lies in the range of its descriptor, if that has one."""
    if parameter.type_ is Parameter.Type.INTEGER and descriptor.integer_range:
        return _check_integer(parameter, descriptor.integer_range[0])
    if parameter.type_ is Parameter.Type.DOUBLE and descriptor.floating_point_range:
        return _check_double(parameter, descriptor.floating_point_range[0])
    return accept()


def _check_integer(parameter: Parameter, allowed: Any) -> SetParametersResult:
    low, high = sorted((allowed.from_value, allowed.to_value))
    value = parameter.value
    if value in (low, high):
        return accept()
    if not low < value < high:
        return refuse(f"Parameter {parameter.name} out of range. Min: {low}, Max: {high}, value: {value}")
    if allowed.step != 0 and (value - low) % allowed.step != 0:
        return refuse(
            f"The parameter value for {parameter.name} is not a valid step. "
            f"Min: {low}, max: {high}, value: {value}, step: {allowed.step}"
        )
    return accept()


def _check_double(parameter: Parameter, allowed: Any) -> SetParametersResult:
    low, high = sorted((allowed.from_value, allowed.to_value))
    value = parameter.value
    if any(math.isclose(value, end, rel_tol=PARAM_REL_TOL) for end in (low, high)):
        return accept()
    if not low < value < high:
        return refuse(f"Parameter {parameter.name} out of range Min: {low}, Max: {high}, value: {value}")
    if allowed.step != 0.0:
        nearest = low + round((value - low) / allowed.step) * allowed.step
        if not math.isclose(nearest, value, rel_tol=PARAM_REL_TOL):
            return refuse(
                f"The parameter value for {parameter.name} is not close enough to a valid step. "
                f"Min: {low}, max: {high}, value: {value}, step: {allowed.step}"
            )
    return accept()
