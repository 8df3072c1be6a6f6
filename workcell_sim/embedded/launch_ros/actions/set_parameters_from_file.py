"""A parameter file for all nodes of a scope."""

from __future__ import annotations

from typing import Any

from launch.action import Action
from launch.launch_context import LaunchContext
from launch.some_substitutions_type import SomeSubstitutionsType
from launch.utilities import normalize_to_list_of_substitutions, perform_substitutions

from .set_parameter import add_global_parameters


class SetParametersFromFile(Action):
    """Gives the YAML file `filename` to the nodes started later in this scope."""

    def __init__(self, filename: SomeSubstitutionsType, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.__filename = normalize_to_list_of_substitutions(filename)

    def execute(self, context: LaunchContext) -> None:
        """Add the file to what all nodes get."""
        add_global_parameters(context, [perform_substitutions(context, self.__filename)])
