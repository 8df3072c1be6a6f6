"""The lengthening of an environment variable."""

from __future__ import annotations

import os
from typing import Any

from ..action import Action
from ..launch_context import LaunchContext
from ..some_substitutions_type import SomeSubstitutionsType
from ..substitution import Substitution
from ..utilities import normalize_to_list_of_substitutions, perform_substitutions
from ..utilities.type_utils import normalize_typed_substitution, perform_typed_substitution


class AppendEnvironmentVariable(Action):
    """Puts `value` after (or with `prepend` before) the variable's value, with `separator`."""

    def __init__(
        self,
        name: SomeSubstitutionsType,
        value: SomeSubstitutionsType,
        prepend: bool | SomeSubstitutionsType = False,
        separator: SomeSubstitutionsType = os.pathsep,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.__name = normalize_to_list_of_substitutions(name)
        self.__value = normalize_to_list_of_substitutions(value)
        self.__prepend = normalize_typed_substitution(prepend, bool)
        self.__separator = normalize_to_list_of_substitutions(separator)

    @property
    def name(self) -> list[Substitution]:
        """The variable's name."""
        return self.__name

    @property
    def value(self) -> list[Substitution]:
        """What is added."""
        return self.__value

    @property
    def prepend(self) -> bool | list[Substitution]:
        """Whether it goes before the present value."""
        prepend: bool | list[Substitution] = self.__prepend
        return prepend

    @property
    def separator(self) -> list[Substitution]:
        """What comes between."""
        return self.__separator

    def execute(self, context: LaunchContext) -> None:
        """Set the variable to the longer value, or to `value` where it is not set."""
        name = perform_substitutions(context, self.name)
        value = perform_substitutions(context, self.value)
        present = context.environment.get(name)
        if present is not None:
            parts = [present, value]
            if perform_typed_substitution(context, self.__prepend, bool):
                parts.reverse()
            value = perform_substitutions(context, self.separator).join(parts)
        context.environment[name] = value
