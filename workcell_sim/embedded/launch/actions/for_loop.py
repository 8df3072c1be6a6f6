"""Entities made once for each of several values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import yaml

from ..action import Action
from ..launch_context import LaunchContext
from ..launch_description_entity import LaunchDescriptionEntity
from ..some_substitutions_type import SomeSubstitutionsType
from ..utilities import normalize_to_list_of_substitutions, perform_substitutions
from ..utilities.type_utils import coerce_to_type

_EntitiesOf = Callable[..., Iterable[LaunchDescriptionEntity] | None]


class ForEach(Action):
    """Calls ``function(**mapping)`` for each YAML mapping in the `;`-separated `input_values`."""

    def __init__(self, input_values: SomeSubstitutionsType, *, function: _EntitiesOf, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.__input_values = normalize_to_list_of_substitutions(input_values)
        self.__function = function

    def execute(self, context: LaunchContext) -> list[LaunchDescriptionEntity]:
        """Return the entities of all calls.

        Raises:
            ValueError: one of the values is not a YAML mapping.
        """
        text = perform_substitutions(context, self.__input_values)
        entities: list[LaunchDescriptionEntity] = []
        for part in filter(str.strip, text.split(";")):
            values = yaml.safe_load(part)
            if not isinstance(values, dict):
                raise ValueError(f"ForEach expected a YAML mapping, got '{part}'")
            entities.extend(self.__function(**values) or ())
        return entities


class ForLoop(Action):
    """Calls ``function(i)`` for each i from 0 to the launch configuration `length`."""

    def __init__(self, length: SomeSubstitutionsType, *, function: _EntitiesOf, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.__length = normalize_to_list_of_substitutions(length)
        self.__function = function

    def execute(self, context: LaunchContext) -> list[LaunchDescriptionEntity]:
        """Return the entities of all calls."""
        length = int(coerce_to_type(perform_substitutions(context, self.__length), int))
        return [entity for i in range(length) for entity in self.__function(i) or ()]
