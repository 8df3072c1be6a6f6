"""The working out of normalized parameters in a launch context."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from launch.launch_context import LaunchContext
from launch.substitution import Substitution
from launch.utilities import ensure_argument_type, perform_substitutions

from ..parameter_descriptions import ParameterFile, ParameterValue
from ..parameters_type import (
    EvaluatedParameters,
    EvaluatedParameterValue,
    Parameters,
    ParametersDict,
)


def evaluate_parameters(context: LaunchContext, parameters: Parameters) -> EvaluatedParameters:
    """Return a path for each file, a dictionary of values for each dictionary, the rest as it is.

    Text made by substitutions is read as YAML.

    Raises:
        TypeError: the parameters were not normalized, or text gives no valid parameter value.
    """
    return tuple(_evaluate(context, item) for item in parameters)


def _evaluate(context: LaunchContext, item: Any) -> Any:
    if isinstance(item, ParameterFile):
        return item.evaluate(context)
    return evaluate_parameter_dict(context, item) if isinstance(item, Mapping) else item


def evaluate_parameter_dict(context: LaunchContext, parameters: ParametersDict) -> dict[str, EvaluatedParameterValue]:
    """Return names and values of a normalized dictionary.

    Raises:
        TypeError: it was not normalized, or text gives no valid parameter value.
    """
    if not isinstance(parameters, Mapping):
        raise TypeError(f"expected a dictionary of parameters, got {parameters!r}")
    values: dict[str, EvaluatedParameterValue] = {}
    for name, value in parameters.items():
        if not isinstance(name, tuple):
            raise TypeError(f"Expecting tuple of substitutions got {name!r}")
        text_name = perform_substitutions(context, name)
        values[text_name] = _evaluate_value(context, text_name, value)
    return values


def _evaluate_value(context: LaunchContext, name: str, value: Any) -> EvaluatedParameterValue:
    if isinstance(value, ParameterValue):
        return value.evaluate(context)
    if not isinstance(value, tuple):
        ensure_argument_type(value, (float, int, str, bool, bytes), "value")
        scalar: EvaluatedParameterValue = value
        return scalar
    if not value:
        raise TypeError(f"parameter '{name}' is an empty list, whose type is unknown")
    if isinstance(value[0], Substitution):
        return _from_yaml(name, perform_substitutions(context, value))
    if isinstance(value[0], Sequence) and not isinstance(value[0], str):
        texts = [perform_substitutions(context, item) for item in value]
        return _uniform(name, [yaml.safe_load(text) for text in texts])
    return tuple(type(value[0])(item) for item in value)


def _from_yaml(name: str, text: str) -> EvaluatedParameterValue:
    advice = (
        "If the parameter is meant to be a string, try wrapping it in "
        "launch_ros.parameter_descriptions.ParameterValue(value, value_type=str)"
    )
    try:
        value = yaml.safe_load(text) if text else ""
    except yaml.YAMLError as error:
        raise TypeError(f"Unable to parse the value of parameter {name} as yaml. {advice}") from error
    if isinstance(value, bool | int | float | str | bytes):
        return value
    if isinstance(value, Sequence):
        return _uniform(name, value)
    raise TypeError(
        "Allowed value types are bytes, bool, int, float, str, and lists of bool, int, float or "
        f'str. Got {type(value)} for "{name}". {advice}'
    )


def _uniform(name: str, values: Sequence[Any]) -> tuple[Any, ...]:
    kind = type(values[0]) if values else None
    if kind not in (bool, int, float, str) or not all(isinstance(item, kind) for item in values):
        raise TypeError(
            "Expected a non-empty sequence, with items of uniform type. Allowed sequence item "
            f'types are bool, int, float, str. Got inconsistent input for "{name}"'
        )
    return tuple(values)
