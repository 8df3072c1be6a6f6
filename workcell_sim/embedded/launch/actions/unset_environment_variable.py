"""The removal of an environment variable."""

from __future__ import annotations

from typing import Any

from ..action import Action
from ..launch_context import LaunchContext
from ..some_substitutions_type import SomeSubstitutionsType
from ..substitution import Substitution
from ..utilities import normalize_to_list_of_substitutions, perform_substitutions


class UnsetEnvironmentVariable(Action):
    """Removes an environment variable if it is set."""

    def __init__(self, name: SomeSubstitutionsType, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.__name = normalize_to_list_of_substitutions(name)

    @property
    def name(self) -> list[Substitution]:
        """The variable's name."""
        return self.__name

    def execute(self, context: LaunchContext) -> None:
        """Remove the variable."""
        context.environment.pop(perform_substitutions(context, self.name), None)
