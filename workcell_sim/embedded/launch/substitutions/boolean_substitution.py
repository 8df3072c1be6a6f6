"""Logic on texts that mean true or false; the results are 'true' and 'false'."""

from __future__ import annotations

from ..launch_context import LaunchContext
from ..some_substitutions_type import SomeSubstitutionsType
from ..substitution import Substitution
from ..utilities import normalize_to_list_of_substitutions
from ..utilities.type_utils import perform_typed_substitution
from .substitution_failure import SubstitutionFailure


def _truth(context: LaunchContext, value: list[Substitution]) -> bool:
    try:
        return bool(perform_typed_substitution(context, value, bool))
    except (TypeError, ValueError) as error:
        raise SubstitutionFailure(str(error)) from error


def _text(truth: bool) -> str:
    return "true" if truth else "false"


class NotSubstitution(Substitution):
    """Stands for the opposite of `value`."""

    def __init__(self, value: SomeSubstitutionsType) -> None:
        self.__value = normalize_to_list_of_substitutions(value)

    @property
    def value(self) -> list[Substitution]:
        """What is negated."""
        return self.__value

    def describe(self) -> str:
        """Return a description for people."""
        return f"NotSubstitution({' + '.join(sub.describe() for sub in self.value)})"

    def perform(self, context: LaunchContext) -> str:
        """Return the negation as text."""
        return _text(not _truth(context, self.value))


class _TwoSided(Substitution):
    def __init__(self, left: SomeSubstitutionsType, right: SomeSubstitutionsType) -> None:
        self.__left = normalize_to_list_of_substitutions(left)
        self.__right = normalize_to_list_of_substitutions(right)

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
        return f"{type(self).__name__}({left}, {right})"


class AndSubstitution(_TwoSided):
    """Stands for true where both sides are."""

    def perform(self, context: LaunchContext) -> str:
        """Return the conjunction as text; both sides must be readable as a truth value."""
        return _text(all([_truth(context, self.left), _truth(context, self.right)]))


class OrSubstitution(_TwoSided):
    """Stands for true where a side is."""

    def perform(self, context: LaunchContext) -> str:
        """Return the disjunction as text; both sides must be readable as a truth value."""
        return _text(any([_truth(context, self.left), _truth(context, self.right)]))


class _ManySided(Substitution):
    def __init__(self, *args: SomeSubstitutionsType) -> None:
        self.__args = [normalize_to_list_of_substitutions(arg) for arg in args]

    @property
    def args(self) -> list[list[Substitution]]:
        """The sides."""
        return self.__args

    def describe(self) -> str:
        """Return a description for people."""
        sides = (" + ".join(sub.describe() for sub in arg) for arg in self.args)
        return f"{type(self).__name__}({', '.join(sides)})"


class AnySubstitution(_ManySided):
    """Stands for true where any of its arguments is; false where there are none."""

    def perform(self, context: LaunchContext) -> str:
        """Return the disjunction as text; all arguments must be readable as a truth value."""
        truths = [_truth(context, arg) for arg in self.args]
        return _text(any(truths))


class AllSubstitution(_ManySided):
    """Stands for true where all of its arguments are; true where there are none."""

    def perform(self, context: LaunchContext) -> str:
        """Return the conjunction as text; all arguments must be readable as a truth value."""
        truths = [_truth(context, arg) for arg in self.args]
        return _text(all(truths))
