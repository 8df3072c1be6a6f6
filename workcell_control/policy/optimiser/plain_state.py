"""Snapshots of objects whose state is plain: numbers, texts, lists, tuples, dicts, frozen cycles, and more such."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workcell_control.policy.policy import Cycle

_PLAIN = (bool, int, float, str, type(None))
_SEPARATOR = "\x1f"


def plain_state(thing: object) -> Any:
    """Returns all attributes of `thing`, as JSON values that `restore_plain_state` takes back exactly."""
    if isinstance(thing, _PLAIN):
        return thing
    if isinstance(thing, Cycle):
        return {**vars(thing), "distrusted": sorted(thing.distrusted)}
    if isinstance(thing, list | tuple):
        return [plain_state(item) for item in thing]
    if isinstance(thing, Mapping):
        return {_key(key): plain_state(value) for key, value in thing.items()}
    return {name: plain_state(value) for name, value in vars(thing).items()}


def restore_plain_state(thing: object, state: Mapping[str, Any]) -> None:
    """Puts attributes back into an object made alike.

    Raises:
        ValueError: it has other attributes.
    """
    own = vars(thing)
    if set(own) != set(state):
        raise ValueError(f"{type(thing).__name__}: {sorted(state)} do not fit {sorted(own)}")
    for name, value in state.items():
        own[name] = _restored(own[name], value)


def _restored(before: Any, value: Any) -> Any:
    if isinstance(before, Mapping) and isinstance(value, Mapping):
        return {_unkey(key): item for key, item in value.items()}
    if isinstance(before, tuple | list) and all(hasattr(item, "__dict__") for item in before):
        for item, kept in zip(before, value, strict=True):
            restore_plain_state(item, kept)
        return before
    if isinstance(value, Mapping) and "cycle_time_s" in value:
        return Cycle(**{**value, "distrusted": frozenset(value["distrusted"])})
    if isinstance(value, Mapping):
        restore_plain_state(before, value)
        return before
    return value


def _key(key: object) -> str:
    return _SEPARATOR.join(key) if isinstance(key, tuple) else str(key)


def _unkey(key: str) -> Any:
    return tuple(key.split(_SEPARATOR)) if _SEPARATOR in key else key
