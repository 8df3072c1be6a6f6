"""Parameter schemas as frozen dataclasses. Pure: no ROS here, see `params` for the ROS side.

A node's parameters are one frozen dataclass whose fields are made by `param`:

>>> from dataclasses import dataclass
>>> @dataclass(frozen=True)
... class ArmParameters:
...     speed_scale: float = param(0.6, "Share of the joint velocity limits", unit="1", low=0.1, high=1.0)
>>> validate(ArmParameters, {"speed_scale": 2.0})
['speed_scale: 2.0 is outside 0.1..1.0']
>>> validate(ArmParameters, {"sped_scale": 0.5})
['sped_scale: unknown parameter; valid: speed_scale']
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeAlias, TypeVar

Scalar: TypeAlias = bool | int | float | str
Value: TypeAlias = Scalar | list[bool] | list[int] | list[float] | list[str]
T = TypeVar("T")

_KEY = "workcell.param"


@dataclasses.dataclass(frozen=True)
class ParamInfo:
    """What a parameter means and which values it takes."""

    name: str
    kind: type
    """One of bool, int, float, str."""
    is_array: bool
    default: Value
    description: str
    unit: str
    low: float | None
    high: float | None
    choices: tuple[Scalar, ...]
    read_only: bool

    def problem(self, value: object) -> str | None:
        """Returns why `value` cannot be this parameter, or None where it can."""
        items = value if self.is_array else [value]
        if not isinstance(items, list | tuple):
            return f"{self.name}: {value!r} is not a list of {self.kind.__name__}"
        for item in items:
            why = self._item_problem(item)
            if why is not None:
                return f"{self.name}: {why}"
        return None

    def _item_problem(self, item: object) -> str | None:
        if not _is_kind(item, self.kind):
            return f"{item!r} is not a {self.kind.__name__}"
        if self.choices and item not in self.choices:
            return f"{item!r} is not one of {', '.join(map(str, self.choices))}"
        if isinstance(item, int | float) and not isinstance(item, bool):
            return self._range_problem(float(item))
        return None

    def _range_problem(self, number: float) -> str | None:
        if not math.isfinite(number):
            return f"{number} is not finite"
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        if low <= number <= high:
            return None
        return f"{number} is outside {low}..{high}"


def param(
    default: Value,
    description: str,
    *,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    choices: tuple[Scalar, ...] = (),
    read_only: bool = False,
) -> Any:
    """Makes a dataclass field that is a ROS parameter with description, unit and range."""
    meta: dict[str, Any] = {
        "description": description,
        "unit": unit,
        "low": low,
        "high": high,
        "choices": choices,
        "read_only": read_only,
    }
    if isinstance(default, list):
        return dataclasses.field(default_factory=lambda: list(default), metadata={_KEY: meta})
    return dataclasses.field(default=default, metadata={_KEY: meta})


def infos(schema: type) -> dict[str, ParamInfo]:
    """Returns the parameters of a schema by name.

    Raises:
        TypeError: `schema` is no frozen dataclass or a field was not made by `param`.
    """
    if not dataclasses.is_dataclass(schema):
        raise TypeError(f"{schema.__name__} is not a dataclass")
    hints = typing.get_type_hints(schema)
    return {field.name: _info(field, hints[field.name]) for field in dataclasses.fields(schema)}


def validate(schema: type, values: Mapping[str, object]) -> list[str]:
    """Returns one line per value that the schema does not accept; empty where all are fine."""
    known = infos(schema)
    problems = []
    for name, value in values.items():
        if name not in known:
            problems.append(f"{name}: unknown parameter; valid: {', '.join(known)}")
        elif (why := known[name].problem(value)) is not None:
            problems.append(why)
    return problems


def build(schema: type[T], values: Mapping[str, object]) -> T:
    """Returns the schema filled with `values` over its defaults.

    Raises:
        ValueError: a value is unknown or out of range; the text lists every problem.
    """
    problems = validate(schema, values)
    if problems:
        raise ValueError("; ".join(problems))
    known = infos(schema)
    return schema(**{name: _coerce(known[name], value) for name, value in values.items()})


def _info(field: dataclasses.Field[Any], hint: Any) -> ParamInfo:
    if _KEY not in field.metadata:
        raise TypeError(f"field {field.name} is not made by param()")
    is_array = typing.get_origin(hint) in (list, tuple)
    kind = typing.get_args(hint)[0] if is_array else hint
    if isinstance(kind, types.UnionType) or kind not in (bool, int, float, str):
        raise TypeError(f"field {field.name}: {hint} is not a ROS parameter type")
    factory = field.default_factory
    default: Any = field.default if factory is dataclasses.MISSING else factory()
    return ParamInfo(name=field.name, kind=kind, is_array=is_array, default=default, **field.metadata[_KEY])


def _is_kind(item: object, kind: type) -> bool:
    if kind is float:
        return isinstance(item, int | float) and not isinstance(item, bool)
    if kind is int:
        return isinstance(item, int) and not isinstance(item, bool)
    return isinstance(item, kind)


def _coerce(info: ParamInfo, value: Any) -> Any:
    if info.kind is not float:
        return list(value) if info.is_array else value
    return [float(item) for item in value] if info.is_array else float(value)
