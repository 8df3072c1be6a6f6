"""The one form that parameters are kept in until a launch context can work them out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml
from launch.some_substitutions_type import SomeSubstitutionsType_types_tuple
from launch.substitution import Substitution
from launch.substitutions import TextSubstitution
from launch.utilities import ensure_argument_type, normalize_to_list_of_substitutions

from ..parameter_descriptions import Parameter, ParameterFile, ParameterValue
from ..parameters_type import Parameters, ParametersDict, SomeParameters, SomeParametersDict


def normalize_parameters(parameters: SomeParameters) -> Parameters:
    """Return dictionaries with `normalize_parameter_dict`, paths as ParameterFile.

    Raises:
        TypeError: `parameters` is not a sequence, or holds a value of an unknown type.
    """
    if isinstance(parameters, str) or not isinstance(parameters, Sequence):
        raise TypeError(f"Expecting list of parameters, got {parameters}")
    return tuple(_normalize(item) for item in parameters)


def _normalize(item: Any) -> Any:
    if isinstance(item, Mapping):
        return normalize_parameter_dict(item)
    return item if isinstance(item, Parameter | ParameterFile) else ParameterFile(item)


def normalize_parameter_dict(
    parameters: SomeParametersDict, *, _prefix: Sequence[Substitution] | None = None
) -> ParametersDict:
    """Return names as tuples of substitutions and values as scalars, tuples or substitutions.

    Nested dictionaries become names with dots. A list with a substitution and otherwise text is
    one text; lists of lists are lists of texts.

    Raises:
        TypeError: `parameters` is not a dictionary, or a value is of an unknown type.
    """
    if not isinstance(parameters, Mapping):
        raise TypeError(f"expected a dictionary of parameters, got {parameters!r}")
    normal: ParametersDict = {}
    for given_name, value in parameters.items():
        name = normalize_to_list_of_substitutions(given_name)
        if _prefix:
            name = [*_prefix, TextSubstitution(text="."), *name]
        if isinstance(value, Mapping):
            normal.update(normalize_parameter_dict(value, _prefix=name))
        else:
            normal[tuple(name)] = _normalize_value(value)
    return normal


def _normalize_value(value: Any) -> Any:
    if isinstance(value, str):
        # Quoted as YAML would, so that "1" stays text.
        return tuple(normalize_to_list_of_substitutions(yaml.dump(value)))
    if isinstance(value, Substitution):
        return tuple(normalize_to_list_of_substitutions(value))
    if isinstance(value, ParameterValue | float | bool | int | bytes):
        return value
    if isinstance(value, Sequence):
        return _normalize_sequence(value)
    raise TypeError(f"Unexpected type for parameter value {value!r}")


def _normalize_sequence(value: Sequence[Any]) -> tuple[Any, ...]:
    kinds = {_kind(item) for item in value}
    if kinds == {int}:
        return tuple(int(item) for item in value)
    if kinds in ({float}, {int, float}):
        return tuple(float(item) for item in value)
    if kinds == {bool}:
        return tuple(bool(item) for item in value)
    if Substitution in kinds and kinds <= {str, Substitution}:
        return tuple(normalize_to_list_of_substitutions(value))
    return tuple(
        tuple(
            normalize_to_list_of_substitutions(yaml.dump(item) if isinstance(item, float | int | bool | str) else item)
        )
        for item in value
    )


def _kind(item: Any) -> type:
    accepted = (float, int, str, bool, *SomeSubstitutionsType_types_tuple)
    ensure_argument_type(item, accepted, "subvalue")
    for kind in (Substitution, str, bool, int, float):
        if isinstance(item, kind):
            return kind
    return Iterable if not isinstance(item, Sequence) else tuple
