"""States to and from JSON, bit-exact: Python writes floats so that they read back the same.

A state is a dataclass of bool, int, float, str, None, float arrays, enums, lists, tuples, dicts with
string keys and further dataclasses.
"""

from __future__ import annotations

import dataclasses
import enum
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")


class SnapshotError(ValueError):
    """A snapshot does not fit the state it is to be read into."""


def encode(state: Any) -> Any:
    """Turns a state into what `json.dumps` takes.

    Raises:
        TypeError: the state holds something else than the module docstring lists.
    """
    if dataclasses.is_dataclass(state) and not isinstance(state, type):
        return {field.name: encode(getattr(state, field.name)) for field in dataclasses.fields(state)}
    if isinstance(state, np.ndarray):
        return {"shape": list(state.shape), "values": state.ravel().tolist()}
    if isinstance(state, enum.Enum):
        return state.value
    if isinstance(state, list | tuple):
        return [encode(item) for item in state]
    if isinstance(state, Mapping):
        return {str(key): encode(value) for key, value in state.items()}
    if state is None or isinstance(state, bool | int | float | str):
        return state
    raise TypeError(f"a {type(state).__name__} cannot be part of a snapshot")


def decode(kind: type[T], data: Any) -> T:
    """Reads what `encode` wrote back into a state of type `kind`.

    Raises:
        SnapshotError: a field is missing, unknown or of another type.
    """
    return typing.cast(T, _decode(kind, data, kind.__name__))


def rng_state(rng: np.random.Generator) -> dict[str, Any]:
    """The state of a PCG64 generator; JSON holds its 128-bit integers."""
    return dict(rng.bit_generator.state)


def restore_rng(rng: np.random.Generator, state: Mapping[str, Any]) -> None:
    """Sets a generator to what `rng_state` gave."""
    rng.bit_generator.state = dict(state)


def _decode(hint: Any, data: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return data
    if origin in (types.UnionType, typing.Union):
        return _decode_optional(arguments, data, where)
    if origin is np.ndarray:
        return _decode_array(data, where)
    if origin is list:
        return [_decode(arguments[0], item, f"{where}[]") for item in data]
    if origin is tuple:
        kinds = arguments[:1] * len(data) if arguments[-1] is ... else arguments
        return tuple(_decode(kind, item, f"{where}[]") for kind, item in zip(kinds, data, strict=True))
    if origin is dict:
        return {key: _decode(arguments[1], value, f"{where}.{key}") for key, value in data.items()}
    if dataclasses.is_dataclass(hint):
        return _decode_dataclass(hint, data, where)
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return hint(data)
    return _decode_scalar(hint, data, where)


def _decode_optional(arguments: tuple[Any, ...], data: Any, where: str) -> Any:
    if data is None and type(None) in arguments:
        return None
    kinds = [kind for kind in arguments if kind is not type(None)]
    return _decode(kinds[0], data, where)


def _decode_array(data: Any, where: str) -> Any:
    if not isinstance(data, Mapping) or set(data) != {"shape", "values"}:
        raise SnapshotError(f"{where}: expected an array with shape and values")
    return np.array(data["values"], dtype=np.float64).reshape(data["shape"])


def _decode_dataclass(kind: Any, data: Any, where: str) -> Any:
    names = [field.name for field in dataclasses.fields(kind)]
    if not isinstance(data, Mapping) or set(data) != set(names):
        raise SnapshotError(f"{where}: expected the fields {', '.join(names)}")
    hints = typing.get_type_hints(kind)
    return kind(**{name: _decode(hints[name], data[name], f"{where}.{name}") for name in names})


def _decode_scalar(kind: Any, data: Any, where: str) -> Any:
    wanted = (int, float) if kind is float else kind
    if not isinstance(data, wanted) or (kind is not bool and isinstance(data, bool)):
        raise SnapshotError(f"{where}: expected a {kind.__name__}, got {data!r}")
    return float(data) if kind is float else data
