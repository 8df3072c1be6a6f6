"""The choice between two texts."""

from __future__ import annotations

from ..launch_context import LaunchContext
from ..some_substitutions_type import SomeSubstitutionsType
from ..substitution import Substitution
from ..utilities import normalize_to_list_of_substitutions, perform_substitutions
from ..utilities.type_utils import perform_typed_substitution
from .substitution_failure import SubstitutionFailure


class IfElseSubstitution(Substitution):
    """Stands for `if_value` where `condition` is true, else for `else_value`.

    Raises:
        RuntimeError: neither value is given.
    """

    def __init__(
        self,
        condition: SomeSubstitutionsType,
        if_value: SomeSubstitutionsType = "",
        else_value: SomeSubstitutionsType = "",
    ) -> None:
        if if_value == "" and else_value == "":
            raise RuntimeError("One of if_value and else_value must be specified")
        self.__condition = normalize_to_list_of_substitutions(condition)
        self.__if_value = normalize_to_list_of_substitutions(if_value)
        self.__else_value = normalize_to_list_of_substitutions(else_value)

    @property
    def condition(self) -> list[Substitution]:
        """What decides."""
        return self.__condition

    @property
    def if_value(self) -> list[Substitution]:
        """The text where the condition is true."""
        return self.__if_value

    @property
    def else_value(self) -> list[Substitution]:
        """The text where the condition is false."""
        return self.__else_value

    def describe(self) -> str:
        """Return a description for people."""
        parts = (self.condition, self.if_value, self.else_value)
        texts = (" + ".join(sub.describe() for sub in part) for part in parts)
        return f"IfElseSubstitution({', '.join(texts)})"

    def perform(self, context: LaunchContext) -> str:
        """Return the chosen text.

        Raises:
            SubstitutionFailure: the condition is neither true nor false.
        """
        try:
            condition = perform_typed_substitution(context, self.condition, bool)
        except (TypeError, ValueError) as error:
            raise SubstitutionFailure(str(error)) from error
        return perform_substitutions(context, self.if_value if condition else self.else_value)
