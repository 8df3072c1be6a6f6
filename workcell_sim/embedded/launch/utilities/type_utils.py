"""Values with types: scalars, lists of scalars, and text that YAML rules turn into them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, List, get_args, get_origin  # noqa: UP035

import yaml

from ..some_substitutions_type import SomeSubstitutionsType
from ..substitution import Substitution
from .ensure_argument_type_impl import ensure_argument_type
from .normalize_to_list_of_substitutions_impl import normalize_to_list_of_substitutions
from .perform_substitutions_impl import perform_substitutions

if TYPE_CHECKING:
    from ..launch_context import LaunchContext

ScalarTypesTuple = (int, float, bool, str)
# Launch files compare with the typing forms, so these are kept.
ListTypesTuple = (List[int], List[float], List[bool], List[str])  # noqa: UP006
AllowedTypesTuple = ScalarTypesTuple + ListTypesTuple

ScalarValueType = int | float | bool | str
ListValueType = list[int] | list[float] | list[bool] | list[str]
SequenceValueType = Sequence[int] | Sequence[float] | Sequence[bool] | Sequence[str]
AllowedValueType = ScalarValueType | SequenceValueType
SomeScalarType = SomeSubstitutionsType | ScalarValueType
SomeSequenceType = Sequence[SomeScalarType]
SomeValueType = SomeScalarType | SomeSequenceType
NormalizedScalarType = list[Substitution] | ScalarValueType
NormalizedSequenceType = list[NormalizedScalarType]
NormalizedValueType = NormalizedScalarType | NormalizedSequenceType
StrSomeScalarType = SomeScalarType
StrSomeSequenceType = Sequence[ScalarValueType]
StrSomeValueType = StrSomeScalarType | StrSomeSequenceType
AllowedTypesType = Any  # A scalar type, or a list type such as list[int].

_ZERO_ONE = {"1": True, "0": False}


def is_typing_list(data_type: Any) -> bool:
    """Whether `data_type` is ``List``, or a parametrised ``List`` or ``list``."""
    return data_type is List or get_origin(data_type) is list  # noqa: UP006


def is_valid_scalar_type(data_type: Any) -> bool:
    """Whether `data_type` is int, float, bool or str."""
    return data_type in ScalarTypesTuple


def extract_type(data_type: Any) -> tuple[Any, bool]:
    """Return the scalar type of `data_type`, and whether it is a list of them.

    Raises:
        ValueError: it is neither a scalar type nor a list of one.
    """
    arguments = get_args(data_type) if is_typing_list(data_type) else ()
    scalar_type = arguments[0] if arguments else data_type
    if not is_valid_scalar_type(scalar_type):
        raise ValueError(f"Unrecognized data type: {data_type}")
    return scalar_type, bool(arguments)


def is_instance_of_valid_type(value: Any, *, can_be_str: bool = False) -> bool:
    """Whether `value` is a scalar or a uniform list; `can_be_str` lets text into the list."""
    if not isinstance(value, list):
        return isinstance(value, ScalarTypesTuple)
    member_type = next((type(item) for item in value if type(item) is not str), str)
    if member_type not in ScalarTypesTuple:
        return False
    accepted = (member_type, str) if can_be_str else (member_type,)
    return all(isinstance(item, accepted) for item in value)


def is_instance_of(value: Any, data_type: Any = None, *, can_be_str: bool = False) -> bool:
    """Whether `value` is of `data_type`; of any valid type where that is None."""
    if data_type is None:
        return is_instance_of_valid_type(value, can_be_str=can_be_str)
    scalar_type, is_list = extract_type(data_type)
    accepted = (str, scalar_type) if can_be_str else (scalar_type,)
    if not is_list:
        return isinstance(value, accepted)
    return isinstance(value, list) and all(isinstance(item, accepted) for item in value)


def coerce_to_type(value: str, data_type: Any = None, *, can_be_str: bool = False) -> Any:
    """Turn text into a value of `data_type`; by YAML rules where that is None.

    With `can_be_str`, text that cannot be turned stays text.

    Raises:
        TypeError: `value` is not text.
        ValueError: it cannot be turned into that type.
    """
    ensure_argument_type(value, str, "value", "coerce_to_type")
    if data_type is None:
        return _from_yaml(value, f"Failed to convert '{value}' using yaml rules", can_be_str)
    scalar_type, is_list = extract_type(data_type)
    accepted = (str, scalar_type) if can_be_str else (scalar_type,)
    if is_list:
        return _coerce_to_list(value, accepted, can_be_str)
    if scalar_type is str:
        return value
    if scalar_type is bool:
        return _coerce_to_bool(value, accepted, can_be_str)
    try:
        return scalar_type(value)
    except ValueError:
        if can_be_str:
            return value
        raise


def _from_yaml(value: str, error_message: str, can_be_str: bool) -> Any:
    if not value:
        return value
    try:
        result = yaml.safe_load(value)
    except yaml.YAMLError as error:
        if can_be_str:
            return value
        raise ValueError(f"{error_message}: yaml.safe_load() failed\n{error}") from error
    if not is_instance_of_valid_type(result, can_be_str=can_be_str):
        raise ValueError(f"{error_message}: output type is not allowed, got {type(result)}")
    return result


def _coerce_to_list(value: str, accepted: tuple[Any, ...], can_be_str: bool) -> Any:
    message = f"Cannot convert value '{value}' to a list of '{accepted}'"
    result = _from_yaml(value, message, can_be_str)
    if not isinstance(result, list) or not all(isinstance(item, accepted) for item in result):
        raise ValueError(f"{message}, got {result}")
    return result


def _coerce_to_bool(value: str, accepted: tuple[Any, ...], can_be_str: bool) -> Any:
    if value in _ZERO_ONE:
        return _ZERO_ONE[value]
    message = f"Failed to convert '{value}' to '{bool}'"
    result = _from_yaml(value, message, can_be_str)
    if not isinstance(result, accepted):
        raise ValueError(message)
    return result


def coerce_list(value: list[str], data_type: Any = None, *, can_be_str: bool = False) -> Any:
    """Turn a list of texts into a uniform list of `data_type`.

    Raises:
        TypeError: `value` is not a list.
        ValueError: an item cannot be turned, or the list is not uniform.
    """
    ensure_argument_type(value, list, "value", "coerce_list")
    result = [coerce_to_type(item, data_type, can_be_str=can_be_str) for item in value]
    if not is_instance_of_valid_type(result, can_be_str=can_be_str):
        raise ValueError(f"cannot convert value to {data_type}. Got value=`{value}`")
    return result


def get_typed_value(value: str | list[str], data_type: Any, *, can_be_str: bool = False) -> Any:
    """Turn text, or a list of texts, into a value of `data_type`.

    Raises:
        TypeError: a list is given for a scalar type.
        ValueError: the text cannot be turned.
    """
    if not isinstance(value, list):
        return coerce_to_type(value, data_type, can_be_str=can_be_str)
    if data_type is None:
        return coerce_list(value, None, can_be_str=can_be_str)
    scalar_type, is_list = extract_type(data_type)
    if not is_list:
        raise TypeError(f"Cannot convert input '{value}' of type '{type(value)}' to '{scalar_type}'")
    return coerce_list(value, scalar_type, can_be_str=can_be_str)


def is_substitution(value: Any) -> bool:
    """Whether `value` is a substitution, or a sequence of these with text in between."""
    if isinstance(value, Substitution):
        return True
    if not isinstance(value, Iterable) or isinstance(value, str):
        return False
    items = list(value)
    return all(isinstance(item, str | Substitution) for item in items) and any(
        isinstance(item, Substitution) for item in items
    )


def is_normalized_substitution(value: Any) -> bool:
    """Whether `value` is a list of substitutions, and not empty."""
    return isinstance(value, list) and bool(value) and all(isinstance(item, Substitution) for item in value)


def normalize_typed_substitution(value: Any, data_type: Any) -> Any:
    """Check what can be checked before the launch, and normalize substitutions in `value`.

    Raises:
        TypeError: `value` cannot give a value of `data_type`.
    """
    if isinstance(value, ScalarTypesTuple):
        if not is_instance_of(value, data_type):
            raise TypeError(f"value='{value}' is not an instance of {data_type}")
        return value
    if is_substitution(value):
        return normalize_to_list_of_substitutions(value)
    if not isinstance(value, Iterable):
        raise TypeError(
            "value should be either a scalar, a substitutions, or a mixed list of scalars and "
            f"substitutions. Got `value={value}` of type `{type(value)}`. "
        )
    items = list(value)
    scalar_type, is_list = (None, True) if data_type is None else extract_type(data_type)
    if not is_list:
        raise TypeError(
            "The provided value resolves to a list, though the required type is a scalar. "
            f"Got value='{value}', data_type='{data_type}'."
        )
    return _normalize_items(items, scalar_type)


def _normalize_items(items: list[Any], wanted: Any) -> list[Any]:
    present = {_kind(item, items) for item in items} - {Substitution}
    # A list of floats may be written with integers among them.
    kind = float if present == {int, float} else next(iter(present), None)
    if len(present) > 1 and kind is not float:
        raise TypeError(f"Input value is not an acceptable 'SomeValueType'. Got value='{items}'")
    if kind is int and wanted is float:
        kind = float
    if kind is not None and wanted not in (None, kind):
        raise TypeError(f"Got a list of '{kind}', expected a list of '{wanted}'. value='{items}'")
    return [
        normalize_to_list_of_substitutions(item) if is_substitution(item) else (float(item) if kind is float else item)
        for item in items
    ]


def _kind(item: Any, items: list[Any]) -> Any:
    if isinstance(item, ScalarTypesTuple):
        return type(item)
    if is_substitution(item):
        return Substitution
    raise TypeError(
        "value is a list, and one of the items is not a scalar, a Substitution "
        f"or a list of substitutions. Got value='{items}'"
    )


def perform_typed_substitution(context: LaunchContext, value: Any, data_type: Any) -> Any:
    """Work out a value that `normalize_typed_substitution` returned.

    Raises:
        TypeError: `value` was not normalized, or is a scalar of another type.
        ValueError: the text cannot be turned into `data_type`.
    """
    if isinstance(value, ScalarTypesTuple):
        if data_type is not None and not is_instance_of(value, data_type):
            raise TypeError(f"value=`{value}` is a scalar and not an instance of `{data_type}`")
        return value
    if is_normalized_substitution(value):
        return coerce_to_type(perform_substitutions(context, value), data_type)
    if not isinstance(value, list):
        raise TypeError(f"Input value is not an acceptable 'NormalizedValueType'. Got value='{value}'")
    return _perform_list(context, value, data_type)


def _perform_list(context: LaunchContext, value: list[Any], data_type: Any) -> list[Any]:
    scalar_type, is_list = (None, True) if data_type is None else extract_type(data_type)
    if not is_list:
        raise ValueError(
            "The input value is a list, cannot convert it to a scalar. "
            f"Got value='{value}', expected type {scalar_type}."
        )
    result = [
        coerce_to_type(perform_substitutions(context, item), scalar_type) if is_normalized_substitution(item) else item
        for item in value
    ]
    if not is_instance_of(result, data_type):
        raise ValueError(f"The output list is not uniform or not of the expected type {data_type}. Got value='{value}'")
    return result
