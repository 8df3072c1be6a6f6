"""The inclusion of another launch description."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from ..action import Action
from ..launch_context import LaunchContext
from ..launch_description_entity import LaunchDescriptionEntity
from ..launch_description_source import LaunchDescriptionSource
from ..launch_description_sources import AnyLaunchDescriptionSource
from ..some_substitutions_type import SomeSubstitutionsType
from ..substitutions.substitution_failure import SubstitutionFailure
from ..utilities import normalize_to_list_of_substitutions, perform_substitutions
from .set_launch_configuration import SetLaunchConfiguration

_Arguments = tuple[tuple[SomeSubstitutionsType, SomeSubstitutionsType], ...]


class IncludeLaunchDescription(Action):
    """Yields the entities of a launch description, with arguments set for it."""

    def __init__(
        self,
        launch_description_source: LaunchDescriptionSource | SomeSubstitutionsType,
        *,
        launch_arguments: Iterable[tuple[SomeSubstitutionsType, SomeSubstitutionsType]] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not isinstance(launch_description_source, LaunchDescriptionSource):
            launch_description_source = AnyLaunchDescriptionSource(launch_description_source)
        self.__source = launch_description_source
        self.__launch_arguments: _Arguments = tuple(launch_arguments or ())

    @property
    def launch_description_source(self) -> LaunchDescriptionSource:
        """Where the description comes from."""
        return self.__source

    @property
    def launch_arguments(self) -> _Arguments:
        """The (name, value) pairs to be set for it."""
        return self.__launch_arguments

    def get_sub_entities(self) -> list[LaunchDescriptionEntity]:
        """Return the description if it can be had before launching."""
        description = self.__source.try_get_launch_description_without_context()
        return [] if description is None else [description]

    def execute(self, context: LaunchContext) -> list[LaunchDescriptionEntity]:
        """Yield the setting of the arguments, then the description.

        Raises:
            RuntimeError: the description declares an argument without default that is not given.
        """
        description = self.__source.get_launch_description(context)
        path = os.path.abspath(self.__source.location)
        is_file = os.path.exists(path)
        context.extend_locals(
            {
                "current_launch_file_path": path,
                "current_launch_file_directory": (os.path.dirname(path) if is_file else self.__source.location),
            }
        )
        given = self._argument_names(context)
        declared = description.get_launch_arguments_with_include_launch_description_actions()
        for argument, includes in declared:
            if argument._conditionally_included or argument.default_value is not None:
                continue
            names = given + [name for include in includes or [] for name in include.known_names()]
            if argument.name not in names:
                raise RuntimeError(
                    f"Included launch description missing required argument '{argument.name}' "
                    f"(description: '{argument.description}'), given: [{', '.join(names)}]"
                )
        settings = [SetLaunchConfiguration(name, value) for name, value in self.launch_arguments]
        return [*settings, description]

    def known_names(self) -> list[str]:
        """Return the names of the arguments given, none if only a launch context can tell them."""
        try:
            return self._argument_names(LaunchContext())
        except SubstitutionFailure:
            return []

    def _argument_names(self, context: LaunchContext) -> list[str]:
        return [
            perform_substitutions(context, normalize_to_list_of_substitutions(name))
            for name, _ in self.launch_arguments
        ]
