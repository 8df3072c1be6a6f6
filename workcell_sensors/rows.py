"""Frozen rows out of YAML mappings: an error names file, key, value and what would be valid."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from workcell_ros import schema
from workcell_ros.config import check_keys, describe
from workcell_ros.errors import ConfigError

T = TypeVar("T")


def build_row(file: Path, where: str, cls: type[T], given: Mapping[str, Any]) -> T:
    """Returns the frozen row `cls` from a mapping, each value checked against its field's type.

    Fields are float, int, str, bool or a mapping of text to number; those with metadata `hidden` are not the file's.

    Raises:
        ConfigError: a key is unknown or missing, or a value does not fit.
    """
    columns = {column.name: column for column in dataclasses.fields(cls) if is_key(column)}  # type: ignore[arg-type]
    check_keys(file, where, given, columns)
    missing = [name for name, column in columns.items() if _required(column) and name not in given]
    if missing:
        raise ConfigError(file, f"{where}.{missing[0]}", "is missing", f"every row has {', '.join(missing)}")
    return cls(**{name: _value(file, f"{where}.{name}", columns[name], value) for name, value in given.items()})


def build_options(file: Path, where: str, cls: type[T], given: Mapping[str, Any]) -> T:
    """Returns the options `cls`, a frozen dataclass of `schema.param` fields, from a mapping of known keys.

    Raises:
        ConfigError: a value does not fit.
    """
    known = schema.infos(cls)
    for key, value in given.items():
        why = known[key].problem(value)
        if why is not None:
            raise ConfigError(file, f"{where}.{key}", why.partition(": ")[2], describe(known[key]))
    return schema.build(cls, given)


def is_key(column: dataclasses.Field[Any]) -> bool:
    """Returns whether a row's field is set by the file."""
    return column.init and not column.metadata.get("hidden", False)


def _required(column: dataclasses.Field[Any]) -> bool:
    return column.default is dataclasses.MISSING and column.default_factory is dataclasses.MISSING


def _value(file: Path, where: str, column: dataclasses.Field[Any], value: Any) -> Any:
    kind = str(column.type)
    if kind == "float" and _is_number(value):
        return float(value)
    if kind == "int" and isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if kind == "str" and isinstance(value, str) and (value or not _required(column)):
        return value
    if kind == "bool" and isinstance(value, bool):
        return value
    if kind == "Mapping[str, float]" and isinstance(value, dict):
        return {_text(key): _number(file, f"{where}.{_text(key)}", number) for key, number in value.items()}
    valid = {"float": "a number", "int": "a whole number, 0 or more", "str": "a text", "bool": "true or false"}
    fitting = valid.get(kind, "a mapping of text to number, like {ACTIVE: 1}")
    raise ConfigError(file, where, f"is {shown(value)}", fitting)


def shown(value: object) -> str:
    """Returns a value as an error shows it: of a block its kind alone, for it may hold a password put in a wrong place.

    >>> shown(3), shown({"user": "operator", "password": "secret"})
    ('3', 'a dict')
    """
    return f"a {type(value).__name__}" if isinstance(value, dict | list) else repr(value)


def _number(file: Path, where: str, value: Any) -> float:
    if not _is_number(value):
        raise ConfigError(file, where, f"is {value!r}", "a number")
    return float(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)


def _text(key: Any) -> str:
    # YAML 1.1 reads ON, OFF, YES and NO as booleans; devices say them as text.
    return {True: "ON", False: "OFF"}[key] if isinstance(key, bool) else str(key)
