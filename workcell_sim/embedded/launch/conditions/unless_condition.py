"""The condition that an expression is false."""

from __future__ import annotations

from ..condition import Condition
from ..launch_context import LaunchContext
from ..some_substitutions_type import SomeSubstitutionsType
from ..utilities import normalize_to_list_of_substitutions
from .evaluate_condition_expression_impl import evaluate_condition_expression


class UnlessCondition(Condition):
    """Holds where `predicate_expression` reads as false."""

    def __init__(self, predicate_expression: SomeSubstitutionsType) -> None:
        self.__expression = normalize_to_list_of_substitutions(predicate_expression)
        super().__init__(predicate=self._holds)

    def _holds(self, context: LaunchContext) -> bool:
        return not evaluate_condition_expression(context, self.__expression)

    def describe(self) -> str:
        """Return a description for people."""
        return f"UnlessCondition({' + '.join(sub.describe() for sub in self.__expression)})"
