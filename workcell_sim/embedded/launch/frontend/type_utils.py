"""Types named in markup."""

from __future__ import annotations

from typing import Any, List, get_args

from ..utilities.type_utils import is_typing_list
from .entity import Entity

_TYPES: dict[str, Any] = {
    "str": str,
    "bool": bool,
    "float": float,
    "int": int,
    "list_of_str": List[str],
    "list_of_bool": List[bool],
    "list_of_float": List[float],
    "list_of_int": List[int],
    "yaml": None,
}


def check_is_list_entity(data_type: Any) -> bool:
    """Whether `data_type` is a list of entities."""
    arguments = get_args(data_type) if is_typing_list(data_type) else ()
    return bool(arguments) and isinstance(arguments[0], type) and issubclass(arguments[0], Entity)


def get_data_type_from_identifier(type_identifier: str) -> Any:
    """Return the type of that name.

    Raises:
        ValueError: no type has that name.
    """
    if type_identifier not in _TYPES:
        raise ValueError(f"Got invalid type identifier '{type_identifier}', expected one of {', '.join(_TYPES)}")
    return _TYPES[type_identifier]
