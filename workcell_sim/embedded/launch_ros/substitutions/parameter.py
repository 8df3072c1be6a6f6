"""The value of a parameter set for all nodes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from launch.launch_context import LaunchContext
from launch.some_substitutions_type import SomeSubstitutionsType
from launch.substitution import Substitution
from launch.substitutions.substitution_failure import SubstitutionFailure
from launch.utilities import normalize_to_list_of_substitutions, perform_substitutions


class Parameter(Substitution):
    """Stands for the value that a SetParameter action gave to `name`."""

    def __init__(self, name: SomeSubstitutionsType, *, default: Any | Iterable[Any] | None = None) -> None:
        self.__name = normalize_to_list_of_substitutions(name)
        self.__default: list[Substitution] | None = None
        if default is not None:
            items = default if isinstance(default, Iterable) else (default,)
            self.__default = normalize_to_list_of_substitutions(
                [item if isinstance(item, str | Substitution) else str(item) for item in items]
            )

    @property
    def name(self) -> list[Substitution]:
        """The parameter's name."""
        return self.__name

    def describe(self) -> str:
        """Return a description for people."""
        return f"Parameter(name={' + '.join(sub.describe() for sub in self.name)})"

    def perform(self, context: LaunchContext) -> str:
        """Return the value as text.

        Raises:
            SubstitutionFailure: it is not set and there is no default.
        """
        name = perform_substitutions(context, self.name)
        settings: Any = context.launch_configurations.get("global_params", [])
        for setting in settings:
            if isinstance(setting, tuple) and setting[0] == name:
                return str(setting[1])
        if self.__default is None:
            raise SubstitutionFailure(f"parameter '{name}' not found")
        return perform_substitutions(context, self.__default)
