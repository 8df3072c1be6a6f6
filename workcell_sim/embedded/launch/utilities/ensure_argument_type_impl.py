"""The check of an argument's type."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


def ensure_argument_type(
    argument: Any,
    types: type | Iterable[Any],
    argument_name: str,
    caller: str | None = None,
) -> None:
    """Check that `argument` is an instance of one of `types`.

    Raises:
        TypeError: it is not; the message names the argument, the types and the caller.
    """
    own_name = "ensure_argument_type()"
    if not isinstance(types, type | Iterable):
        raise _type_error(own_name, "types", ["type", "Iterable of type"], types)
    if not isinstance(argument_name, str):
        raise _type_error(own_name, "argument_name", ["str"], argument_name)
    if caller is not None and not isinstance(caller, str):
        raise _type_error(own_name, "caller", ["str", "None"], caller)
    accepted = [types] if isinstance(types, type) else list(types)
    if not any(isinstance(argument, accepted_type) for accepted_type in accepted):
        raise _type_error(caller, argument_name, accepted, argument)


def _type_error(caller: str | None, name: str, accepted: list[Any], argument: Any) -> TypeError:
    subject = "Expected" if caller is None else f"'{caller}' expected"
    listed = ", ".join(str(item) for item in accepted)
    return TypeError(f"{subject} '{name}' to be one of [{listed}], but got '{argument}' of type '{type(argument)}'")
