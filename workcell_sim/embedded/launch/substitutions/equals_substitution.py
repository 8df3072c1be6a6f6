"""The comparison of two values."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from ..launch_context import LaunchContext
from ..substitution import Substitution
from ..utilities import normalize_to_list_of_substitutions, perform_substitutions
from ..utilities.type_utils import is_substitution

_TRUTHS = {"true": True, "1": True, "false": False, "0": False}


class EqualsSubstitution(Substitution):
    """Stands for 'true' where both sides are equal as truth values, as numbers, or as text."""

    def __init__(self, left: Any | Iterable[Any] | None, right: Any | Iterable[Any] | None) -> None:
        self.__left = _as_substitutions(left)
        self.__right = _as_substitutions(right)

    @property
    def left(self) -> list[Substitution]:
        """The left side."""
        return self.__left

    @property
    def right(self) -> list[Substitution]:
        """The right side."""
        return self.__right

    def describe(self) -> str:
        """Return a description for people."""
        left = " + ".join(sub.describe() for sub in self.left)
        right = " + ".join(sub.describe() for sub in self.right)
        return f"{type(self).__name__}({left} {right})"

    def perform(self, context: LaunchContext) -> str:
        """Return 'true' or 'false'."""
        left = perform_substitutions(context, self.left)
        right = perform_substitutions(context, self.right)
        return "true" if _are_equal(left, right) else "false"


def _as_substitutions(value: Any) -> list[Substitution]:
    if is_substitution(value):
        return normalize_to_list_of_substitutions(value)
    if value is None:
        return normalize_to_list_of_substitutions("")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return normalize_to_list_of_substitutions(text)


def _are_equal(left: str, right: str) -> bool:
    if left.lower() in _TRUTHS and right.lower() in _TRUTHS:
        return _TRUTHS[left.lower()] == _TRUTHS[right.lower()]
    try:
        numbers = float(left), float(right)
    except ValueError:
        return left == right
    return math.isclose(*numbers)
